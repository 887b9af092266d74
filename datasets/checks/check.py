"""Check a set of pairs: report the properties of its files, and what is wrong with them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmdrfuse import images
from mmdrfuse.datasets.checks.alignment import Alignment, SmallImage, align, common_shift, downsampled
from mmdrfuse.datasets.checks.leaks import Leak, Thumbnail, leaks, split_of, thumbnail
from mmdrfuse.datasets.sets.catalogue import Layout
from mmdrfuse.datasets.sets.layouts import find_pairs
from mmdrfuse.datasets.sets.pairing import Pairing
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.pair import Pair
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import Workers, cores, ordered, pool, queue_length, raise_failures, require

MAX_CONSTANT_SPAN = 2
"""Greatest difference of values in a constant picture of 8 bits; JPEG changes a constant by this much."""

PROBLEMS = {
    "unreadable": "cannot be read",
    "sizes": "sizes differ within the pair",
    "orphans": "no partner on the other side",
    "ambiguous": "one name fits more than one file",
    "constant": "empty: one value everywhere",
    "leaks": "near-duplicates in two splits",
    "off": "infrared and visible are not aligned",
}
"""The problems: name in the JSON document → text."""
NOTES = {
    "gray_as_rgb": "grey pictures that are stored as RGB",
    "no_pictures": "files that are no pictures",
    "unused": "pictures in no pair",
    "unexpected": "differs from the published set",
    "rig": "one matrix would bring the sides onto each other",
}
"""What is reported, but is no problem: name in the JSON document → text."""


@dataclass(frozen=True)
class Facts:
    """The properties of a picture."""

    size: tuple[int, int]
    """Width and height."""
    kind: str
    """Depth and colour, such as ``8-bit grey``."""
    gray_as_rgb: bool
    constant: bool


@dataclass(frozen=True)
class PairCheck:
    """The result for a pair; a side that cannot be read has no facts."""

    pair: Pair
    sides: tuple[Facts | None, Facts | None]
    unreadable: tuple[str, ...]
    """A line for each side that cannot be read."""
    alignment: Alignment | None = None
    """None if a side cannot be read or judged, or the sizes differ."""
    thumbnails: tuple[Thumbnail, Thumbnail] | None = None
    """For the search for leaks; None if the pair is in no split."""


@dataclass(frozen=True)
class CheckReport:
    """The result for a set."""

    source: str
    layout: Layout
    pairing: Pairing
    pairs: tuple[PairCheck, ...]
    leaks: tuple[Leak, ...]

    @property
    def attention(self) -> dict[str, list[str]]:
        """Return the problems: name in `PROBLEMS` → a line for each case; names without a case are left out."""
        lines: dict[str, list[str]] = {
            "unreadable": [line for checked in self.pairs for line in checked.unreadable],
            "sizes": [f"{checked.pair.name}: {_sizes(checked.sides)}" for checked in self.pairs if _differ(checked)],
            "orphans": list(map(str, self.pairing.orphans)),
            "ambiguous": [", ".join(map(str, group)) for group in self.pairing.ambiguous],
            "constant": [str(path) for path, facts in self._files() if facts.constant],
            "leaks": [f"{leak.pair} = {leak.other} ({leak.likeness:.3f})" for leak in self.leaks],
            "off": [
                f"{checked.pair.name}: visible {_describe_shift(checked.alignment.shift)}"
                for checked in self.pairs
                if checked.alignment and checked.alignment.off
            ],
        }
        return {name: lines[name] for name in PROBLEMS if lines[name]}

    @property
    def notes(self) -> dict[str, list[str]]:
        """Return the notes: name in `NOTES` → a line for each case; names without a case are left out."""
        folders = [path for path in self.pairing.ignored if path.is_dir()]
        lines = {
            "gray_as_rgb": [str(path) for path, facts in self._files() if facts.gray_as_rgb],
            "no_pictures": [str(path) for path in self.pairing.ignored if path not in folders],
            "unused": list(map(str, (*self.pairing.unassigned, *folders))),
            "unexpected": list(self._unexpected()),
            "rig": list(self._rig()),
        }
        return {name: lines[name] for name in NOTES if lines[name]}

    def _rig(self) -> Iterator[str]:
        """Yield why one matrix for all pairs would mend the set, where it would."""
        sizes = {tuple(facts.size if facts else None for facts in checked.sides) for checked in self.pairs}
        if len(sizes) != 1:
            return
        if all(_differ(checked) for checked in self.pairs):
            yield f"all pairs: {_sizes(self.pairs[0].sides)}"
        elif shift := common_shift([checked.alignment for checked in self.pairs]):
            yield f"all pairs are off by the same {np.hypot(*shift):.1f} px ({_describe_shift(shift)})"

    @property
    def sizes(self) -> Counter[str]:
        """Count the pictures by width and height."""
        return Counter("{}x{}".format(*facts.size) for _, facts in self._files())

    def kinds(self, side: int) -> Counter[str]:
        """Count the pictures of a side (0 for infrared, 1 for visible) by depth and colour."""
        return Counter(facts.kind for checked in self.pairs if (facts := checked.sides[side]))

    @property
    def splits(self) -> Counter[str]:
        """Count the pairs by split; pairs without a split do not count."""
        return Counter(split for checked in self.pairs if (split := split_of(checked.pair.name)))

    @property
    def alignment(self) -> Alignment | None:
        """Return the median of the pairs' alignments; None if no pair could be judged."""
        alignments = [checked.alignment for checked in self.pairs if checked.alignment]
        if not alignments:
            return None
        score, right, down, clarity = (
            float(np.median(values))
            for values in zip(*((each.score, *each.shift, each.clarity) for each in alignments), strict=True)
        )
        return Alignment(score, (right, down), clarity, any(each.off for each in alignments))

    def document(self) -> dict[str, Any]:
        """Return everything as a dictionary for JSON."""
        alignments: dict[str, Any] = {
            checked.pair.name: checked.alignment._asdict() if checked.alignment else None for checked in self.pairs
        }
        return {
            "source": self.source,
            "layout": self.layout.name,
            "pairs": len(self.pairs),
            "labels": len(self.pairing.labels),
            "attention": self.attention,
            "notes": self.notes,
            "splits": dict(self.splits),
            "sizes": dict(self.sizes.most_common()),
            "kinds": {name: dict(self.kinds(side).most_common()) for side, name in enumerate(("infrared", "visible"))},
            "leaks": [leak._asdict() for leak in self.leaks],
            "alignment": alignments,
        }

    def _files(self) -> Iterable[tuple[Path, Facts]]:
        for checked in self.pairs:
            for path, facts in zip((checked.pair.infrared, checked.pair.visible), checked.sides, strict=True):
                if facts:
                    yield path, facts

    def _unexpected(self) -> Iterable[str]:
        """Yield a line for each difference from the catalogue's facts about the set."""
        if self.layout.count and len(self.pairs) != self.layout.count:
            yield f"pairs: {len(self.pairs)} here, {self.layout.count} in the whole set"
        if self.layout.size:
            usual = "{}x{}".format(*self.layout.size)
            if other := self.sizes.total() - self.sizes[usual]:
                yield f"{other} pictures are not {usual}, the size of the set's pictures"


def check(
    source: Path | tuple[Path, Path],
    *,
    layout: str | None = None,
    pair_regex: str | None = None,
    workers: Workers | None = None,
    progress: Progress = silent,
) -> CheckReport:
    """Read every pair of a set, and report its properties and problems.

    Args:
        source: As in :func:`mmdrfuse.datasets.sets.layouts.find_pairs`, and so are the next two.
        layout: Name of the layout; None recognises it.
        pair_regex: Regular expression for the part of the names that a pair shares.
        workers: Threads, or any executor; None for a thread a core.
        progress: Draws the progress.

    Raises:
        InputError: The source is missing or cannot be listed or read.
        PairingError: No layout fits, or there is no pair.
        UnknownNameError: There is no layout of that name.
    """
    found, pairing = find_pairs(source, layout, pair_regex=pair_regex)
    workers = workers or cores()
    checked: list[PairCheck] = []
    thumbnails: dict[str, tuple[Thumbnail, Thumbnail]] = {}
    require(workers, (path for pair in pairing.pairs for path in (pair.infrared, pair.visible)))
    with progress("checking", len(pairing.pairs)) as advance, pool(workers) as executor:
        results = ordered(executor, _check_pair, pairing.pairs, buffer_size=queue_length(workers))
        for pair, result in raise_failures(results):
            if result.thumbnails:
                thumbnails[pair.name] = result.thumbnails
            checked.append(replace(result, pair=pair, thumbnails=None))
            advance(pair.name)
    name = " + ".join(map(str, source)) if isinstance(source, tuple) else str(source)
    return CheckReport(name, found, pairing, tuple(checked), tuple(leaks(thumbnails)))


class _ReadPicture(NamedTuple):
    """A picture that could be read."""

    facts: Facts
    small: SmallImage
    factor: int


def _check_pair(pair: Pair) -> PairCheck:
    """Read a pair once, and check it."""
    infrared = _read_picture(pair.infrared, "infrared")
    visible = _read_picture(pair.visible, "visible" if pair.infrared == pair.visible else None)
    if isinstance(infrared, str) or isinstance(visible, str):
        facts = [None if isinstance(side, str) else side.facts for side in (infrared, visible)]
        return PairCheck(
            pair, (facts[0], facts[1]), tuple(side for side in (infrared, visible) if isinstance(side, str))
        )
    one_size = infrared.facts.size == visible.facts.size
    return PairCheck(
        pair,
        (infrared.facts, visible.facts),
        (),
        align(infrared.small, visible.small, factor=infrared.factor) if one_size else None,
        (thumbnail(infrared.small), thumbnail(visible.small)) if split_of(pair.name) else None,
    )


def _read_picture(path: Path, side: images.Side | None) -> _ReadPicture | str:
    """Read a picture; return it with its properties, or the reason why it cannot be read."""
    try:
        picture = images.read(path, side=side)
    except MMDRFuseError as error:
        return error.message
    if not np.isfinite(picture).all():
        return f"{path}: has pixels that are NaN or infinite; replace or remove it"
    luma = images.luminance(picture)
    height, width = luma.shape
    colour = "grey" if picture.ndim == 2 else "RGB"
    return _ReadPicture(
        Facts(
            size=(width, height),
            kind=f"{8 * picture.itemsize}-bit {colour}",
            gray_as_rgb=picture.ndim == 3 and images.is_gray(picture),
            constant=float(luma.max()) - float(luma.min()) <= (MAX_CONSTANT_SPAN if luma.dtype == np.uint8 else 0),
        ),
        *downsampled(luma),
    )


def _differ(checked: PairCheck) -> bool:
    infrared, visible = checked.sides
    return bool(infrared and visible and infrared.size != visible.size)


def _sizes(sides: tuple[Facts | None, Facts | None]) -> str:
    named = zip(("infrared", "visible"), sides, strict=True)
    return ", ".join(f"{name} {'{}x{}'.format(*facts.size)}" for name, facts in named if facts)


def _describe_shift(shift: tuple[float, float]) -> str:
    """Describe a shift in words."""
    right, down = shift
    return f"{abs(right):.0f} px {'right' if right > 0 else 'left'}, {abs(down):.0f} px {'down' if down > 0 else 'up'}"
