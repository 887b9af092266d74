"""The options that cut pairs into patches, and the grid of patches that follows from them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, SizeError
from mmdrfuse.registration.rig import Rig

MIN_PATCH = 16
"""Pixels on a side of the smallest patch that training accepts (`mmdrfuse.training.patches`, which imports torch)."""

DEPTHS = ("auto", "8")


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """How pairs are chosen and cut into patches.

    Patches lie on a grid that starts at the first row and column; a rest at the far edges is not used. Colour becomes
    luminance.

    Args:
        patch: Height and width of a patch, pixels.
        stride: Pixels from one patch to the next; None for the size of a patch, so that patches touch.
        scales: Scales at which each pair is cut, above 0 and at most 1; a pixel of a smaller copy is the mean of the
            area that it covers.
        per_pair: Largest number of patches of a pair at each scale and exposure, spread evenly over its grid, so that
            large pictures do not outweigh small ones; None for all.
        exposures: Number of times that each pair is cut again as other cameras might have exposed it: in haze, at
            night, by day, in turn; see :mod:`mmdrfuse.datasets.patches.exposures`. Needs 8 bits.
        min_gradient: Flat patches are dropped: those whose neighbouring pixels differ by at most this on average, in
            levels of 255, on both sides. 0 drops patches that are constant on both.
        depth: ``auto`` keeps 16 bits, for the whole file if any picture has them (8 bits then become v · 257); ``8``
            converts 16 bits to 8 (v / 257, rounded).
        hold_out: Every Nth pair of a set by name is left out; None for none.
        validation: Largest share of each set's pairs for validation, 0 to below 1. It takes whole scenes or sequences,
            drawn at random, so that no scene is in both splits; above 0, at least one scene.
        max_patches: Largest number of patches, drawn at random from all before flat ones are dropped; None for all.
        weights: Proportion of patches from each set, one number a set. Sets that have more are thinned at random. None
            takes all patches.
        seed: Seed of the random choices of scenes and patches.
        layout: Name of the sets' layout; None recognises it.
        pair_regex: Regular expression for the part of the names that a pair shares, see `mmdrfuse.datasets.find_pairs`.
        rig: The rig of two cameras that are not aligned; patches come from what both see. None for aligned pairs.

    Raises:
        SizeError: A number is out of range.
        InputError: There is no such depth.
    """

    patch: int = 128
    stride: int | None = None
    scales: tuple[float, ...] = (1.0,)
    per_pair: int | None = None
    exposures: int = 0
    min_gradient: float = 0.0
    depth: str = "auto"
    hold_out: int | None = None
    validation: float = 0.0
    max_patches: int | None = None
    weights: tuple[float, ...] | None = None
    seed: int = 0
    layout: str | None = None
    pair_regex: str | None = None
    rig: Rig | None = None

    def __post_init__(self) -> None:
        if self.patch < MIN_PATCH or self.step < 1:
            raise SizeError(
                f"patch {self.patch} with stride {self.step}: the patch must be at least {MIN_PATCH}, the stride 1"
            )
        least = {"per_pair": 1, "exposures": 0, "hold_out": 2, "max_patches": 1, "min_gradient": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and not value >= low:
                raise SizeError(f"{name} {value}: it must be at least {low}")
        if not self.scales or not all(0 < scale <= 1 for scale in self.scales):
            raise SizeError(f"scales {self.scales}: each must be above 0 and at most 1")
        if len(set(self.scales)) < len(self.scales):
            raise SizeError(f"scales {self.scales}: name each once")
        if not 0 <= self.validation < 1:
            raise SizeError(f"validation {self.validation}: the share must be at least 0 and below 1")
        if self.weights is not None and not all(0 < weight < float("inf") for weight in self.weights):
            raise SizeError(f"weights {self.weights}: each must be above 0")
        if self.depth not in DEPTHS:
            raise InputError(f"depth {self.depth!r}: choose one of {', '.join(DEPTHS)}")

    @property
    def step(self) -> int:
        """Pixels from one patch to the next."""
        return self.patch if self.stride is None else self.stride

    def blocks(self, height: int, width: int) -> list[int]:
        """Return the number of patches of a picture at each scale, for one exposure."""
        return [len(self.corners(scaled(height, scale), scaled(width, scale))) for scale in self.scales]

    def corners(self, height: int, width: int) -> NDArray[np.int64]:
        """Return the first row and column of each patch of a picture, (n, 2)."""
        rows, columns = (np.arange(0, length - self.patch + 1, self.step) for length in (height, width))
        corners = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
        return corners if self.per_pair is None else corners[_spread(len(corners), self.per_pair)]


def scaled(length: int, scale: float) -> int:
    """Return the pixels on a side of a smaller copy, rounded down."""
    return int(length * scale + 1e-9)  # in floating point, 100 · 0.29 is a little less than 29


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """Return at most ``most`` of the numbers below ``count``, evenly spread."""
    chosen = min(count, most)
    return (np.arange(chosen) * 2 + 1) * count // (2 * max(chosen, 1))
