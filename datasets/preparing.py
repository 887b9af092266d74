"""From the folders of sets to one file of training patches."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse import images
from mmdrfuse.atomic import writing
from mmdrfuse.datasets.exposures import LIGHTS, expose
from mmdrfuse.datasets.layouts import find_pairs
from mmdrfuse.datasets.patches import PackedPatches, PatchWriter
from mmdrfuse.errors import InputError, MMDRFuseError, SizeError
from mmdrfuse.pipeline.ordered import ordered
from mmdrfuse.pipeline.pairs import Pair

Progress = Callable[[str, int], AbstractContextManager[Callable[[str], None]]]
"""Called with a title and the number of items; gives what is called with the name of each finished item."""

SMALLEST = 16
"""Pixels on a side below which training refuses a patch (`mmdrfuse.training.patches`, which imports torch)."""


@dataclass(frozen=True)
class PrepareReport:
    """What was written, and what was left out.

    Args:
        path: The file.
        layouts: Name of the layout of each source.
        pairs: Pairs that gave patches.
        shape: Number, height and width of the patches.
        nbytes: Size of the file.
        failed: One line for each pair that should have given patches and could not.
        left_out: One line for each file or pair that was left out by a rule: what, and why.
    """

    path: Path
    layouts: tuple[str, ...]
    pairs: int
    shape: tuple[int, int, int]
    nbytes: int
    failed: tuple[str, ...]
    left_out: tuple[str, ...]


def prepare(
    sources: Sequence[Path],
    out: Path,
    *,
    patch: int = 128,
    stride: int | None = None,
    per_pair: int | None = None,
    exposures: int = 0,
    hold_out: int | None = None,
    layout: str | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PrepareReport:
    """Cut the pairs of sets into patches and write them to one file, in bounded memory.

    Patches lie on a grid from the first row and column; what is left at the far edges is not used. Colour becomes
    luminance; 16 bits become 8 by v / 257, rounded. The same input and options give the same bytes, and the file
    appears whole or not at all.

    Args:
        sources: Roots of sets.
        out: The file to write; see :mod:`mmdrfuse.datasets.patches` for what is in it.
        patch: Height and width of a patch, pixels.
        stride: Pixels from one patch to the next; None for a patch beside a patch.
        per_pair: At most so many patches of a pair, spread evenly over its grid, so that large pictures do not
            outweigh small ones; None for all.
        exposures: Each pair is cut so many times more, as other cameras might have exposed it, by turns in haze and at
            night; see :mod:`mmdrfuse.datasets.exposures`.
        hold_out: Every so-manieth pair of a set by name is left out, for validation; None for none.
        layout: Name of the sets' layout; None recognises it.
        workers: Threads; None for one a core.
        overwrite: Whether an existing file may be replaced.
        progress: Draws the progress.

    Raises:
        InputError: A root is missing or cannot be searched, or nothing in it could be used.
        OutputError: The file exists, or cannot be written.
        PairingError: A root holds no pairs.
        SizeError: The patch, the stride or another number is too small.
        UnknownNameError: There is no layout of that name.
    """
    stride = patch if stride is None else stride
    if patch < SMALLEST or stride < 1:
        raise SizeError(f"patch {patch} with stride {stride}: the patch must be at least {SMALLEST}, the stride 1")
    if exposures < 0 or (per_pair is not None and per_pair < 1) or (hold_out is not None and hold_out < 2):
        raise SizeError(
            f"per_pair {per_pair}, exposures {exposures}, hold_out {hold_out}: they must be at least 1, 0 and 2"
        )
    options = {
        "patch": patch, "stride": stride, "per_pair": per_pair, "exposures": exposures, "hold_out": hold_out,
        "layout": layout, "luminance": "BT.601", "sixteen_bit": "v / 257",
    }  # fmt: skip
    with writing(out, overwrite=overwrite) as temporary:
        sets = [_find(number, root, layout, exposures, hold_out) for number, root in enumerate(sources)]
        items = [item for one in sets for item in one.items]
        with PatchWriter(temporary, (patch, patch), options) as writer:
            cut = partial(_cut, patch=patch, stride=stride, per_pair=per_pair)
            broken, small = _write(writer, items, cut, workers=workers or os.cpu_count() or 1, progress=progress)
            failed = [line for one in sets for line in one.unclear] + broken
            left_out = [line for one in sets for line in one.unused] + small
            if not writer.count:
                raise InputError(f"no patch could be cut from {len(items)} pairs: {[*left_out, *failed][-1]}")
    return PrepareReport(
        path=out,
        layouts=tuple(one.layout for one in sets),
        pairs=writer.pairs,
        shape=(writer.count, patch, patch),
        nbytes=out.stat().st_size,
        failed=tuple(failed),
        left_out=tuple(left_out),
    )


@dataclass(frozen=True)
class _Set:
    """What was found below a root: the name of its layout, its pairs, and one line for whatever is in none."""

    layout: str
    items: list["_Item"]
    unclear: list[str]
    unused: list[str]


@dataclass(frozen=True)
class _Item:
    """A pair, where it is from: the number and root of its set, and the set's layout; and which exposure of it."""

    number: int
    root: Path
    layout: str
    pair: Pair
    exposure: int = 0


@dataclass(frozen=True)
class _Cut:
    """What a pair gave."""

    patches: PackedPatches
    source: dict[str, Any]


def _find(number: int, root: Path, layout: str | None, exposures: int, hold_out: int | None) -> _Set:
    """Search a root for pairs, and say how each is to be exposed."""
    with _reading(root):
        kind, pairing = find_pairs(root, layout)
        kept, held = pairing.held_out(hold_out)
        items = [_Item(number, root, kind.name, pair, nth) for pair in kept for nth in range(1 + exposures)]
        unused = [*pairing.unused(), *([f"{root}: {len(held)} of {len(pairing.pairs)} pairs held out"] if held else [])]
        return _Set(kind.name, items, list(pairing.unclear()), unused)


def _write(
    writer: PatchWriter, items: Sequence[_Item], cut: Callable[[_Item], _Cut],
    *, workers: int, progress: Progress | None,
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Cut all pairs and write their patches; say which pairs could not be used, and which are too small."""
    broken, small = [], []
    with (
        (progress or _silent)("cutting patches", len(items)) as advance,
        ThreadPoolExecutor(workers) as pool,
    ):
        for item, result in ordered(pool, cut, items, ahead=2 * workers):
            if isinstance(result, MMDRFuseError):
                broken.append(str(result))
            elif not len(result.patches.index):
                high, wide = result.patches.infrared.shape[1:]
                size = "{width}x{height}".format(**result.source)
                small.append(f"{item.pair.infrared}: {size} is smaller than a patch of {wide}x{high}")
            else:
                writer.add(result.patches, result.source)
            advance(item.pair.name)
    return broken, small


def _cut(item: _Item, *, patch: int, stride: int, per_pair: int | None) -> _Cut:
    """Read a pair, cut it, and compress its patches.

    Raises:
        InputError: A picture cannot be read or used.
        SizeError: The pictures' sizes differ.
    """
    paths = item.pair.infrared, item.pair.visible
    infrared, visible = (eight_bit_luminance(path) for path in paths)
    if infrared.shape != visible.shape:
        (high, wide), (tall, broad) = infrared.shape, visible.shape
        raise SizeError(
            f"{paths[0]} is {wide}x{high} and {paths[1]} {broad}x{tall} pixels; "
            "a pair must be registered: resize or crop one of them"
        )
    if item.exposure:
        light = tuple(LIGHTS)[(item.exposure - 1) % len(LIGHTS)]
        infrared, visible = expose(infrared, visible, light=light, seed=f"{item.pair.name} {item.exposure}")
    rows, columns = (np.arange(0, length - patch + 1, stride) for length in infrared.shape)
    corners = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    if per_pair is not None:
        corners = corners[_spread(len(corners), per_pair)]
    sides = [_windows(image, patch)[corners[:, 0], corners[:, 1]] for image in (infrared, visible)]
    source = {
        "set": item.number,
        "layout": item.layout,
        "name": item.pair.name,
        "exposure": item.exposure,
        "height": infrared.shape[0],
        "width": infrared.shape[1],
        "patches": len(corners),
    }
    for side, path in zip(("infrared", "visible"), paths, strict=True):
        source[side] = path.relative_to(item.root).as_posix()
        with _reading(path):
            source[f"{side}_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return _Cut(PackedPatches(sides[0], sides[1], corners), source)


def eight_bit_luminance(path: Path) -> NDArray[np.uint8]:
    """Read the luminance as 8 bits."""
    values: NDArray[Any] = images.luminance(images.read(path))
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if not (np.isfinite(values).all() and 0 <= values.min() <= values.max() <= 1):
        raise InputError(f"{path}: floating-point values beyond 0..1; scale them, or store 8 or 16 bits")
    scaled: NDArray[np.uint8] = np.rint(values * 255).astype(np.uint8)
    return scaled


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """Choose at most so many of a number of things, evenly."""
    chosen = min(count, most)
    return (np.arange(chosen) * 2 + 1) * count // (2 * max(chosen, 1))


def _windows(image: NDArray[np.uint8], patch: int) -> NDArray[np.uint8]:
    """Give a view of every patch, (rows, columns, patch, patch); none where the image is smaller."""
    if min(image.shape) < patch:
        return np.empty((0, 0, patch, patch), np.uint8)
    return np.lib.stride_tricks.sliding_window_view(image, (patch, patch))


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    """Blame the source for what the system refuses here: around it lies the writing of the file, which would be."""
    try:
        yield
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        raise InputError(f"{error.filename or source}: {reason}; check the path and its permissions") from error


@contextmanager
def _silent(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show no progress."""
    yield lambda name: None
