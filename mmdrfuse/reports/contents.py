"""What a report says, in the words and numbers that its page shows; `evaluated` and `detected` fill it."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mmdrfuse.detection.labels import LabelledPicture
from mmdrfuse.pipeline.score import Candidate
from mmdrfuse.pipeline.score.comparison import Ranking
from mmdrfuse.reports import selection
from mmdrfuse.reports.overlays import Box

SIGNIFICANT_DIGITS = 5


@dataclass(frozen=True)
class Column:
    """One metric, as the table's head and its legend show it."""

    name: str
    title: str
    up: bool
    range: str
    unit: str
    reference: str
    note: str
    """What the protocol changes in it."""
    bug: bool
    """Whether that is an error of the protocol's program."""

    @property
    def arrow(self) -> str:
        """Return the direction of better."""
        return "↑" if self.up else "↓"

    @property
    def heading(self) -> str:
        """Return the name, with † where an error is reproduced."""
        return f"{self.name}{'†' if self.bug else ''}"


@dataclass(frozen=True)
class Cell:
    """One method in one metric."""

    mean: str
    std: str
    interval: str
    rank: int | None
    value: float | None
    """The mean; None where it is undefined."""

    @property
    def place(self) -> str:
        """Return ``best``, ``second`` or nothing."""
        return {1: "best", 2: "second"}.get(self.rank or 0, "")


@dataclass(frozen=True)
class Row:
    """One method of the table."""

    method: str
    pictures: int
    cells: tuple[Cell, ...]
    mean_rank: float | None
    """Over the metrics; None where the methods cannot be ranked."""


@dataclass(frozen=True)
class Test:
    """Two methods, with p and effect in each metric."""

    first: str
    second: str
    pictures: int
    cells: tuple[tuple[str, str, bool], ...]
    """Of each metric: p with Holm's correction, effect, and whether p is below 0.05."""


@dataclass(frozen=True)
class Words:
    """The sentences in which reports of metrics and of detections differ."""

    title: str
    protocol: str
    """Its name."""
    explained: str
    """What it means."""
    caption: str
    """What a cell of the table holds."""
    tests: str
    """What a cell of the tests holds."""


@dataclass(frozen=True)
class Contents:
    """Everything that a report says, but its pictures and plots."""

    words: Words
    counted: str
    """The numbers of pairs, methods and pictures in words."""
    methods: tuple[str, ...]
    columns: list[Column]
    """Of the table."""
    rows: list[Row]
    summary: list[list[list[Any]]]
    """Of each method and column: mean, deviation, both ends of the interval, and rank."""
    tests: list[Test]
    numbers: selection.Numbers
    """Of every pair."""
    metrics: list[Column]
    """What the numbers measure: the columns, or others."""
    candidates: list[tuple[Candidate | None, ...]]
    """For each pair the picture of each method that has a pane of its own."""
    sources: list[Candidate | None]
    """For each pair a picture that knows its sources; None where none does."""
    panes: list[tuple[str, int]]
    """Of each picture of a pair: its name, and its method's place; -1 for a source without a row."""
    run: dict[str, str]
    made: dict[str, dict[str, str]]
    """How the pictures of each method were made."""
    warnings: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    comparable: bool = True
    """Whether all methods were scored on the same pairs."""
    traps: tuple[str, ...] = ()
    rankings: dict[str, Ranking] = field(default_factory=dict)
    labelled: dict[str, LabelledPicture] = field(default_factory=dict)
    """Labelled boxes of pairs, as they were read."""
    classes: tuple[str, ...] = ()
    """The names of their classes."""
    boxes: dict[str, tuple[tuple[Box, ...], ...]] = field(default_factory=dict)
    """What was found and missed in each pane of a pair."""
    boxes_from: float = 0.0
    """The score of a detection from which its box is there."""

    @property
    def pairs(self) -> tuple[str, ...]:
        """Return the names of all pairs; their places here are their numbers."""
        return self.numbers.pairs

    @cached_property
    def reasons(self) -> dict[int, list[str]]:
        """Return the numbers of all pairs in the order in which they are shown, each with why it stands there."""
        return selection.choose(self.numbers)

    @property
    def has_rig(self) -> bool:
        """Return whether the infrared of any pair was laid onto the visible by a transform."""
        return any(one.pair.preparation.transform for one in self.sources if one)

    @property
    def picture_count(self) -> int:
        """Return the number of pictures: the sources of every pair, and its fused pictures."""
        return sum(2 + sum(one is not None for one in row) for row in self.candidates)


def counted(pairs: int, methods: int, pictures: int) -> str:
    """Return numbers of pairs, methods and scored pictures in words."""
    parts = ((pairs, "pair"), (methods, "method"), (pictures, "scored picture"))
    return ", ".join(f"{count:,} {noun}{'s' * (count != 1)}" for count, noun in parts)


def rounded(value: float) -> float | None:
    """Return a number with few digits for scripts; None where it is not finite."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None


def number(value: float) -> str:
    """Return a number as the table shows it."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return (f"{value:.4g}" if abs(value) < 100 else f"{value:.1f}").replace("-", "−")
