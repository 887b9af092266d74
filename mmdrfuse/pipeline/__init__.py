"""Fuse and score many files side by side.

`fuse` goes from two sides to fused pictures and a manifest, `score` from fused pictures to a table of metrics, and
`efficiency` measures what a network costs on this machine.
"""

from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser

__all__ = ["Fuser", "Pair"]
