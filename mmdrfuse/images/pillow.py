"""Pictures through Pillow, which may open these formats and no others.

Pillow knows more formats, and some of them start further programs: EPS starts Ghostscript.
"""

from typing import BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError

COMMON = ("PNG", "JPEG", "BMP", "DIB", "GIF", "PPM")
"""Formats whose readers Pillow loads at once."""

OTHERS = ("WEBP", "TIFF", "JPEG2000", "AVIF")
"""Formats for which it loads all its readers; not every build has them all."""


def open_picture(file: BinaryIO) -> ImageFile.ImageFile:
    """Open a picture without decoding it.

    Raises:
        UnidentifiedImageError: It is in none of the formats above.
    """
    Image.preinit()
    file.seek(0)
    try:
        return Image.open(file, formats=COMMON)
    except UnidentifiedImageError:
        Image.init()
        file.seek(0)
        return Image.open(file, formats=[name for name in OTHERS if name in Image.OPEN])
