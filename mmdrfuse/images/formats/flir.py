"""Radiometric JPEG of FLIR cameras: one file that holds the temperatures and a photo of the visible side.

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
from mmdrfuse.images.pillow import open_picture

STEPS = 25
"""Grey levels per kelvin. 0.04 K is finer than the noise of these cameras, and 16 bits reach up to 2348 °C."""

_MARKER = b"FLIR\0\1"
_PHOTO = 14
"""Number of the record that holds the photo."""
_RECORD_HEADER = 32
"""Bytes before the photo in its record."""
_MIN_GAIN = 0.1
"""Gain in correlation of the edges from which on the zoom changes the placing of the photo. In real files, the right
placing was better than the others by 0.2 and more."""


def is_radiometric(content: bytes) -> bool:
    """Return whether a file is a JPEG with FLIR's segments (APP1) in its header."""
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
    """Decode one side of a radiometric JPEG. The file's EXIF orientation is not applied.

    The photo is cropped to the thermal camera's view, by the scale and offset in the file. Without them it is whole.

    Args:
        content: The file.
        name: What to call the file in messages.
        side: Which of the two.

    Returns:
        For the infrared side the absolute temperature, H×W uint16 in steps of 1/25 K. For the visible side the photo,
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
        with np.errstate(all="ignore"):  # `_temperatures` refuses invalid values
            kelvin = thermogram.kelvin
        if side == "infrared":
            return _temperatures(kelvin)

        photo = _photo(content, name)
        return _cropped_photo(photo, kelvin, thermogram.pip_info, _zoom(content))


def _check_directory(content: bytes) -> None:
    """Refuse a directory that is larger than the file, because flyr would read all its entries."""
    header = content.find(b"FFF\0")
    if header < 0 or 32 * int.from_bytes(content[header + 28 : header + 32], "big") > len(content):
        raise ValueError("its directory is larger than itself")


def _temperatures(kelvin: NDArray[Any]) -> NDArray[np.uint16]:
    if not np.isfinite(kelvin).all():
        raise ValueError("its values are no temperatures")
    steps: NDArray[np.uint16] = np.clip(np.rint(kelvin * STEPS), 0, 65535).astype(np.uint16)
    return steps


def _photo(content: bytes, name: str) -> NDArray[np.uint8]:
    """Decode the photo: a JPEG, or a PNG whose channels R, G and B hold Y, Cb and Cr."""
    from flyr.records import extract_flir_app1, parse_flir_records

    stream = extract_flir_app1(io.BytesIO(content))
    record = parse_flir_records(stream).get(_PHOTO)
    if record is None:
        raise InputError(f"{name}: this FLIR file holds no photo; give the visible side as a file of its own")

    _, _, offset, length = record
    stream.seek(offset + _RECORD_HEADER)
    with open_picture(io.BytesIO(stream.read(length))) as photo:
        if photo.mode == "L":
            return np.array(photo)
        colours = photo.convert("RGB")
        if photo.format == "PNG":
            colours = Image.frombytes("YCbCr", colours.size, colours.tobytes()).convert("RGB")
        return np.array(colours)


def _zoom(content: bytes) -> float:
    """Return the digital zoom of the picture on the camera's screen, from EXIF (tag 0xA404); 1 means none."""
    with open_picture(io.BytesIO(content)) as image:
        zoom = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DigitalZoomRatio, 1)
    try:
        return float(zoom) if 0 < float(zoom) < np.inf else 1.0
    except (TypeError, ValueError, ZeroDivisionError):  # a damaged tag does not spoil the picture
        return 1.0


def _cropped_photo(photo: NDArray[Any], kelvin: NDArray[Any], placing: Any, zoom: float) -> NDArray[Any]:  # noqa: ANN401
    """Crop the photo to the thermal camera's view.

    Without zoom, the view is as wide as the photo divided by Real2IR; files of several cameras confirm it. With digital
    zoom, FLIR's own software zooms both sides for the screen, and stores both sides whole. Then the crop would be the
    same. But neither ExifTool nor flyr documents whether every camera stores the whole view, nor whether Real2IR
    belongs to the whole view or to the screen. So three scales are tried, and the one whose edges agree best with the
    thermal picture is used. Without a clear winner, the zoom is ignored.
    """
    if placing is None or not 1 <= placing.real_to_ir < np.inf:
        return photo

    unzoomed = _crop(photo, kelvin.shape, placing, placing.real_to_ir)
    if zoom == 1:
        return unzoomed

    thermal_edges = _edges(kelvin, kelvin.shape)

    def agreement(crop: NDArray[Any]) -> float:
        return _correlation(_edges(crop, kelvin.shape), thermal_edges)

    scales = [scale for scale in (placing.real_to_ir / zoom, placing.real_to_ir * zoom) if scale >= 1]
    zoomed = [_crop(photo, kelvin.shape, placing, scale) for scale in scales]
    best = max(zoomed, key=agreement, default=unzoomed)
    gain = agreement(best) - agreement(unzoomed)
    return best if gain > _MIN_GAIN else unzoomed


def _crop(photo: NDArray[Any], thermal: tuple[int, ...], placing: Any, scale: float) -> NDArray[Any]:  # noqa: ANN401
    """Crop 1/scale of the photo's width, in the thermal picture's aspect ratio, around the centre plus the offset."""
    height, width = photo.shape[:2]
    across = round(width / scale)
    down = round(across * thermal[0] / thermal[1])
    left = width // 2 - across // 2 + placing.offset_x
    top = height // 2 - down // 2 + placing.offset_y
    crop = photo[max(top, 0) : max(top + down, 0), max(left, 0) : max(left + across, 0)]
    return np.ascontiguousarray(crop if crop.size else photo)


def _edges(image: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Compute the gradient's magnitude at the thermal picture's size, blurred because parallax shifts edges."""
    gray = image.mean(axis=2) if image.ndim == 3 else image
    small = Image.fromarray(gray.astype(np.float32)).resize((shape[1], shape[0]), Image.Resampling.BOX)
    magnitude = np.hypot(*np.gradient(np.asarray(small, np.float64)))
    scaled = 255 * magnitude / max(magnitude.max(), 1e-9)  # Pillow blurs 8 bits only
    edges = Image.fromarray(np.rint(scaled).astype(np.uint8))
    return np.asarray(edges.filter(ImageFilter.GaussianBlur(1)), np.float64)


def _correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Compute the correlation coefficient; 0 if an image is constant."""
    a = a - a.mean()
    b = b - b.mean()
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / scale) if scale else 0.0
