"""Validation: what a network scores, as it is, on whole pairs."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mmdrfuse.engine import Engine
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import InputError, SizeError
from mmdrfuse.metrics import METRICS, find_metric, find_protocol
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.folder import fuse_sources, sha256
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.score import Candidate, score_one

USUAL = ("SD", "SCD", "VIF", "Qabf", "SSIM", "CC")

Means = dict[str, float | None]
"""Metric → mean over pairs; None where that is no finite number."""


@dataclass(frozen=True)
class Scores:
    """What one state of the network scores."""

    overall: Means
    """Over all pairs of all sets."""
    sets: dict[str, Means]
    """Set → over its pairs."""
    best: int | None = None
    """Number of the epoch that scored best so far, from 1, where a run may stop early."""


@dataclass(frozen=True)
class Validation:
    """Sets of pairs, and what to score on them; pictures are read one pair at a time, whenever they are needed.

    Args:
        sets: Set → its pairs.
        metrics: Names of `mmdrfuse.metrics.names`, as the table spells them.
        protocol: One of `mmdrfuse.metrics.PROTOCOLS`, as spelled there.
    """

    sets: Mapping[str, Sequence[Pair]]
    metrics: tuple[str, ...] = USUAL
    protocol: str = "standard"

    @classmethod
    def of(
        cls, sets: Mapping[str, Sequence[Pair]], *, metrics: Iterable[str] = USUAL, protocol: str = "standard"
    ) -> "Validation":
        """Make one of names in any spelling that the tables understand.

        Args:
            sets: Set → its pairs.
            metrics: What to score.
            protocol: Under whose convention.

        Raises:
            InputError: A set has no pairs, or there is no set.
            UnknownNameError: No such metric or protocol.
            MMDRFuseError: The protocol does not have the metric.
        """
        empty = [name for name, pairs in sets.items() if not pairs]
        if empty or not sets:
            raise InputError(f"nothing to validate on: {', '.join(empty) or 'no set of pairs'}; name folders of pairs")
        scheme = find_protocol(protocol)
        names = tuple(dict.fromkeys(find_metric(metric, scheme).name for metric in metrics))
        return cls(dict(sets), names, scheme.name)

    def check(self, engine: Engine) -> None:
        """Read every pair, and score the largest, so that what is wrong is found before the training.

        Args:
            engine: The network, as yet untrained.

        Raises:
            InputError: A picture cannot be used.
            SizeError: The sizes of a pair differ, or a metric needs larger pictures.
        """
        smallest = {metric: METRICS[metric].protocols[self.protocol].smallest for metric in self.metrics}
        maximum, largest = Fuser(BASELINES["max"]), (0, self.pairs()[0])
        for pair in self.pairs():
            sources = pair.sources()
            height, width = fuse_sources(maximum, pair, *sources).image.shape[:2]
            for metric, side in smallest.items():
                if min(height, width) < side:
                    raise SizeError(
                        f"{pair.infrared}: {width}x{height} pixels, and {metric} needs {side}x{side} or more; "
                        "validate on larger pictures, or without this metric"
                    )
            largest = max(largest, (height * width, pair))
        self._score(largest[1], engine)

    def scores(self, engine: Engine) -> Scores:
        """Fuse and score every pair.

        Args:
            engine: The network as it is.

        Raises:
            InputError: A picture cannot be read.
            SizeError: The sizes of a pair differ.
        """
        scored = {name: [self._score(pair, engine) for pair in pairs] for name, pairs in self.sets.items()}
        return Scores(
            overall=self._means(row for rows in scored.values() for row in rows),
            sets={name: self._means(rows) for name, rows in scored.items()},
        )

    def pairs(self) -> list[Pair]:
        """Give the pairs of all sets."""
        return [pair for pairs in self.sets.values() for pair in pairs]

    @cached_property
    def description(self) -> dict[str, Any]:
        """Tell for a model card what is scored, and on which pictures, which are read for it once.

        Raises:
            InputError: A picture cannot be read.
        """
        sets = {name: {"pairs": len(pairs), "fingerprint": _fingerprint(pairs)} for name, pairs in self.sets.items()}
        return {"protocol": self.protocol, "metrics": list(self.metrics), "sets": sets}

    def _score(self, pair: Pair, engine: Engine) -> dict[str, float]:
        return score_one(Candidate("network", pair, Fuser(engine)), metrics=self.metrics, protocol=self.protocol)

    def _means(self, rows: Iterable[dict[str, float]]) -> Means:
        listed = list(rows)
        # A metric that a picture is too small for is not in its row.
        means = {metric: sum(row.get(metric, math.nan) for row in listed) / len(listed) for metric in self.metrics}
        return {metric: mean if math.isfinite(mean) else None for metric, mean in means.items()}


def _fingerprint(pairs: Sequence[Pair]) -> str:
    """Tell these pictures from others, wherever they lie."""
    lines = (f"{pair.name} {sha256(pair.infrared)} {sha256(pair.visible)}" for pair in pairs)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
