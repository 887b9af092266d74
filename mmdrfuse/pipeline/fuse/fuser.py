"""Fuse one pair of arrays into one picture: luminance, network, range, colour.

Everything is fused here: `mmdrfuse.fuse` calls `Fuser` with two arrays, and the pictures, blocks and frames of a run go
through `fuse_part`, which prepares them first. No file is opened in this module.
"""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.engine import Engine, fuse_stored
from mmdrfuse.errors import InputError, MMDRFuseError, UnknownNameError, WeightsError
from mmdrfuse.images import (
    COLORS,
    Side,
    constant_limits,
    converted,
    from_unit,
    is_gray,
    limits,
    limits_over,
    luminance,
    recolour,
    to_unit,
)
from mmdrfuse.images.values.tones import split_tone, toned_over
from mmdrfuse.models import Checkpoint
from mmdrfuse.pair import Preparation
from mmdrfuse.registration.geometry import size_error


@dataclass(frozen=True)
class Fused:
    """A fused picture, with the limits and the colour that were used."""

    image: NDArray[Any]
    """H×W, or H×W×3 where a side's colour is kept."""
    limits: tuple[float, float]
    """The network's values that became black and white."""
    side: Side
    """The side whose colour the picture has; the visible side for grey pictures."""


@dataclass(frozen=True)
class Fuser:
    """One engine with one range and one colour mode, called with pairs of images as they are stored."""

    engine: Engine
    """From `mmdrfuse.engine.make`, or one of the baselines."""
    range: str = "clip"
    """How the network's output becomes pixel values: one of `mmdrfuse.images.RANGES`."""
    color: str = "auto"
    """Whether and how colour is kept: one of `mmdrfuse.images.COLORS`."""
    limits: tuple[float, float] | None = None
    """The output's values that become black and white, where they are fixed beforehand, as for a whole set."""

    def __call__(
        self,
        infrared: NDArray[Any],
        visible: NDArray[Any],
        *,
        dtype: np.dtype[Any] | None = None,
        side: Side | None = None,
        coverage: NDArray[np.float32] | None = None,
    ) -> Fused:
        """Fuse two images of one size.

        Args:
            infrared: H×W or H×W×3; uint8, uint16, or float in [0, 1].
            visible: The same; it may have another dtype.
            dtype: Of the result: uint8, uint16 or float; None for that of the deeper side.
            side: The side whose colour to keep, even if this part of it is grey; None to decide by the pixels.
            coverage: H×W, 0 to 1: the share of the fused picture, the rest being the visible one; None for all.

        Raises:
            SizeError: The sizes differ, or a side is shorter than 2.
            InputError: A dtype or value range that cannot be fused.
            UnknownNameError: No such range or colour mode.
        """
        _check(infrared=infrared, visible=visible)
        if self.color not in COLORS:
            raise UnknownNameError("color", self.color, COLORS)
        dtype = dtype or deeper(infrared.dtype, visible.dtype)
        sources: dict[Side, NDArray[Any]] = {"infrared": infrared, "visible": visible}
        lumas: dict[Side, NDArray[Any]] = {name: luminance(source) for name, source in sources.items()}
        fused, limits_used = self._fused(lumas["infrared"], lumas["visible"], dtype, coverage)
        if coverage is not None:
            fused = _blended(fused, converted(lumas["visible"], dtype), coverage)
        side = side or self.side(infrared, visible)
        if self.color == "gray" or side is None:
            return Fused(fused, limits_used, "visible")
        coloured = converted(sources[side], dtype)
        luma = converted(lumas[side], dtype)
        return Fused(recolour(fused, coloured, luma, color=self.color), limits_used, side)

    def output(self, infrared: NDArray[Any], visible: NDArray[Any]) -> NDArray[np.float32]:
        """Return the network's output for two images, before any range: H×W, float32.

        Raises:
            SizeError: The sizes differ, or a side is shorter than 2.
            InputError: A dtype or value range that cannot be fused.
        """
        _check(infrared=infrared, visible=visible)
        return self.engine(to_unit(luminance(infrared)), to_unit(luminance(visible)))

    def side(self, infrared: NDArray[Any], visible: NDArray[Any]) -> Side | None:
        """Return the side whose colour is kept: the visible one if it has colour, else the infrared; None for grey."""
        if self.color == "gray":
            return None
        if not is_gray(visible):
            return "visible"
        return None if is_gray(infrared) else "infrared"

    def limits_of(self, outputs: Callable[[], Iterable[NDArray[np.float32]]]) -> tuple[float, float]:
        """Return the output's values that become black and white in an input that comes in parts.

        Args:
            outputs: Returns the network's output of every part; called only where the range depends on it.
        """
        return self.limits or constant_limits(self.range) or limits_over(outputs(), self.range)

    def _fused(
        self,
        infrared: NDArray[Any],
        visible: NDArray[Any],
        dtype: "np.dtype[Any]",
        coverage: NDArray[np.float32] | None,
    ) -> tuple[NDArray[Any], tuple[float, float]]:
        """Fuse two luminances; return the picture and its limits, which go by the covered part."""
        # Limits that do not depend on the output let the kernel write pixels directly, without a float picture.
        fixed = self.limits or constant_limits(self.range)
        if fixed:
            low, high = fixed
            return fuse_stored(self.engine, infrared, visible, low=low, high=high, dtype=dtype), fixed
        output = self.engine(to_unit(infrared), to_unit(visible))
        low, high = limits(output if coverage is None else output[coverage > 0], self.range)
        return from_unit(output, low, high, dtype), (low, high)


def fuse_part(
    fuser: Fuser,
    preparation: Preparation,
    infrared: NDArray[Any],
    visible: NDArray[Any],
    *,
    dtype: np.dtype[Any] | None = None,
    side: Side | None = None,
) -> Fused:
    """Prepare and fuse one part of a run: a whole picture, a block or a frame. The arguments are those of `Fuser`.

    Raises:
        SizeError: The sizes differ, and nothing says what to do about it, or a side is shorter than 2.
        InputError: A dtype or value range that cannot be fused.
    """
    prepared = preparation(infrared, visible)
    return fuser(prepared.infrared, prepared.visible, dtype=dtype, side=side, coverage=prepared.coverage)


def part_output(
    fuser: Fuser, preparation: Preparation, infrared: NDArray[Any], visible: NDArray[Any]
) -> NDArray[np.float32]:
    """Prepare one part and return the network's output for it, before any range; of a covered part alone, as a row.

    Raises:
        SizeError: As in `fuse_part`.
        InputError: As in `fuse_part`.
    """
    prepared = preparation(infrared, visible)
    output = fuser.output(prepared.infrared, prepared.visible)
    return output if prepared.coverage is None else output[prepared.coverage > 0]


def _blended(fused: NDArray[Any], visible: NDArray[Any], coverage: NDArray[np.float32]) -> NDArray[Any]:
    """Fade a fused luminance into the visible one where the infrared ends."""
    blended = fused.copy()
    partial = np.nonzero(coverage < 1)  # often a strip along a side: the rest need not be computed
    share = coverage[partial]
    values = visible[partial] + share * (fused[partial].astype(np.float32) - visible[partial])
    blended[partial] = np.rint(values) if fused.dtype.kind in "ui" else values
    return blended


def deeper(infrared: np.dtype[Any], visible: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type that holds the values of both sides: floating point, or else the one of more bits."""
    return max(visible, infrared, key=lambda dtype: (dtype.kind == "f", dtype.itemsize))


def range_for(weights: Checkpoint, asked: str, warn: Callable[[str], object] = warnings.warn) -> str:
    """Return how the output of some weights becomes pixel values.

    Args:
        weights: Their card may say which policy they were made for; where it says nothing, that is ``clip``.
        asked: ``auto`` for that one; a tone, which goes over that one; or another policy, which is taken as it is.
        warn: Called with a message if another range is asked for than the weights were made for.

    Raises:
        WeightsError: The card names a policy that does not exist.
        UnknownNameError: What is asked for does not exist.
        InputError: ``fixed`` without two numbers, the lower first.
    """
    own = str(weights.card.get("range", "clip"))
    try:
        constant_limits(own)
    except MMDRFuseError as error:
        raise WeightsError(f"{weights.name}: its card asks for {error.message}") from error
    if asked == "auto":
        return own
    constant_limits(asked)
    asked = toned_over(own, asked)
    if split_tone(asked)[0] != split_tone(own)[0] and "range" in weights.card:
        warn(f"weights {weights.name} were made for range {own}, not {asked}: contrast and scores differ from its card")
    return asked


def _check(**pictures: NDArray[Any]) -> None:
    for name, picture in pictures.items():
        check_image(name, picture)
    infrared, visible = pictures.values()
    if infrared.shape[:2] != visible.shape[:2]:
        raise size_error(infrared.shape[:2], visible.shape[:2])


def check_image(name: str, picture: NDArray[Any]) -> None:
    """Refuse what is no image: (height, width) or (height, width, 3).

    Raises:
        InputError: It is something else; the message says what.
    """
    shape = getattr(picture, "shape", None)
    if not isinstance(picture, np.ndarray) or picture.ndim not in (2, 3) or picture.shape[2:] not in ((), (3,)):
        given = f"a {type(picture).__name__}" + (f" of shape {tuple(shape)}" if shape is not None else "")
        raise InputError(f"{name} must be a NumPy array, (height, width) or (height, width, 3), not {given}")
