"""Cut a pair of pictures into compressed patches: depth, exposures, smaller copies, the grid, flat patches."""

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
    """A pair, and the patches to cut from it."""

    number: int
    """Number of its set."""
    root: Path
    """Root of its set."""
    layout: str
    pair: Pair
    split: int = 0
    """Position in `mmdrfuse.datasets.patches.file.SPLITS`."""
    chosen: NDArray[np.int64] | None = None
    """Sorted numbers of the patches that were drawn, over exposures, then scales, then the grid; None for all."""

    @property
    def files(self) -> tuple[str, str]:
        """Paths of both pictures, relative to the set's root."""
        base = self.root if self.root.is_dir() else self.root.parent
        left, right = (
            (path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name)
            for path in (self.pair.infrared, self.pair.visible)
        )
        return left, right


@dataclass(frozen=True)
class Cut:
    """The patches of one exposure of a pair."""

    patches: PackedPatches
    source: dict[str, Any]
    """Facts about the pair, for the file's ``sources``."""


@dataclass(frozen=True)
class Outcome:
    """The patches of a pair."""

    cuts: list[Cut]
    flat: int
    """Number of patches that were dropped as flat."""


def cut(item: Item, how: Cutting, dtype: DTypeLike) -> Outcome:
    """Read a pair, cut it, and compress its patches.

    Raises:
        InputError: A picture cannot be read or used.
        SizeError: The pictures' sizes differ.
    """
    pictures = item.pair.load()
    infrared, visible = _to_luminances(item.pair, pictures, dtype)
    facts = {
        "set": item.number,
        "layout": item.layout,
        "name": item.pair.name,
        "height": infrared.shape[0],
        "width": infrared.shape[1],
        "infrared": item.files[0],
        "visible": item.files[1],
        "infrared_sha256": pictures[0].sha256,
        "visible_sha256": pictures[1].sha256,
    }
    copies = [(downscaled(infrared, scale), downscaled(visible, scale)) for scale in how.scales]
    cuts = []
    dropped = 0
    end = 0
    for exposure in range(1 + how.exposures):
        parts = []
        for scale, copy in zip(how.scales, copies, strict=True):
            sides = _expose(copy, exposure, item.pair.name)
            corners = how.corners(*sides[0].shape)
            first = end
            end = first + len(corners)
            corners = corners[_chosen_between(item.chosen, first, end)]
            patches = [_patch_windows(side, how.patch)[corners[:, 0], corners[:, 1]] for side in sides]
            parts.append((*patches, corners, np.full(len(corners), scale, np.float32)))
        infrared, visible, corners, scales = (np.concatenate(part) for part in zip(*parts, strict=True))
        used = ~_flat(infrared, visible, how.min_gradient)
        dropped += int((~used).sum())
        if used.any():
            packed = PackedPatches.of(
                infrared[used], visible[used], corners[used], scale=scales[used], split=item.split
            )
            cuts.append(Cut(packed, {**facts, "exposure": exposure, "patches": len(packed.index)}))
    return Outcome(cuts, dropped)


def file_hashes(item: Item) -> dict[str, str]:
    """Return the paths of both pictures, and the SHA-256 of their present content."""
    hashes: dict[str, str] = {}
    paths = item.pair.infrared, item.pair.visible
    for side, name, path in zip(("infrared", "visible"), item.files, paths, strict=True):
        with reading_source(path):
            hashes |= {side: name, f"{side}_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    return hashes


def read_luminances(pair: Pair, dtype: DTypeLike = np.uint8) -> Sides:
    """Read the luminance of both sides, in 8 bits (16 bits become v / 257, rounded) or 16 (8 bits become v · 257).

    Raises:
        InputError: A picture cannot be read, or has floating-point values beyond 0..1 or NaN.
        SizeError: The pictures' sizes differ.
    """
    return _to_luminances(pair, pair.load(), dtype)


def _to_luminances(pair: Pair, pictures: tuple[images.Picture, images.Picture], dtype: DTypeLike) -> Sides:
    paths = pair.infrared, pair.visible
    infrared, visible = (
        _convert_depth(images.luminance(picture.image), path, dtype)
        for picture, path in zip(pictures, paths, strict=True)
    )
    if pair.preparation.transform:
        prepared = pair.prepared(infrared, visible)
        infrared, visible = prepared.infrared, prepared.visible
    if infrared.shape != visible.shape:
        (high, wide), (tall, broad) = infrared.shape, visible.shape
        raise SizeError(
            f"{paths[0]} is {wide}x{high} pixels, and {paths[1]} is {broad}x{tall}; the sides of a pair must be "
            "registered and of one size",
            cure="registered",
        )
    return infrared, visible


def downscaled(image: NDArray[Any], scale: float) -> NDArray[Any]:
    """Return a smaller copy, H×W: each pixel is the mean of the ``1/scale`` by ``1/scale`` pixels that it covers."""
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
def reading_source(source: Path) -> Iterator[None]:
    """Turn an OSError of the block into an error about the source.

    Without it, the code around, which writes the file of patches, would report the error as one of that file.

    Raises:
        InputError: The source cannot be read.
    """
    try:
        yield
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        raise InputError(f"{error.filename or source}: {reason}; check the path and its permissions") from error


def _convert_depth(values: NDArray[Any], path: Path, dtype: DTypeLike) -> NDArray[Any]:
    """Convert a luminance to uint8 or uint16."""
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


def _expose(sides: Sides, exposure: int, name: str) -> Sides:
    """Return both sides as another camera might have exposed them; unchanged for exposure 0."""
    if not exposure:
        return sides
    return expose(*sides, light=tuple(LIGHTS)[(exposure - 1) % len(LIGHTS)], seed=f"{name} {exposure}")


def _chosen_between(chosen: NDArray[np.int64] | None, first: int, end: int) -> NDArray[np.int64] | slice:
    """Return which patches from ``first`` to before ``end`` were drawn, counted from ``first``."""
    return slice(None) if chosen is None else chosen[(chosen >= first) & (chosen < end)] - first


def _patch_windows(image: NDArray[Any], patch: int) -> NDArray[Any]:
    """Return a view of every patch, (rows, columns, patch, patch); empty if the image is smaller."""
    if min(image.shape) < patch:
        return np.empty((0, 0, patch, patch), image.dtype)
    return np.lib.stride_tricks.sliding_window_view(image, (patch, patch))


def _flat(infrared: NDArray[Any], visible: NDArray[Any], least: float) -> NDArray[np.bool_]:
    """Return which patches are flat on both sides, (n,)."""
    return _is_flat(infrared, least) & _is_flat(visible, least)


def _is_flat(patches: NDArray[Any], least: float) -> NDArray[np.bool_]:
    """Return which patches of one side have a mean gradient of at most ``least`` levels of 255, (n,)."""
    if not least:  # comparing with the first pixel is many times as fast
        same: NDArray[np.bool_] = (patches == patches[:, :1, :1]).all(axis=(1, 2))
        return same
    level = least * (np.iinfo(patches.dtype).max // 255)
    return np.array([_gradient(patch) <= level for patch in patches], bool)


def _gradient(patch: NDArray[Any]) -> float:
    """Return the mean absolute difference of neighbouring pixels, over rows and columns alike."""
    return float(np.mean([np.abs(np.diff(patch.astype(np.int32), axis=axis)).mean() for axis in (0, 1)]))
