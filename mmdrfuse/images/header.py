"""How large a picture is and how many bits its values have, without decoding it where its format is common."""

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from mmdrfuse import images
from mmdrfuse.errors import InputError
from mmdrfuse.images.formats import flir

_PNG = b"\x89PNG\r\n\x1a\n"
_EIGHT_BIT = frozenset({"JPEG", "BMP", "WEBP"})


class Header(NamedTuple):
    """What is known of a picture before it is decoded."""

    height: int
    """Pixels; where EXIF turns the picture on its side, those of the other side."""
    width: int
    deep: bool
    """Whether its values have 16 bits."""


def header(path: Path, *, side: images.Side | None = None) -> Header:
    """Look at a picture; of a thermal camera's file that is the infrared side, at the temperatures.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(25)
        if head[:8] == _PNG and len(head) == 25:
            width, height = struct.unpack(">II", head[16:24])
            return Header(height, width, deep=head[24] == 16)
        with Image.open(path) as image:
            thermal = side == "infrared" and flir.is_radiometric(path.read_bytes())
            if image.format in _EIGHT_BIT and not thermal:
                return Header(image.height, image.width, deep=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        pass  # what Pillow does not know, or finds broken, is looked at below
    values = images.read(path, side=side)
    return Header(values.shape[0], values.shape[1], deep=values.dtype == np.uint16)
