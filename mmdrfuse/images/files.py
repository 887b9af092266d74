"""Reading and writing picture files: through Pillow, but for PNG, which is written by `mmdrfuse.images.png`."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mmdrfuse.atomic import writing
from mmdrfuse.errors import InputError, OutputError
from mmdrfuse.images.png import encode

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
"""File name endings, in lower case, that are taken for pictures."""

_OPTIONS: dict[str, dict[str, Any]] = {
    ".jpg": {"quality": 95},
    ".jpeg": {"quality": 95},
    ".webp": {"quality": 95},
}
_EIGHT_BIT_ONLY = frozenset({".jpg", ".jpeg", ".bmp", ".webp"})


def is_picture(path: Path) -> bool:
    """Tell whether a file's name is that of a picture; hidden files (``._x.jpg`` of macOS) are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read(path: Path) -> NDArray[Any]:
    """Read a picture as it is stored.

    EXIF orientation is applied, palettes are expanded and transparency is dropped; 16-bit grey keeps its
    depth.

    Returns:
        H×W or H×W×3; uint8, uint16, or float32 for floating-point TIFF.

    Raises:
        InputError: The file is missing, truncated or not a picture.
    """
    try:
        with Image.open(path) as image:
            ImageOps.exif_transpose(image, in_place=True)
            return _array(image, path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise InputError(f"{path}: not a picture in a known format ({', '.join(sorted(SUFFIXES))})") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow reports damage inside a PNG as SyntaxError.
        raise InputError(f"{path}: damaged or unreadable picture ({error}); replace or remove it") from error


def write(path: Path, image: NDArray[Any], *, overwrite: bool = True) -> None:
    """Write a picture in the format that the file name's ending says; it appears whole or not at all.

    Args:
        path: The file; its folder is made if missing.
        image: H×W or H×W×3, uint8; H×W uint16 for PNG and TIFF; H×W float32 for TIFF.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputError: The ending is unknown, the format cannot hold the values, or the place cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise OutputError(
            f"{path}: cannot write {suffix or 'a file without ending'}; use one of {', '.join(sorted(SUFFIXES))}"
        )
    tiff = suffix in {".tif", ".tiff"}
    fits = image.dtype == np.uint8 or (image.ndim == 2 and (
        (image.dtype == np.uint16 and suffix not in _EIGHT_BIT_ONLY) or (image.dtype == np.float32 and tiff)
    ))  # fmt: skip
    if not fits:
        kind = "grey" if image.ndim == 2 else "colour"
        raise OutputError(
            f"{path}: {suffix} cannot hold {image.dtype} {kind}; 16-bit grey fits .png and .tif, float grey .tif"
        )
    with writing(path, overwrite=overwrite) as temporary:
        if suffix == ".png":
            temporary.write_bytes(encode(image))
        else:
            Image.fromarray(image).save(temporary, **_OPTIONS.get(suffix, {}))


def _array(image: Image.Image, path: Path) -> NDArray[Any]:
    if image.mode in {"L", "RGB", "I;16", "I;16L", "F"}:
        return np.asarray(image)
    if image.mode in {"I", "I;16B"}:
        return _sixteen_bit(np.asarray(image.convert("I")), path)
    if image.mode in {"1", "LA"}:
        return np.asarray(image.convert("L"))
    return np.asarray(image.convert("RGB"))


def _sixteen_bit(array: NDArray[Any], path: Path) -> NDArray[np.uint16]:
    if array.min() < 0 or array.max() > 65535:
        raise InputError(f"{path}: 32-bit values {array.min()}..{array.max()} do not fit 16 bits; rescale the file")
    return array.astype(np.uint16)
