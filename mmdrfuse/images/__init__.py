"""Pictures as arrays: reading, writing, colour and value ranges.

An image is H×W (grey) or H×W×3 (RGB), uint8, uint16 or float32 in [0, 1], as it is stored in its file.
"""

from mmdrfuse.images.files import (
    QUALITY,
    SUFFIXES,
    check_format,
    decode,
    encode,
    is_picture,
    load,
    read,
    stem,
    write,
)
from mmdrfuse.images.picture import Metadata, Picture, Side
from mmdrfuse.images.sheet import sheet
from mmdrfuse.images.values.colour import COLORS, is_gray, luminance, recolour
from mmdrfuse.images.values.histogram import Histogram, limits, limits_over
from mmdrfuse.images.values.ranges import (
    PERCENTILES,
    RANGES,
    Levels,
    constant_limits,
    converted,
    from_unit,
    stretch,
    to_unit,
)

__all__ = [
    "COLORS",
    "PERCENTILES",
    "QUALITY",
    "RANGES",
    "SUFFIXES",
    "Histogram",
    "Levels",
    "Metadata",
    "Picture",
    "Side",
    "check_format",
    "constant_limits",
    "converted",
    "decode",
    "encode",
    "from_unit",
    "is_gray",
    "is_picture",
    "limits",
    "limits_over",
    "load",
    "luminance",
    "read",
    "recolour",
    "sheet",
    "stem",
    "stretch",
    "to_unit",
    "write",
]  # fmt: skip
