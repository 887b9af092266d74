"""What `estimate` returns: a matrix, how far it is to be believed, and how well each pair agrees with it."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Model = Literal["shift", "similarity", "affine", "homography"]
MODELS: tuple[Model, ...] = get_args(Model)
"""What the matrix may do, the simplest first: move; also turn and scale; also shear and stretch; also tilt."""

Method = Literal["field", "mutual-information"]
METHODS: tuple[Method, ...] = get_args(Method)
"""How a matrix is found: by the directions of edges; or, in medical slices, as a shift and a turn by what the values of
both sides tell of each other."""

Reason = Literal["", "flat", "too small", "no structure", "no agreement", "implausible"]
"""Why a matrix is not to be believed; empty if it is."""

REASONS: dict[str, str] = {
    "flat": "one side shows nothing: the pictures are constant",
    "too small": "the pictures are too small to have edges enough",
    "no structure": "the two sides have no place in common: too few edges, or different scenes",
    "no agreement": "the two sides do not agree clearly at any place: different scenes, a flat infrared, or a view "
    "outside of the range that was searched",
    "implausible": "the best matrix is none that two cameras side by side could have",
}
"""A sentence for each reason."""

DISAGREEING = 0.02
"""Share of the visible's width beyond which a pair disagrees with the matrix of its rig."""
FEW = 0.2
"""Share of the pairs that may disagree, as single frames of a good recording do."""


@dataclass(frozen=True)
class Registration:
    """What was found about two cameras.

    Args:
        matrix: 3×3, from infrared pixels (x, y, 1) to visible ones, with (0, 0) at the centre of the upper left pixel;
            None where there is none.
        model: What the matrix may do: one of `MODELS`.
        accepted: Whether the matrix is to be believed. If not, do not use it.
        reason: Why not; `REASONS` has the sentences.
        confidence: √(height · held-out evidence); at least ``needed`` is believed.
        needed: The confidence that it takes.
        height: Correlation of the whole small pictures, in standard deviations over all poses and shifts.
        view: Width of the infrared's view as a share of the visible's.
        halves: Mean distance of the corners between fits of two halves of the patches, visible pixels.
        residuals: Of each pair that was given, the mean distance of the corners between the matrix and the pair's own
            fit, visible pixels; None where the pair alone does not show it.
        infrared: Width and height.
        visible: Width and height.
        method: How it was found: one of `METHODS`.
    """

    matrix: NDArray[np.float64] | None
    model: Model
    accepted: bool
    reason: Reason
    confidence: float
    needed: float
    height: float
    view: float
    halves: float
    residuals: tuple[float | None, ...]
    infrared: tuple[int, int]
    visible: tuple[int, int]
    method: Method = "field"

    @property
    def disagreeing(self) -> tuple[int, ...]:
        """Which pairs disagree with the matrix by more than `DISAGREEING` of the visible's width."""
        return disagreeing(self.residuals, self.visible[0])


def disagreeing(residuals: tuple[float | None, ...], width: int) -> tuple[int, ...]:
    """Return which pairs disagree with their rig by more than `DISAGREEING` of the visible's width, as indices.

    Args:
        residuals: Of each pair, visible pixels; None where the pair alone does not show it.
        width: Of the visible picture.
    """
    limit = DISAGREEING * width
    return tuple(index for index, pixels in enumerate(residuals) if pixels is not None and pixels > limit)


def too_many(disagreeing: int, pairs: int) -> bool:
    """Return whether so many pairs disagree that one matrix does not serve them: more than `FEW`."""
    return disagreeing > FEW * pairs
