"""A row of the table of metrics: the definition and the properties of one metric."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmdrfuse.metrics.shared.triple import Triple


@dataclass(frozen=True)
class Rule:
    """How one metric is computed under one protocol.

    Args:
        score: From one triple to a score.
        note: What the protocol changes against `standard`, beyond what it changes in the images.
        bug: Whether what it changes is an error of the program, reproduced on purpose.
        smallest: Fewest pixels on a side that the metric's windows or transforms need.
        side_by_side: Score the channels as one wide image instead of one by one.
        program_name: What the program itself calls the metric, if not as we do.
    """

    score: Callable[[Triple], float]
    note: str = ""
    bug: bool = False
    smallest: int = 1
    side_by_side: bool = False
    program_name: str = ""

    def __call__(self, triples: Sequence[Triple]) -> float:
        """Return the mean score of the channels."""
        if self.side_by_side and len(triples) > 1:
            triples = [_wide(triples)]
        return sum(float(self.score(t)) for t in triples) / len(triples)


@dataclass(frozen=True)
class Metric:
    """One fusion metric.

    Args:
        name: Its name in `evaluate` and on the command line.
        title: What it measures, in a few words.
        higher_is_better: Its direction.
        range: Bounds of its value under `standard`, or under the one protocol that has it.
        unit: Its unit there, empty for a bare number.
        reference: Who defined it, and when.
        protocols: The protocols that have it, and its rule under each.
        infrared_first: Whether the first source must be the infrared one; otherwise their order is irrelevant under
            `standard`.
    """

    name: str
    title: str
    higher_is_better: bool
    range: tuple[float, float]
    unit: str
    reference: str
    protocols: Mapping[str, Rule]
    infrared_first: bool = False


def same(protocols: str, rule: Rule) -> dict[str, Rule]:
    """Return one rule for several protocols, whose names are separated by blanks."""
    return dict.fromkeys(protocols.split(), rule)


def _wide(triples: Sequence[Triple]) -> Triple:
    # the channels of each image side by side
    fused, a, b = (np.hstack(images) for images in zip(*(t.images for t in triples), strict=True))
    return Triple(fused, a, b)
