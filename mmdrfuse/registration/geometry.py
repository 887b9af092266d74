"""Bringing two pictures onto one grid of pixels, by a policy for sizes that differ, or by a given 3×3 matrix.

Nothing here depends on the pictures' content: the matrix is the result of a registration that is done elsewhere.
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
is resized to the infrared's. ``crop-common``: both are cropped around their centres to their common size."""

Matrix = tuple[float, ...]
"""Nine numbers, row by row."""

Size = tuple[int, ...]
"""Height and width."""

_SEPARATORS = re.compile(r"[,;]")
_CURE = "give nine numbers, a 3x3 matrix row by row, in CSV or YAML"


def one_size(infrared: NDArray[Any], visible: NDArray[Any], policy: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Bring two pictures to one size; pictures of equal sizes are returned unchanged.

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
    infrared_size, visible_size = infrared.shape[:2], visible.shape[:2]
    if infrared_size == visible_size:
        return infrared, visible
    if policy == "fit-ir":
        return resized(infrared, *visible_size), visible
    if policy == "fit-vis":
        return infrared, resized(visible, *infrared_size)
    if policy == "crop-common":
        height, width = np.minimum(infrared_size, visible_size)
        return cropped(infrared, height, width), cropped(visible, height, width)
    raise size_error(infrared_size, visible_size)


def common_size(infrared: Size, visible: Size, policy: str) -> Size:
    """Return the height and width that `one_size` brings two pictures to.

    Raises:
        SizeError: The sizes differ under ``error``.
    """
    if infrared == visible:
        return visible
    if policy == "error":
        raise size_error(infrared, visible)
    common = {"fit-ir": visible, "fit-vis": infrared, "crop-common": tuple(map(min, infrared, visible))}
    return common[policy]


def size_error(infrared: Size, visible: Size) -> SizeError:
    """Return the error for two sizes that differ, which a size policy cures."""
    return SizeError(
        f"infrared is {infrared[1]}x{infrared[0]} and visible {visible[1]}x{visible[0]} pixels: "
        "fusion needs registered pictures of one size",
        cure="size_policy",
    )


def resized(image: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Resize bilinearly and without aliasing: by a triangle filter as wide as the pixels of the coarser grid.

    Pillow does the work, because videos need it in every frame: from 640×512 to 1280×1024 pixels of 8 bits it takes
    3.4 ms, and scikit-image 13.7 ms (`benchmarks/geometry.py`).

    Args:
        image: H×W or H×W×3.
        height: Of the result.
        width: Of the result.

    Returns:
        ``height``×``width`` in the dtype of ``image``, with its channels.
    """
    from PIL import Image

    planes = image[..., None] if image.ndim == 2 else image
    resized_planes = []
    for channel in range(planes.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(planes[..., channel], np.float32))
        resized_planes.append(np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR)))
    values = np.stack(resized_planes, axis=-1).reshape(height, width, *image.shape[2:])
    return _as_stored(values, image)


def cropped(image: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Crop a picture around its centre; of an odd difference, the larger part is cut at the bottom and right."""
    top = (image.shape[0] - height) // 2
    left = (image.shape[1] - width) // 2
    return np.ascontiguousarray(image[top : top + height, left : left + width])


def warped(
    image: NDArray[Any], matrix: Matrix | NDArray[np.float64], height: int, width: int, *, edge: bool = False
) -> NDArray[Any]:
    """Warp a picture by a projective matrix, bilinearly; the result is 0 outside the picture.

    ``matrix`` maps positions (x, y, 1) of the picture to (w·x', w·y', w) of the result: x to the right, y down, in
    pixels, with (0, 0) at the centre of the upper left pixel. This is the convention of OpenCV's ``warpPerspective``.
    As there, the picture fades to 0 within one pixel of its edge.

    Args:
        image: H×W or H×W×3.
        matrix: Nine numbers, row by row, or 3×3; invertible.
        height: Of the result.
        width: Of the result.
        edge: Repeat the picture's border outside of it.

    Returns:
        ``height``×``width`` in the dtype of ``image``, with its channels.
    """
    from skimage.transform import warp

    forward = np.reshape(matrix, (3, 3))
    centre = (image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2, 1
    # A matrix and its negative are the same mapping. This sign makes w > 0 at the picture's centre, which lies in front
    # of the camera.
    backward = np.linalg.inv(forward) * np.sign(forward[2] @ centre)

    # In float64, because float32 positions are off by 1e-4 pixels, and no faster.
    values = image.astype(np.float64)
    mode = "edge" if edge else "constant"
    result = warp(values, backward, output_shape=(height, width), order=1, mode=mode, clip=False, preserve_range=True)

    # The equation also has solutions behind the camera, where w <= 0. As w is linear, its least value is at a corner.
    corners = np.array([[0, 0, 1], [width - 1, 0, 1], [0, height - 1, 1], [width - 1, height - 1, 1]])
    if (corners @ backward[2]).min() <= 0:
        x = np.arange(width)
        y = np.arange(height)[:, None]
        w = backward[2, 0] * x + backward[2, 1] * y + backward[2, 2]
        result[w <= 0] = 0
    return _as_stored(result, image)


def read_matrix(path: Path) -> Matrix:
    """Read a 3×3 matrix: nine numbers in lines (CSV or spaces), or a YAML or JSON list of nine numbers or three rows.

    The list may stand under a key: ``matrix``, or any name if it is the only one. ``#`` begins a comment.

    Raises:
        InputError: The file cannot be read, does not hold nine numbers, or holds a matrix without an inverse.
    """
    return matrix_of(loading.text_of(path), str(path))


def matrix_of(text: str, name: str) -> Matrix:
    """Understand the text of a file that `read_matrix` reads.

    Args:
        text: Of the file.
        name: What messages call it.

    Raises:
        InputError: It holds something else, or a matrix without an inverse.
    """
    words = _SEPARATORS.sub(" ", re.sub(r"#.*", "", text)).split()
    if not all(map(loading.NUMBER.fullmatch, words)):
        words = list(_listed(loading.parse(text, name)))
    try:
        matrix = tuple(loading.numbers(words))
    except ValueError as error:
        raise InputError(f"{name}: holds {error.args[0]!r}; {_CURE}") from error
    if len(matrix) != 9:
        raise InputError(f"{name}: holds {len(matrix)} numbers; {_CURE}")
    if not np.isfinite(matrix).all():
        raise InputError(f"{name}: a number is too large; {_CURE}")
    if np.linalg.matrix_rank(np.reshape(matrix, (3, 3))) < 3:
        raise InputError(f"{name}: the matrix has no inverse; give one that maps pixels to pixels")
    return matrix


def _listed(document: loading.Document) -> Iterator[Any]:
    """Yield the numbers of the matrix in a YAML or JSON document, as text."""
    document.mistakes.raise_if_any()
    value = document.value
    if isinstance(value, dict):
        only = next(iter(value.values())) if len(value) == 1 else None
        value = value.get("matrix", only)
    rows = value if isinstance(value, list) else _SEPARATORS.sub(" ", str(value or "")).split()
    for row in rows:
        if isinstance(row, list):
            yield from row
        else:
            yield row


def _as_stored(values: NDArray[Any], like: NDArray[Any]) -> NDArray[Any]:
    """Convert values to the dtype of another array, rounded for integers."""
    if np.issubdtype(like.dtype, np.integer):
        values = np.rint(values)
    return values.astype(like.dtype)
