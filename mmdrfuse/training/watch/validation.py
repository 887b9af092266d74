"""Validation: the mean scores of a network on whole pairs."""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mmdrfuse.engine import Engine
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import InputError, MMDRFuseError, SizeError
from mmdrfuse.metrics import METRICS, find_metric, find_protocol
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.folder import fuse_sources, sha256
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.score import Candidate, score_one

DEFAULT_METRICS = ("SD", "SCD", "VIF", "Qabf", "SSIM", "CC")

Means = dict[str, float | None]
"""Metric → mean over pairs; None if the mean is not finite."""


@dataclass(frozen=True)
class Scores:
    """The scores of a network after one epoch."""

    overall: Means
    """Means over all pairs of all sets."""
    sets: dict[str, Means]
    """Set → means over its pairs."""
    best: int | None = None
    """Number of the best epoch so far, from 1; None without early stopping."""


@dataclass(frozen=True)
class Validation:
    """Sets of pairs and the metrics to compute on them; pictures are read one pair at a time, when they are needed.

    Args:
        sets: Set → its pairs.
        metrics: Names of `mmdrfuse.metrics.names`, as the table spells them.
        protocol: One of `mmdrfuse.metrics.PROTOCOLS`, as spelled there.
    """

    sets: Mapping[str, Sequence[Pair]]
    metrics: tuple[str, ...] = DEFAULT_METRICS
    protocol: str = "standard"

    @classmethod
    def of(
        cls, sets: Mapping[str, Sequence[Pair]], *, metrics: Iterable[str] = DEFAULT_METRICS, protocol: str = "standard"
    ) -> "Validation":
        """Return a validation, from names in any spelling that the tables understand.

        Args:
            sets: Set → its pairs.
            metrics: Names of metrics.
            protocol: Name of a protocol.

        Raises:
            InputError: A set has no pairs, or there is no set.
            UnknownNameError: No such metric or protocol.
            MMDRFuseError: The protocol does not have the metric.
        """
        empty = [name for name, pairs in sets.items() if not pairs]
        if empty or not sets:
            raise InputError(f"nothing to validate on: {', '.join(empty) or 'no set of pairs'}; name folders of pairs")
        known = find_protocol(protocol)
        names = tuple(dict.fromkeys(find_metric(metric, known).name for metric in metrics))
        return cls(dict(sets), names, known.name)

    def check(self, engine: Engine, *, warn: Callable[[str], None]) -> "Validation":
        """Read every pair and score the largest one, to find errors before the training.

        Args:
            engine: The network before its training.
            warn: Called with one line about each pair that cannot be scored.

        Returns:
            The validation without these pairs.

        Raises:
            InputError: No pair of a set can be scored, and a picture of the first pair cannot be used.
            SizeError: The same, if the sizes of the first pair differ or a metric needs larger pictures.
            MissingExtraError: The same, if the format of the first pair needs an optional package.
        """
        largest = 0, self.pairs()[0]
        sets: dict[str, Sequence[Pair]] = {}
        for name, pairs in self.sets.items():
            areas: dict[Pair, int] = {}
            errors: list[MMDRFuseError] = []
            for pair in pairs:
                try:
                    areas[pair] = self._area(pair)
                except MMDRFuseError as error:
                    errors.append(error)
            if not areas:
                raise errors[0]
            for excluded in errors:
                warn(f"not validated on: {excluded}")
            sets[name] = list(areas)
            largest = max(largest, *((area, pair) for pair, area in areas.items()))
        self._score(largest[1], engine)
        return replace(self, sets=sets)

    def scores(self, engine: Engine) -> Scores:
        """Fuse every pair and return the mean scores.

        Args:
            engine: The network.

        Raises:
            InputError: A picture cannot be read.
            SizeError: The sizes of a pair differ.
        """
        scored = {name: [self._score(pair, engine) for pair in pairs] for name, pairs in self.sets.items()}
        all_rows = [row for rows in scored.values() for row in rows]
        sets = {name: self._means(rows) for name, rows in scored.items()}
        return Scores(overall=self._means(all_rows), sets=sets)

    def pairs(self) -> list[Pair]:
        """Return the pairs of all sets."""
        return [pair for pairs in self.sets.values() for pair in pairs]

    @cached_property
    def description(self) -> dict[str, Any]:
        """Metrics, protocol and a fingerprint of each set, for a model card; this reads every picture once.

        Raises:
            InputError: A picture cannot be read.
        """
        sets = {name: {"pairs": len(pairs), "fingerprint": _fingerprint(pairs)} for name, pairs in self.sets.items()}
        return {"protocol": self.protocol, "metrics": list(self.metrics), "sets": sets}

    def _area(self, pair: Pair) -> int:
        """Check that a pair can be scored, and return its number of pixels."""
        height, width = fuse_sources(Fuser(BASELINES["max"]), pair, *pair.sources()).image.shape[:2]
        for metric in self.metrics:
            min_side = METRICS[metric].protocols[self.protocol].smallest
            if min(height, width) < min_side:
                raise SizeError(
                    f"{pair.infrared}: {width}x{height} pixels, and {metric} needs {min_side}x{min_side} or more; "
                    "validate on larger pictures, or without this metric"
                )
        return int(height * width)

    def _score(self, pair: Pair, engine: Engine) -> dict[str, float]:
        return score_one(Candidate("network", pair, Fuser(engine)), metrics=self.metrics, protocol=self.protocol)

    def _means(self, rows: Sequence[dict[str, float]]) -> Means:
        # A row lacks the metrics that its picture is too small for.
        means = {metric: sum(row.get(metric, math.nan) for row in rows) / len(rows) for metric in self.metrics}
        return {metric: mean if math.isfinite(mean) else None for metric, mean in means.items()}


def _fingerprint(pairs: Sequence[Pair]) -> str:
    """Return a hash of the names and contents of the pictures; it does not depend on their folders."""
    lines = (f"{pair.name} {_content(pair.infrared)} {_content(pair.visible)}" for pair in pairs)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _content(path: Path) -> str:
    """Return the hash of a file, or that it has none: such a pair is named, and left out."""
    try:
        return sha256(path)
    except InputError:
        return "unreadable"
