"""One pair of arrays to one picture: luminance, network, range, colour."""

import functools
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.engine import Engine, fuse_stored, make
from mmdrfuse.errors import InputError, UnknownNameError
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
from mmdrfuse.models import names, read
from mmdrfuse.pair import Preparation
from mmdrfuse.registration.geometry import size_error


@dataclass(frozen=True)
class Fused:
    """A fused picture and how its values came about."""

    image: NDArray[Any]
    """H×W, or H×W×3 where a side's colour is kept."""
    limits: tuple[float, float]
    """The network's values that became black and white."""
    side: Side
    """Whose colour the picture has; the visible side's where there is none."""


@dataclass(frozen=True)
class Fuser:
    """Fuse pairs of stored images with one engine and one set of choices."""

    engine: Engine
    """From `mmdrfuse.engine.make`, or one of the baselines."""
    range: str = "clip"
    """How the network's output becomes pixel values: one of `mmdrfuse.images.RANGES`."""
    color: str = "auto"
    """What becomes of a coloured source's colour: one of `mmdrfuse.images.COLORS`."""
    limits: tuple[float, float] | None = None
    """The output's values that become black and white, where they are settled beforehand, as for a whole set."""

    def __call__(
        self,
        infrared: NDArray[Any],
        visible: NDArray[Any],
        *,
        dtype: np.dtype[Any] | None = None,
        side: Side | None = None,
    ) -> Fused:
        """Fuse two images of one size.

        Args:
            infrared: H×W or H×W×3; uint8, uint16, or float in [0, 1].
            visible: The same; it may have another dtype.
            dtype: Of the result: uint8, uint16 or float; None for that of the deeper side.
            side: Whose colour to keep, even if it shows none here, as in a grey part of a coloured picture; None to
                look.

        Raises:
            SizeError: The sizes differ, or a side is shorter than 2.
            InputError: A dtype or value range that cannot be fused.
            UnknownNameError: No such range, or way with colour.
        """
        _check(infrared=infrared, visible=visible)
        if self.color not in COLORS:
            raise UnknownNameError("color", self.color, COLORS)
        dtype = dtype or deeper(infrared.dtype, visible.dtype)
        sources: dict[Side, NDArray[Any]] = {"infrared": infrared, "visible": visible}
        lumas: dict[Side, NDArray[Any]] = {name: luminance(source) for name, source in sources.items()}
        fused, known = self._fused(lumas["infrared"], lumas["visible"], dtype)
        side = side or self.side(infrared, visible)
        if self.color == "gray" or side is None:
            return Fused(fused, known, "visible")
        coloured, own = converted(sources[side], dtype), converted(lumas[side], dtype)
        return Fused(recolour(fused, coloured, own, color=self.color), known, side)

    def output(self, infrared: NDArray[Any], visible: NDArray[Any]) -> NDArray[np.float32]:
        """Return what the network makes of two images, before any range.

        Raises:
            SizeError: The sizes differ, or a side is shorter than 2.
            InputError: A dtype or value range that cannot be fused.
        """
        _check(infrared=infrared, visible=visible)
        return self.engine(to_unit(luminance(infrared)), to_unit(luminance(visible)))

    def side(self, infrared: NDArray[Any], visible: NDArray[Any]) -> Side | None:
        """Return whose colour is kept: the visible side's if it has some, else the infrared's."""
        if self.color == "gray":
            return None
        if not is_gray(visible):
            return "visible"
        return None if is_gray(infrared) else "infrared"

    def limits_of(self, outputs: Callable[[], Iterable[NDArray[np.float32]]]) -> tuple[float, float]:
        """Return the output's values that become black and white of a picture or sequence that comes in parts.

        Args:
            outputs: Called for what `output` gives of each part, where the range needs to look.
        """
        return self.limits or constant_limits(self.range) or limits_over(outputs(), self.range)

    def _fused(
        self, infrared: NDArray[Any], visible: NDArray[Any], dtype: "np.dtype[Any]"
    ) -> tuple[NDArray[Any], tuple[float, float]]:
        """Fuse two luminances; return the limits too."""
        known = self.limits or constant_limits(self.range)
        if known:
            return fuse_stored(self.engine, infrared, visible, low=known[0], high=known[1], dtype=dtype), known
        output = self.engine(to_unit(infrared), to_unit(visible))
        known = limits(output, self.range)
        return from_unit(output, *known, dtype), known


def fuse_part(
    fuser: Fuser,
    preparation: Preparation,
    infrared: NDArray[Any],
    visible: NDArray[Any],
    *,
    dtype: np.dtype[Any] | None = None,
    side: Side | None = None,
) -> Fused:
    """Prepare and fuse one part of a run, whether it is a whole picture, a block or a frame; see `Fuser`.

    Raises:
        SizeError: The sizes differ, and nothing says what to do about it, or a side is shorter than 2.
        InputError: A dtype or value range that cannot be fused.
    """
    prepared = preparation(infrared, visible)
    return fuser(prepared.infrared, prepared.visible, dtype=dtype, side=side)


def part_output(
    fuser: Fuser, preparation: Preparation, infrared: NDArray[Any], visible: NDArray[Any]
) -> NDArray[np.float32]:
    """Prepare one part and return what the network makes of it, before any range.

    Raises:
        SizeError: As in `fuse_part`.
        InputError: As in `fuse_part`.
    """
    prepared = preparation(infrared, visible)
    return fuser.output(prepared.infrared, prepared.visible)


def deeper(infrared: np.dtype[Any], visible: np.dtype[Any]) -> np.dtype[Any]:
    """Give the type that holds the values of both sides: floating point, or else the one of more bits."""
    return max(visible, infrared, key=lambda dtype: (dtype.kind == "f", dtype.itemsize))


def fuse(
    infrared: NDArray[Any], visible: NDArray[Any], *, weights: str | Path = "ivif", range: str = "clip"
) -> NDArray[Any]:
    """Fuse two registered images into one picture.

    Args:
        infrared: H×W or H×W×3 from 2×2 up; uint8, uint16, or float in [0, 1]. In medicine the functional
            image.
        visible: The same size.
        weights: A shipped name or a checkpoint file.
        range: ``clip``, ``minmax`` or ``percentile`` (stretched to the picture's own extremes, or to its 1st and 99th
            percentile), or ``fixed:LO,HI`` in the network's values, of which 0 is black and 1 white.

    Returns:
        H×W, or H×W×3 when either side has colour, which is kept; in the dtype of the deeper side.

    Raises:
        SizeError: The sizes differ, or a side is shorter than 2.
        InputError: A dtype or value range that cannot be fused.
        UnknownNameError: No such weights or range.
        WeightsError: A file that holds no checkpoint.
    """
    engine = _shipped(str(weights)) if str(weights) in names() else _engine(weights)
    return Fuser(engine, range)(infrared, visible).image


def _check(**pictures: NDArray[Any]) -> None:
    for name, picture in pictures.items():
        shape = getattr(picture, "shape", None)
        if not isinstance(picture, np.ndarray) or picture.ndim not in (2, 3) or picture.shape[2:] not in ((), (3,)):
            given = f"a {type(picture).__name__}" + (f" of shape {tuple(shape)}" if shape is not None else "")
            raise InputError(f"{name} must be a NumPy array, (height, width) or (height, width, 3), not {given}")
    infrared, visible = pictures.values()
    if infrared.shape[:2] != visible.shape[:2]:
        raise size_error(infrared.shape[:2], visible.shape[:2])


@functools.lru_cache
def _shipped(name: str) -> Engine:
    """Keep the engines of shipped weights; a user's file may change between two calls."""
    return _engine(name)


def _engine(weights: str | Path) -> Engine:
    return make(read(weights), threads=os.cpu_count() or 1)
