"""One pair of arrays to one picture: luminance, network, range, colour."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.engine import Engine, make
from mmdrfuse.errors import InputError, SizeError
from mmdrfuse.images import from_unit, is_gray, limits, luminance, recolour, to_unit
from mmdrfuse.models import names, read


@dataclass(frozen=True)
class Fused:
    """A fused picture and how its values came about."""

    image: NDArray[Any]
    """H×W in the dtype of the visible side, or H×W×3 in that of the side whose colour it has."""
    limits: tuple[float, float]
    """The network's values that became black and white."""


@dataclass(frozen=True)
class Fuser:
    """Fuse pairs of stored images with one engine and one set of choices."""

    engine: Engine
    """From `mmdrfuse.engine.make`, or one of the baselines."""
    range: str = "clip"
    """How the network's output becomes pixel values: one of `mmdrfuse.images.RANGES`."""
    color: bool = True
    """Keep the colour of a coloured source; otherwise the result is grey."""

    def __call__(self, infrared: NDArray[Any], visible: NDArray[Any]) -> Fused:
        """Fuse two images of one size.

        Args:
            infrared: H×W or H×W×3; uint8, uint16, or float in [0, 1].
            visible: The same; it may have another dtype.

        Raises:
            SizeError: The sizes differ, or a side is shorter than 2.
            InputError: A dtype or value range that cannot be fused.
        """
        _check(infrared=infrared, visible=visible)
        lumas = luminance(infrared), luminance(visible)
        output = self.engine(to_unit(lumas[0]), to_unit(lumas[1]))
        low, high = limits(output, self.range)
        # Where both sides have colour, the visible one's is kept.
        for source, luma in ((visible, lumas[1]), (infrared, lumas[0])):
            if self.color and not is_gray(source):
                fused = from_unit(output, low, high, source.dtype)
                return Fused(recolour(fused, source, luma), (low, high))
        return Fused(from_unit(output, low, high, visible.dtype), (low, high))


def fuse(
    infrared: NDArray[Any], visible: NDArray[Any], *, weights: str | Path = "ivif", range: str = "clip"
) -> NDArray[Any]:
    """Fuse two registered images into one picture.

    Args:
        infrared: H×W or H×W×3 from 2×2 up; uint8, uint16, or float in [0, 1]. In medicine the functional
            image.
        visible: The same size.
        weights: A shipped name or a checkpoint file.
        range: ``clip`` or ``minmax`` (each image stretched to its own extremes).

    Returns:
        H×W, or H×W×3 when either side has colour, which is kept; in the coloured side's dtype, else in the
        visible side's.

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
    infrared, visible = (f"{picture.shape[1]}x{picture.shape[0]}" for picture in pictures.values())
    if infrared != visible:
        raise SizeError(
            f"infrared is {infrared} and visible {visible} pixels: fusion needs registered images of one size; "
            "resize or crop one of them to the other first"
        )


@functools.lru_cache
def _shipped(name: str) -> Engine:
    """Keep the engines of shipped weights; a user's file may change between two calls."""
    return _engine(name)


def _engine(weights: str | Path) -> Engine:
    return make(read(weights), threads=os.cpu_count() or 1)
