"""Radiometric JPEG of FLIR cameras: one file with the temperatures and the photo of the visible side.

The extra ``flir``: flyr, https://bitbucket.org/nimmerwoner/flyr. Layout of the file: ExifTool's table of FLIR tags,
https://exiftool.org/TagNames/FLIR.html.
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFilter

from mmdrfuse.errors import InputError, MissingExtraError, reading
from mmdrfuse.images.picture import Side

STEPS = 25
"""Grey levels a kelvin: 0.04 K is finer than the noise of these cameras, and 16 bits reach to 2348 °C."""

_MARKER = b"FLIR\0\1"
_PHOTO = 14
"""The record that holds the photo."""
_RECORD_HEADER = 32
"""Bytes before the photo in its record."""
_DECIDED = 0.1
"""How much better the edges must agree (correlation) before a zoom is believed to change the placing of the photo. Over
real files the right placing was ahead of others by 0.2 and more."""


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
    """Give one side of a radiometric JPEG, as the sensor lies: the file's EXIF orientation is not applied.

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

    with reading(name, "FLIR file"):
        _check_directory(content)
        thermogram = flyr.unpack(io.BytesIO(content))
        with np.errstate(all="ignore"):  # what is no temperature is found below
            kelvin = thermogram.kelvin
        if side == "infrared":
            return _temperatures(kelvin)

        photo = _photo(content, name)
        return _seen(photo, kelvin, thermogram.pip_info, _zoom(content))


def _check_directory(content: bytes) -> None:
    """Refuse a directory larger than the file: flyr would walk through all its entries."""
    header = content.find(b"FFF\0")
    if header < 0 or 32 * int.from_bytes(content[header + 28 : header + 32], "big") > len(content):
        raise ValueError("its directory is larger than itself")


def _temperatures(kelvin: NDArray[Any]) -> NDArray[np.uint16]:
    if not np.isfinite(kelvin).all():
        raise ValueError("its values are no temperatures")
    steps: NDArray[np.uint16] = np.clip(np.rint(kelvin * STEPS), 0, 65535).astype(np.uint16)
    return steps


def _photo(content: bytes, name: str) -> NDArray[np.uint8]:
    """Decode the photo: a JPEG, or a PNG whose three channels are Y, Cb and Cr although PNG calls them R, G and B."""
    from flyr.records import extract_flir_app1, parse_flir_records

    stream = extract_flir_app1(io.BytesIO(content))
    record = parse_flir_records(stream).get(_PHOTO)
    if record is None:
        raise InputError(f"{name}: this FLIR file holds no photo; give the visible side as a file of its own")

    _, _, offset, length = record
    stream.seek(offset + _RECORD_HEADER)
    with Image.open(io.BytesIO(stream.read(length))) as photo:
        if photo.mode == "L":
            return np.array(photo)
        colours = photo.convert("RGB")
        if photo.format == "PNG":
            colours = Image.frombytes("YCbCr", colours.size, colours.tobytes()).convert("RGB")
        return np.array(colours)


def _zoom(content: bytes) -> float:
    """Give the digital zoom of the picture on the camera's screen, as EXIF has it (tag 0xA404); 1 is none."""
    with Image.open(io.BytesIO(content)) as image:
        zoom = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DigitalZoomRatio, 1)
    try:
        return float(zoom) if 0 < float(zoom) < np.inf else 1.0
    except (TypeError, ValueError, ZeroDivisionError):  # damaged, and without it there is still a picture
        return 1.0


def _seen(photo: NDArray[Any], kelvin: NDArray[Any], placing: Any, zoom: float) -> NDArray[Any]:  # noqa: ANN401
    """Cut the photo to the thermal camera's view.

    Without zoom the view's width is the photo's over Real2IR: cameras' files confirm it. With digital zoom, FLIR's own
    software zooms both sides for the screen and keeps the whole of both in the file, so that nothing would change. But
    neither ExifTool nor flyr knows whether every camera's Real2IR is that of the whole view or of the screen, nor
    whether every camera stores the whole view. So the three readings are tried, and the edges of both sides decide;
    where they do not, the zoom is left out.
    """
    if placing is None or not 1 <= placing.real_to_ir < np.inf:
        return photo

    plain = _cut(photo, kelvin.shape, placing, placing.real_to_ir)
    if zoom == 1:
        return plain
    others = [
        _cut(photo, kelvin.shape, placing, scale)
        for scale in (placing.real_to_ir / zoom, placing.real_to_ir * zoom)
        if scale >= 1
    ]
    edges = _edges(kelvin, kelvin.shape)
    best = max(others, key=lambda cut: _agreement(_edges(cut, kelvin.shape), edges), default=plain)
    gain = _agreement(_edges(best, kelvin.shape), edges) - _agreement(_edges(plain, kelvin.shape), edges)
    return best if gain > _DECIDED else plain


def _cut(photo: NDArray[Any], thermal: tuple[int, ...], placing: Any, scale: float) -> NDArray[Any]:  # noqa: ANN401
    """Cut the part that is 1/scale as wide as the photo, in the thermal picture's shape, about its offset middle."""
    height, width = photo.shape[:2]
    across = round(width / scale)
    down = round(across * thermal[0] / thermal[1])
    left = width // 2 - across // 2 + placing.offset_x
    top = height // 2 - down // 2 + placing.offset_y
    cut = photo[max(top, 0) : max(top + down, 0), max(left, 0) : max(left + across, 0)]
    return np.ascontiguousarray(cut if cut.size else photo)


def _edges(image: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Give the gradient's magnitude at the thermal picture's size, blurred against what parallax shifts."""
    gray = image.mean(axis=2) if image.ndim == 3 else image
    small = Image.fromarray(gray.astype(np.float32)).resize((shape[1], shape[0]), Image.Resampling.BOX)
    magnitude = np.hypot(*np.gradient(np.asarray(small, np.float64)))
    scaled = 255 * magnitude / max(magnitude.max(), 1e-9)  # Pillow blurs 8 bits only
    return np.asarray(Image.fromarray(np.rint(scaled).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1)), np.float64)


def _agreement(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Give the correlation coefficient; 0 where a side is flat."""
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / scale) if scale else 0.0
