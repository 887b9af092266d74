"""Bringing two pictures onto one grid of pixels: a policy for sizes that differ, or a given 3×3 matrix.

Nothing here looks at what the pictures show: registration is done elsewhere, and its result comes in as a matrix.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, SizeError, UnknownNameError
from mmdrfuse.recipes import loading

SizePolicy = Literal["error", "fit-ir", "fit-vis", "crop-common"]
SIZE_POLICIES: tuple[str, ...] = get_args(SizePolicy)
"""``error``: sizes must be equal. ``fit-ir``: the infrared is resized to the visible's size. ``fit-vis``: the visible
is resized to the infrared's. ``crop-common``: both are cut about their centres to the size that both have."""

Matrix = tuple[float, ...]
"""Nine numbers, row by row."""

Size = tuple[int, ...]
"""Height and width."""

_SEPARATORS = re.compile(r"[,;]")
_WANTED = "give nine numbers, a 3x3 matrix row by row, in CSV or YAML"


def one_size(infrared: NDArray[Any], visible: NDArray[Any], policy: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Bring two pictures to one size; equal sizes are left as they are.

    Args:
        infrared: H×W or H×W×3.
        visible: The same; the sizes may differ.
        policy: One of `SIZE_POLICIES`.

    Raises:
        UnknownNameError: No such policy.
        SizeError: The sizes differ under ``error``.
    """
    if policy not in SIZE_POLICIES:
        raise UnknownNameError("size policy", policy, SIZE_POLICIES)
    sizes = infrared.shape[:2], visible.shape[:2]
    if sizes[0] == sizes[1]:
        return infrared, visible
    if policy == "fit-ir":
        return resized(infrared, *sizes[1]), visible
    if policy == "fit-vis":
        return infrared, resized(visible, *sizes[0])
    if policy == "crop-common":
        height, width = np.minimum(*sizes)
        return cropped(infrared, height, width), cropped(visible, height, width)
    raise size_error(infrared, visible)


def common_size(infrared: Size, visible: Size, policy: str) -> Size:
    """Return the height and width that `one_size` brings two pictures to.

    Raises:
        SizeError: The sizes differ under ``error``.
    """
    if infrared == visible:
        return visible
    if policy == "error":
        raise size_error(np.broadcast_to(np.uint8(0), infrared), np.broadcast_to(np.uint8(0), visible))
    common = {"fit-ir": visible, "fit-vis": infrared, "crop-common": tuple(map(min, infrared, visible))}
    return common[policy]


def size_error(infrared: NDArray[Any], visible: NDArray[Any]) -> SizeError:
    """Return the error that two sizes differ, which a size policy cures."""
    seen, other = (f"{picture.shape[1]}x{picture.shape[0]}" for picture in (infrared, visible))
    return SizeError(
        f"infrared is {seen} and visible {other} pixels: fusion needs registered pictures of one size",
        cure="size_policy",
    )


def resized(image: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Resize bilinearly and without aliasing: by triangles as wide as the pixels of the coarser grid.

    Pillow does it, as videos need it in every frame: from 640×512 to 1280×1024 pixels of 8 bits it takes 3.4 ms, where
    scikit-image takes 13.7 (`benchmarks/geometry.py`).

    Args:
        image: H×W or H×W×3.
        height: Of the result.
        width: Of the result.

    Returns:
        ``height``×``width`` in the dtype of ``image``, with its channels.
    """
    from PIL import Image

    planes = image[..., None] if image.ndim == 2 else image
    scaled = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(planes[..., channel], np.float32)).resize(
                (width, height), Image.Resampling.BILINEAR
            )
        )
        for channel in range(planes.shape[2])
    ]
    return _as_stored(np.stack(scaled, axis=-1).reshape(height, width, *image.shape[2:]), image)


def cropped(image: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Cut a picture about its centre; an odd remainder is cut at the bottom and at the right."""
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return np.ascontiguousarray(image[top : top + height, left : left + width])


def warped(image: NDArray[Any], matrix: Matrix, height: int, width: int) -> NDArray[Any]:
    """Apply a projective matrix to a picture, bilinearly; the result is 0 where the picture does not reach.

    ``matrix`` takes positions (x, y, 1) of the picture to (w·x', w·y', w) of the result: x to the right, y down, in
    pixels, with (0, 0) at the centre of the upper left pixel, as OpenCV's ``warpPerspective`` has it. As there, the
    picture fades to 0 within one pixel of its edge.

    Args:
        image: H×W or H×W×3.
        matrix: Nine numbers, row by row; invertible.
        height: Of the result.
        width: Of the result.

    Returns:
        ``height``×``width`` in the dtype of ``image``, with its channels.
    """
    from skimage.transform import warp

    forward = np.reshape(matrix, (3, 3))
    centre = (image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2, 1
    # A matrix means the same with the other sign. With this one, w > 0 before the camera, where the centre is.
    backward = np.linalg.inv(forward) * np.sign(forward[2] @ centre)

    # In float32, positions would be off by 1e-4 pixels; it is no faster.
    values = image.astype(np.float64)
    moved = warp(values, backward, output_shape=(height, width), order=1, cval=0, clip=False, preserve_range=True)

    # The equation also finds positions for what is behind the camera.
    x, y = np.arange(width), np.arange(height)[:, None]
    moved[backward[2, 0] * x + backward[2, 1] * y + backward[2, 2] <= 0] = 0
    return _as_stored(moved, image)


def read_matrix(path: Path) -> Matrix:
    """Read a 3×3 matrix: nine numbers in lines (CSV or spaces), or a YAML or JSON list of them or of three lists.

    The list may stand under a key, the only one or ``matrix``. ``#`` begins a comment.

    Raises:
        InputError: The file cannot be read, holds something else, or a matrix without an inverse.
    """
    text = loading.text_of(path)
    words = _SEPARATORS.sub(" ", re.sub(r"#.*", "", text)).split()
    if not all(map(loading.NUMBER.fullmatch, words)):
        words = list(_listed(loading.parse(text, str(path))))
    try:
        matrix = tuple(loading.numbers(words))
    except ValueError as error:
        raise InputError(f"{path}: holds {error.args[0]!r}; {_WANTED}") from error
    if len(matrix) != 9:
        raise InputError(f"{path}: holds {len(matrix)} numbers; {_WANTED}")
    if not np.isfinite(matrix).all():
        raise InputError(f"{path}: a number is too large; {_WANTED}")
    if np.linalg.matrix_rank(np.reshape(matrix, (3, 3))) < 3:
        raise InputError(f"{path}: the matrix has no inverse; give one that maps pixels to pixels")
    return matrix


def _listed(document: loading.Document) -> Iterator[Any]:
    """Yield the words of a matrix as a document has it."""
    document.mistakes.refuse()
    value = document.value
    if isinstance(value, dict):
        value = value.get("matrix", next(iter(value.values()), None) if len(value) == 1 else None)
    for row in value if isinstance(value, list) else _SEPARATORS.sub(" ", str(value or "")).split():
        yield from row if isinstance(row, list) else [row]


def _as_stored(values: NDArray[Any], like: NDArray[Any]) -> NDArray[Any]:
    whole = np.issubdtype(like.dtype, np.integer)
    return (np.rint(values) if whole else values).astype(like.dtype)
