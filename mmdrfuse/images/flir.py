"""Radiometric JPEG of FLIR cameras: one file with the temperatures and the photo of the visible side.

The extra ``flir``: flyr, https://bitbucket.org/nimmerwoner/flyr. Layout of the file: ExifTool's table of FLIR tags,
https://exiftool.org/TagNames/FLIR.html.
"""

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, MissingExtraError
from mmdrfuse.images.picture import Side

STEPS = 25
"""Grey levels a kelvin: 0.04 K is finer than the noise of these cameras, and 16 bits reach to 2348 °C."""

_MARKER = b"FLIR\0\1"


def is_radiometric(content: bytes) -> bool:
    """Tell whether a JPEG has FLIR's segments (APP1) in its header."""
    position = 2
    while content[:2] == b"\xff\xd8" and content[position : position + 1] == b"\xff":
        kind, length = content[position + 1], int.from_bytes(content[position + 2 : position + 4], "big")
        if kind == 0xE1 and content[position + 4 : position + 10] == _MARKER:
            return True
        if kind == 0xDA or length < 2:
            return False
        position += 2 + length
    return False


def decode(content: bytes, name: str, side: Side) -> NDArray[Any]:
    """Give one side of a radiometric JPEG.

    The photo is cut to what the thermal camera sees, by the scale and offset in the file; without them it is whole.

    Args:
        content: The file.
        name: What to call it in messages.
        side: Which of the two.

    Returns:
        For the infrared side the absolute temperature, H×W uint16 in steps of 1/25 K; for the visible one the photo,
        H×W×3 or H×W uint8.

    Raises:
        InputError: The file is damaged, or holds no photo.
        MissingExtraError: flyr is not installed.
    """
    try:
        import flyr
    except ImportError:
        raise MissingExtraError("flyr", "flir", f"{name}: the thermal picture in a FLIR file") from None
    header = content.find(b"FFF\0")
    if header < 0 or 32 * int.from_bytes(content[header + 28 : header + 32], "big") > len(content):
        raise InputError(f"{name}: damaged FLIR file (its directory is larger than itself); replace or remove it")
    try:
        thermogram = flyr.unpack(io.BytesIO(content))
        with np.errstate(all="ignore"):  # what is no temperature is found below
            kelvin = thermogram.kelvin
    except (ValueError, KeyError, IndexError, TypeError, OSError, SyntaxError, struct.error) as error:
        raise InputError(f"{name}: damaged FLIR file ({error}); replace or remove it") from error
    if side == "infrared":
        if not np.isfinite(kelvin).all():
            raise InputError(f"{name}: damaged FLIR file (its values are no temperatures); replace or remove it")
        steps: NDArray[np.uint16] = np.clip(np.rint(kelvin * STEPS), 0, 65535).astype(np.uint16)
        return steps
    photo: NDArray[Any] | None = thermogram.optical
    if photo is None:
        raise InputError(f"{name}: this FLIR file holds no photo; give the visible side as a file of its own")
    return _seen(photo, kelvin.shape, thermogram.pip_info)


def _seen(photo: NDArray[Any], thermal: tuple[int, ...], placing: Any) -> NDArray[Any]:  # noqa: ANN401
    """Cut the photo to the thermal camera's view: its width is the photo's over Real2IR, its middle the offset."""
    if placing is None or not placing.real_to_ir >= 1:
        return photo
    height, width = photo.shape[:2]
    across = round(width / placing.real_to_ir)
    down = round(across * thermal[0] / thermal[1])
    left, top = width // 2 - across // 2 + placing.offset_x, height // 2 - down // 2 + placing.offset_y
    cut = photo[max(top, 0) : max(top + down, 0), max(left, 0) : max(left + across, 0)]
    return np.ascontiguousarray(cut if cut.size else photo)
