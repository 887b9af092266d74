"""Many files: decode, fuse or score, encode, side by side; and the manifest that says how each was made."""

from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.pairs import Pair

__all__ = ["Fuser", "Pair"]
