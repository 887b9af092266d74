"""TIFF files beyond Pillow: written in any depth with their metadata, and read where Pillow would narrow them.

TIFF revision 6.0, Adobe, 1992. tifffile, https://github.com/cgohlke/tifffile.
"""

import io
import lzma
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin
from PIL.ExifTags import Base

from mmdrfuse.errors import MissingExtraError
from mmdrfuse.images.metadata import profile
from mmdrfuse.images.picture import Metadata, chosen

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Beginnings of TIFF and BigTIFF files, in either order of bytes."""
_KINDS = {"u": 1, "f": 3}
"""Values of the tag SampleFormat."""
ICC = Base.InterColorProfile
_UNDEFINED = 7
DAMAGED = (
    LookupError, TypeError, ArithmeticError, OSError, struct.error, zlib.error, lzma.LZMAError, RuntimeError,
)  # fmt: skip
"""What damaged tags and data lead to besides tifffile's own error, a ValueError; imagecodecs raises the last."""
_WHITE_IS_ZERO = 0
"""A value of the tag PhotometricInterpretation."""


def is_wide(image: Image.Image) -> bool:
    """Tell whether an opened TIFF holds colour of more than 8 bits, which Pillow would cut to 8."""
    bits = getattr(image, "tag_v2", {}).get(Base.BitsPerSample, (8,))
    return len(bits) > 1 and max(bits) > 8


def blackened(image: Image.Image, values: NDArray[Any]) -> NDArray[Any]:
    """Count from black where an opened TIFF of more than 8 bits counts from white; with fewer, Pillow does."""
    tags = getattr(image, "tag_v2", {})
    if not image.mode.startswith("I;16") or tags.get(Base.PhotometricInterpretation) != _WHITE_IS_ZERO:
        return values
    counted: NDArray[Any] = (1 << tags[Base.BitsPerSample][0]) - 1 - values
    return counted


def decode(content: bytes, name: str, page: int | None) -> NDArray[Any]:
    """Give a page of a TIFF as it is stored; transparency is dropped, double precision becomes single.

    Args:
        content: The file.
        name: What to call it in messages.
        page: Which page, from 1 on; a file with a single one needs no number.

    Returns:
        H×W or H×W×3, of any type of number.

    Raises:
        InputError: It holds several pages and none is chosen.
        ValueError: The file is damaged or holds no picture.
        MissingExtraError: It is compressed in a way that needs imagecodecs.
    """
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            found = file.pages[chosen(page, len(file.pages), name, "pages")]
            if found.size > 4 * 2 * (Image.MAX_IMAGE_PIXELS or found.size):
                raise ValueError(f"{found.size} values are more than fit into memory safely")
            image: NDArray[Any] = found.asarray()
            if getattr(found, "planarconfig", 1) == 2 and image.ndim == 3:
                image = np.moveaxis(image, 0, -1)
    except NotImplementedError:  # packed bits
        raise MissingExtraError("imagecodecs", "tiff", "a TIFF packed like this") from None
    except DAMAGED as error:
        raise ValueError(str(error)) from None
    except ValueError as error:
        if "imagecodecs" in str(error):
            raise MissingExtraError("imagecodecs", "tiff", "a TIFF compressed like this") from None
        raise
    if image.ndim == 3 and image.shape[2] <= 4:
        image = image[..., :3] if image.shape[2] >= 3 else image[..., 0]
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or image.dtype.kind not in "buif":
        raise ValueError(f"{' x '.join(map(str, image.shape))} values of {image.dtype} are no picture")
    with np.errstate(over="ignore"):  # infinite then, which is refused where it matters
        return np.ascontiguousarray(image, np.float32 if image.dtype.kind == "f" else image.dtype.newbyteorder("="))


def encode(image: NDArray[Any], known: Metadata) -> bytes:
    """Give a picture as the content of a TIFF file, uncompressed, in one strip.

    Args:
        image: H×W or H×W×3; uint8, uint16 or float32.
        known: What to carry over.
    """
    height, width = image.shape[:2]
    channels = 1 if image.ndim == 2 else 3
    data = image.astype(image.dtype.newbyteorder("<"), copy=False).tobytes()
    directory = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\x08\0\0\0")
    exif = Image.Exif()
    exif.load(known.exif)
    for tag in exif:
        inner = exif.get_ifd(tag)
        directory[tag] = inner or exif[tag]
    directory[Base.ImageWidth], directory[Base.ImageLength] = width, height
    directory[Base.BitsPerSample] = (8 * image.dtype.itemsize,) * channels
    directory[Base.Compression] = 1
    directory[Base.PhotometricInterpretation] = 1 if channels == 1 else 2
    directory[Base.StripOffsets] = 0  # Pillow adds where the directory ends
    directory[Base.SamplesPerPixel], directory[Base.RowsPerStrip] = channels, height
    directory[Base.StripByteCounts] = len(data)
    directory[Base.SampleFormat] = (_KINDS[image.dtype.kind],) * channels
    icc = profile(known, image)
    if icc:
        directory.tagtype[ICC] = _UNDEFINED
        directory[ICC] = icc
    buffer = io.BytesIO()
    directory.save(buffer)
    return buffer.getvalue() + data
