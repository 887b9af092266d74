"""Pictures as arrays: reading, writing, colour and value ranges.

An image is H×W (grey) or H×W×3 (RGB), uint8, uint16 or float32 in [0, 1], as it is stored in its file.
"""

from mmdrfuse.images.colour import is_gray, luminance, recolour
from mmdrfuse.images.files import SUFFIXES, is_picture, read, write
from mmdrfuse.images.ranges import RANGES, from_unit, limits, to_unit
from mmdrfuse.images.sheet import sheet

__all__ = ["RANGES", "SUFFIXES", "from_unit", "is_gray", "is_picture", "limits", "luminance", "read", "recolour",
           "sheet", "to_unit", "write"]  # fmt: skip
