"""Find near-duplicates between the splits of a set: pictures of the test set that training has already seen.

Two pairs are near-duplicates if both of their sides look alike, that is, if their thumbnails correlate: 16×16 means,
less the mean of their neighbourhood. Copies that were resized to 60 %, brightened and saved again as JPEG of quality 50
correlate by 0.968 or more (LLVIP, RoadScene, TNO, VIFB, Harvard); different scenes of the first four correlate by 0.87
at most. Neighbouring slices of one brain and neighbouring frames of one video reach 0.99: those are leaks too.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.datasets.checks.alignment import SmallImage

SPLITS = ("train", "training", "val", "valid", "validation", "test", "testing")
"""Names of folders that hold a split."""
MIN_LIKENESS = 0.95
"""Correlation from which two sides look alike."""

_SIDE, _NEIGHBOURHOODS = 16, 4
_CHUNK = 1024
"""Pairs that are compared with all others in one matrix product."""
_SPLIT = re.compile(rf"(?:^|/)({'|'.join(SPLITS)})/", re.IGNORECASE)

Thumbnail = NDArray[np.float32]


class Leak(NamedTuple):
    """A pair, and the pair of another split that is most like it."""

    pair: str
    other: str
    likeness: float
    """The lesser of the two sides' correlations."""


def split_of(name: str) -> str | None:
    """Return the split that a pair's name contains, in lower case; None if it contains none."""
    match = _SPLIT.search(name)
    return match[1].lower() if match else None


def thumbnail(small: SmallImage) -> Thumbnail:
    """Compute the vector that is compared: 256 values of length 1 in all (0 for a flat picture)."""
    if min(small.shape) < _SIDE:
        return np.zeros(_SIDE**2, np.float32)
    means: NDArray[np.floating[Any]] = small
    for axis in (0, 1):
        edges = np.linspace(0, means.shape[axis], _SIDE + 1).astype(int)
        widths = np.diff(edges).reshape((-1, 1) if axis == 0 else (1, -1))
        means = np.add.reduceat(means, edges[:-1], axis=axis) / widths
    part = _SIDE // _NEIGHBOURHOODS
    around = means.reshape(_NEIGHBOURHOODS, part, _NEIGHBOURHOODS, part).mean(axis=(1, 3))
    detail = (means - np.kron(around, np.ones((part, part)))).ravel()
    length = float(np.linalg.norm(detail))
    return (detail / length if length > 1e-3 else np.zeros_like(detail)).astype(np.float32)


def leaks(thumbnails: Mapping[str, tuple[Thumbnail, Thumbnail]]) -> list[Leak]:
    """Find each pair that has a near-duplicate in another split.

    Args:
        thumbnails: Name of a pair → the thumbnails of both sides; pairs without a split are skipped.

    Returns:
        One leak for each pair of the smaller of two splits, in order of name.
    """
    splits: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(thumbnails):
        if split := split_of(name):
            splits[split].append(name)
    found: list[Leak] = []
    largest_first = sorted(splits.values(), key=len, reverse=True)
    for number, larger in enumerate(largest_first):
        for smaller in largest_first[number + 1 :]:
            found += _leaks_between(thumbnails, smaller, larger)
    return sorted(found)


def _leaks_between(
    thumbnails: Mapping[str, tuple[Thumbnail, Thumbnail]], smaller: list[str], larger: list[str]
) -> list[Leak]:
    """Find the most similar pair of the larger split for each pair of the smaller one."""
    found = []
    others = [np.stack([thumbnails[name][side] for name in larger]) for side in (0, 1)]
    for start in range(0, len(smaller), _CHUNK):
        names = smaller[start : start + _CHUNK]
        rows = [np.stack([thumbnails[name][side] for name in names]) for side in (0, 1)]
        likeness = np.minimum(rows[0] @ others[0].T, rows[1] @ others[1].T)
        nearest = likeness.argmax(axis=1)
        for row, name in enumerate(names):
            alike = float(likeness[row, nearest[row]])
            if alike >= MIN_LIKENESS:
                found.append(Leak(name, larger[nearest[row]], min(alike, 1.0)))
    return found
