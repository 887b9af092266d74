"""Many files: decode, fuse or score, encode, side by side; and the manifest that says how each was made."""

from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser

__all__ = ["Fuser", "Pair"]
