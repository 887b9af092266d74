"""Pairs of two cameras for the benchmark of `align`: registered ones, the same displaced by known matrices, errors.

The pairs are split into two halves by turns. Constants are chosen on ``tune``, and what is reached is measured on
``report``.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mmdrfuse.datasets import find_pairs
from mmdrfuse.images import luminance, read
from mmdrfuse.registration.fields import scaled
from mmdrfuse.registration.geometry import warped
from mmdrfuse.registration.projective import centre, corners, from_corners, similarity_about, transformed

SETS = {"LLVIP": 32, "RoadScene": 60, "TNO": 17, "MSRS": 2, "VIFB": 8}
"""How many pairs of each registered set are used, drawn evenly."""
KINDS = ("none", "shift", "similarity", "homography", "view")
"""Displacements: none; 5 % of the width; that, 10 % of scale and 5 degrees; the corners by 8 %; an infrared of half
the pixels that sees 60 to 80 % of the visible, and the shift."""
HALVES = ("tune", "report")
WORKING = 640
"""Pixels across that larger pictures are resized to, but for ``view``."""

Image = NDArray[Any]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """One registered pair of a set."""

    set: str
    infrared: Path
    visible: Path

    @property
    def name(self) -> str:
        """Set and file."""
        return f"{self.set}/{self.infrared.stem}"

    def read(self) -> tuple[Image, Image]:
        """Return both sides in grey; the infrared at the visible's size."""
        infrared, visible = gray(self.infrared), gray(self.visible)
        if infrared.shape != visible.shape:
            infrared = stretched(infrared, visible.shape)
        return infrared, visible


def sources(data: Path, half: str, sets: tuple[str, ...] = tuple(SETS)) -> list[Source]:
    """Return the pairs of a half, set by set."""
    found = []
    for name in sets:
        pairs = find_pairs(data / name)[1].pairs
        chosen = pairs[:: max(1, len(pairs) // SETS[name])][: SETS[name]]
        found += [Source(name, pair.infrared, pair.visible) for pair in chosen][HALVES.index(half) :: 2]
    return found


def gray(path: Path) -> Image:
    """Read a picture in grey."""
    return luminance(read(path))


def working(picture: Image) -> Image:
    """Resize to 640 pixels across where a picture is larger."""
    scale = min(1.0, WORKING / picture.shape[1])
    return scaled(picture.astype(np.float32), scale)[0]


def stretched(picture: Image, shape: tuple[int, ...]) -> Image:
    """Resize to a shape, whatever the aspect."""
    from skimage.transform import resize

    return resize(picture.astype(np.float32), shape, anti_aliasing=True, preserve_range=True)


def generator(source: Source, kind: str, seed: int) -> np.random.Generator:
    """Return the random numbers of one try."""
    return np.random.default_rng([zlib.crc32(source.name.encode()), seed, KINDS.index(kind)])


def displaced(infrared: Image, visible: Image, kind: str, rng: np.random.Generator) -> tuple[Image, Image, Matrix]:
    """Cut a margin off the visible and sample the infrared through a random matrix of a kind.

    Returns:
        Infrared, visible, and the matrix from infrared to visible pixels.
    """
    if kind != "view":
        infrared, visible = working(infrared), working(visible)
    height, width = visible.shape
    margin_y, margin_x = int(0.08 * height), int(0.08 * width)
    fixed = visible[margin_y : height - margin_y, margin_x : width - margin_x]
    size = fixed.shape
    matrix = np.eye(3)
    middle = centre(size)
    shift = rng.uniform(-0.05, 0.05, 2) * size[1]
    if kind == "shift":
        matrix[:2, 2] = shift
    elif kind == "similarity":
        turn = np.deg2rad(rng.uniform(-5, 5))
        matrix = similarity_about(rng.uniform(0.9, 1.1), turn, middle, middle + shift)
    elif kind == "homography":
        source = corners(size)
        matrix = from_corners(source, source + rng.uniform(-0.08, 0.08, (4, 2)) * [size[1], size[0]])
    elif kind == "view":
        size = size[0] // 2, size[1] // 2
        scale = rng.uniform(0.6, 0.8) * fixed.shape[1] / size[1]
        matrix = similarity_about(scale, 0.0, centre(size), middle + shift)
        infrared = ndimage.gaussian_filter(infrared.astype(np.float32), 0.4 * scale)
    onto = np.array([[1, 0, margin_x], [0, 1, margin_y], [0, 0, 1.0]]) @ matrix
    moving = warped(infrared, np.linalg.inv(onto), *size, edge=True)
    moving = np.clip(moving + rng.normal(0, 1, moving.shape), 0, 255)
    return np.rint(moving).astype(np.uint8), np.rint(fixed).astype(np.uint8), matrix


def error(found: Matrix | None, truth: Matrix, shape: tuple[int, ...]) -> float:
    """Return the mean distance over a grid of the infrared's pixels, visible pixels; infinite without a matrix."""
    if found is None:
        return float("inf")
    across, down = np.meshgrid(np.linspace(0, shape[1] - 1, 9), np.linspace(0, shape[0] - 1, 7))
    points = np.stack([across.ravel(), down.ravel()], axis=1)
    return float(np.linalg.norm(transformed(found, points) - transformed(truth, points), axis=1).mean())
