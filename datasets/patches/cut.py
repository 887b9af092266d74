"""From a pair of pictures to compressed patches: depth, other exposures, smaller copies, the grid, what is flat."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mmdrfuse import images
from mmdrfuse.datasets.patches.exposures import LIGHTS, expose
from mmdrfuse.datasets.patches.options import Cutting, scaled
from mmdrfuse.datasets.patches.write import PackedPatches
from mmdrfuse.errors import InputError, SizeError
from mmdrfuse.pair import Pair

Sides = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class Item:
    """A pair, and what is to be cut from it."""

    number: int
    """Of its set."""
    root: Path
    """Of its set."""
    layout: str
    pair: Pair
    split: int = 0
    """Position in `mmdrfuse.datasets.patches.file.SPLITS`."""
    chosen: NDArray[np.int64] | None = None
    """Which of its patches were drawn, sorted, counted over exposures, then scales, then the grid; None for all."""

    @property
    def files(self) -> tuple[str, str]:
        """Both pictures' files, below the set's root."""
        base = self.root if self.root.is_dir() else self.root.parent
        left, right = (
            (path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name)
            for path in (self.pair.infrared, self.pair.visible)
        )
        return left, right


@dataclass(frozen=True)
class Cut:
    """What one exposure of a pair gave."""

    patches: PackedPatches
    source: dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a pair gave."""

    cuts: list[Cut]
    flat: int
    """Patches that were dropped."""


def cut(item: Item, how: Cutting, dtype: DTypeLike) -> Outcome:
    """Read a pair, cut it, and compress its patches.

    Raises:
        InputError: A picture cannot be read or used.
        SizeError: The pictures' sizes differ.
    """
    pictures = item.pair.load()
    infrared, visible = _luminances(item.pair, pictures, dtype)
    hashes = {"infrared_sha256": pictures[0].sha256, "visible_sha256": pictures[1].sha256}
    known = {
        "set": item.number,
        "layout": item.layout,
        "name": item.pair.name,
        "height": infrared.shape[0],
        "width": infrared.shape[1],
        "infrared": item.files[0],
        "visible": item.files[1],
    } | hashes
    copies = [(shrunk(infrared, scale), shrunk(visible, scale)) for scale in how.scales]
    cuts, dropped, seen = [], 0, 0
    for exposure in range(1 + how.exposures):
        parts = []
        for scale, copy in zip(how.scales, copies, strict=True):
            sides = _exposed(copy, exposure, item.pair.name)
            corners = how.corners(*sides[0].shape)
            seen, first = seen + len(corners), seen
            corners = corners[_drawn(item.chosen, first, seen)]
            patches = [_windows(side, how.patch)[corners[:, 0], corners[:, 1]] for side in sides]
            parts.append((*patches, corners, np.full(len(corners), scale, np.float32)))
        infrared, visible, corners, scales = (np.concatenate(part) for part in zip(*parts, strict=True))
        kept = ~_flat(infrared, visible, how.min_gradient)
        dropped += int((~kept).sum())
        if kept.any():
            packed = PackedPatches.of(
                infrared[kept], visible[kept], corners[kept], scale=scales[kept], split=item.split
            )
            cuts.append(Cut(packed, {**known, "exposure": exposure, "patches": len(packed.index)}))
    return Outcome(cuts, dropped)


def hashed(item: Item) -> dict[str, str]:
    """Name both pictures' files, with the SHA-256 of what is in them now."""
    known: dict[str, str] = {}
    paths = item.pair.infrared, item.pair.visible
    for side, name, path in zip(("infrared", "visible"), item.files, paths, strict=True):
        with reading(path):
            known |= {side: name, f"{side}_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return known


def luminances(pair: Pair, dtype: DTypeLike = np.uint8) -> Sides:
    """Read the luminance of both sides as 8 bits (16 bits by v / 257, rounded) or 16 (8 bits by v · 257).

    Raises:
        InputError: A picture cannot be read, or has floating-point values beyond 0..1 or NaN.
        SizeError: The pictures' sizes differ.
    """
    return _luminances(pair, pair.load(), dtype)


def _luminances(pair: Pair, pictures: tuple[images.Picture, images.Picture], dtype: DTypeLike) -> Sides:
    paths = pair.infrared, pair.visible
    infrared, visible = (
        _stored(images.luminance(picture.image), path, dtype) for picture, path in zip(pictures, paths, strict=True)
    )
    if infrared.shape != visible.shape:
        (high, wide), (tall, broad) = infrared.shape, visible.shape
        raise SizeError(
            f"{paths[0]} is {wide}x{high} and {paths[1]} {broad}x{tall} pixels; "
            "a pair must be registered: resize or crop one of them"
        )
    return infrared, visible


def shrunk(image: NDArray[Any], scale: float) -> NDArray[Any]:
    """Give a smaller copy, H×W: each pixel is the mean of the ``1/scale`` by ``1/scale`` pixels it covers, rounded."""
    if scale == 1:
        return image
    mean = image.astype(np.float64)
    for _ in range(2):
        edges = np.arange(scaled(len(mean), scale) + 1) / scale
        whole = np.minimum(edges.astype(np.int64), len(mean) - 1)
        before = np.concatenate([np.zeros((1, mean.shape[1])), mean.cumsum(axis=0)])
        covered = before[whole] + (edges - whole)[:, None] * mean[whole]  # the sum of all above the edge
        mean = (np.diff(covered, axis=0) * scale).T
    return np.rint(mean).astype(image.dtype)


@contextmanager
def reading(source: Path) -> Iterator[None]:
    """Blame the source for what the system refuses here: around it lies the writing of the file, which would be.

    Raises:
        InputError: It cannot be read.
    """
    try:
        yield
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        raise InputError(f"{error.filename or source}: {reason}; check the path and its permissions") from error


def _stored(values: NDArray[Any], path: Path, dtype: DTypeLike) -> NDArray[Any]:
    top = np.iinfo(dtype).max
    if values.dtype == dtype:
        return values
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if values.dtype == np.uint8:
        return values * np.uint16(257)
    try:
        unit = images.to_unit(values)
    except InputError as error:
        raise error.at(path) from error
    scaled: NDArray[Any] = np.rint(unit * float(top)).astype(dtype)
    return scaled


def _exposed(sides: Sides, exposure: int, name: str) -> Sides:
    """Give both sides as another camera might have exposed them; as they are for 0."""
    if not exposure:
        return sides
    return expose(*sides, light=tuple(LIGHTS)[(exposure - 1) % len(LIGHTS)], seed=f"{name} {exposure}")


def _drawn(chosen: NDArray[np.int64] | None, first: int, end: int) -> NDArray[np.int64] | slice:
    """Give which of the patches from one to before another were drawn, counted from the first."""
    return slice(None) if chosen is None else chosen[(chosen >= first) & (chosen < end)] - first


def _windows(image: NDArray[Any], patch: int) -> NDArray[Any]:
    """Give a view of every patch, (rows, columns, patch, patch); none where the image is smaller."""
    if min(image.shape) < patch:
        return np.empty((0, 0, patch, patch), image.dtype)
    return np.lib.stride_tricks.sliding_window_view(image, (patch, patch))


def _flat(infrared: NDArray[Any], visible: NDArray[Any], least: float) -> NDArray[np.bool_]:
    """Tell which patches have no more gradient than that on either side."""
    return _even(infrared, least) & _even(visible, least)


def _even(patches: NDArray[Any], least: float) -> NDArray[np.bool_]:
    if not least:  # many times as fast
        same: NDArray[np.bool_] = (patches == patches[:, :1, :1]).all(axis=(1, 2))
        return same
    level = least * (np.iinfo(patches.dtype).max // 255)
    return np.array([_gradient(patch) <= level for patch in patches], bool)


def _gradient(patch: NDArray[Any]) -> float:
    """Give the mean absolute difference of neighbours, over rows and columns alike."""
    return float(np.mean([np.abs(np.diff(patch.astype(np.int32), axis=axis)).mean() for axis in (0, 1)]))
