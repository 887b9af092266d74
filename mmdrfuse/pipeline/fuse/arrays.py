"""Fuse two arrays in one call: what `mmdrfuse.fuse` is."""

import functools
import os
import warnings
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mmdrfuse.engine import Engine, make
from mmdrfuse.models import Checkpoint, names, read
from mmdrfuse.pair import Preparation, Prepared
from mmdrfuse.pipeline.fuse.automatic import asked_for, shares_of
from mmdrfuse.pipeline.fuse.fuser import Fuser, check_image, range_for
from mmdrfuse.pipeline.fuse.pair_shifts import shifted
from mmdrfuse.registration.result import Registration
from mmdrfuse.registration.rig import Rig


def fuse(
    infrared: NDArray[Any],
    visible: NDArray[Any],
    *,
    weights: str | Path = "auto",
    range: str = "auto",
    rig: "Rig | Registration | Path | str | NDArray[Any] | None" = None,
    outside: str = "visible",
    pair_shift: bool = False,
) -> NDArray[Any]:
    """Fuse two images of one scene into one picture.

    Args:
        infrared: H×W or H×W×3 from 2×2 up; uint8, uint16, or float in [0, 1]. In medicine the functional
            image.
        visible: The same size, unless there is a rig.
        weights: A shipped name or a checkpoint file. ``auto`` is ``medical`` where enough of the pixels are black on
            both sides, else ``scenes``; ``auto:clip`` takes ``day`` or ``night`` in place of ``scenes``, for frames.
            One frame alone may err: choose once for a whole recording.
        range: ``auto``, what the weights were made for; ``clip``, ``minmax`` or ``percentile`` (stretched to the
            picture's own extremes, or to its 1st and 99th percentile), or ``fixed:LO,HI`` in the network's values, of
            which 0 is black and 1 white. ``tone:GAIN,OFFSET`` is what the weights were made for with a gain and an
            offset of the levels, 0 to 255; ``detector`` is the tone in which detectors find most.
        rig: What takes the infrared onto the visible, where the two are not registered: a rig file, an accepted result
            of `mmdrfuse.registration.estimate`, or a 3×3 matrix from infrared to visible pixels.
        outside: What becomes of the visible where the infrared does not reach: ``visible``, ``crop`` or ``black``.
        pair_shift: Whether to move the infrared by at most 2 % of the visible's width after the rig's matrix, where the
            pair shows clearly that it is off: the cameras of a rig see near things at other places than far ones. Not
            for frames of a recording, which would tremble.

    Returns:
        H×W of the visible (or less, under ``crop``), or H×W×3 when either side has colour, which is kept; in the dtype
            of the deeper side.

    Raises:
        SizeError: The sizes differ, or a side is shorter than 2.
        InputError: A dtype or value range that cannot be fused.
        UnknownNameError: No such weights, range or way outside.
        WeightsError: A file that holds no checkpoint.
        ChoiceError: ``pair_shift`` without a rig.
    """
    for name, picture in (("infrared", infrared), ("visible", visible)):
        check_image(name, picture)
    preparation = Preparation() if rig is None else Preparation(outside=outside).onto(Rig.of(rig))
    if pair_shift:
        preparation = shifted(preparation, infrared, visible)
    prepared = preparation(infrared, visible)
    engine, checkpoint = _chosen(str(weights), prepared)
    fuser = Fuser(engine, range_for(checkpoint, range, _warn))
    return fuser(prepared.infrared, prepared.visible, coverage=prepared.coverage).image


def _chosen(weights: str, prepared: Prepared) -> tuple[Engine, Checkpoint]:
    """Return the weights that were named, or that the pictures ask for."""
    automatic = asked_for(weights)
    if automatic:
        weights = automatic.name(shares_of(prepared))
    return _shipped(weights) if weights in names() else _engine(weights)


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=4)


@functools.lru_cache
def _shipped(name: str) -> tuple[Engine, Checkpoint]:
    """Return the cached engine of shipped weights; a user's file is not cached, as it may change between two calls."""
    return _engine(name)


def _engine(weights: str | Path) -> tuple[Engine, Checkpoint]:
    checkpoint = read(weights)
    return make(checkpoint, threads=os.cpu_count() or 1), checkpoint
