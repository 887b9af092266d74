"""How each method of an export makes its pictures: all of them go through the one way of `mmdrfuse.pipeline.fuse`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.datasets.export.options import ExportOptions
from mmdrfuse.engine import Plane
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import ChoiceError
from mmdrfuse.images import Side, converted, luminance
from mmdrfuse.models import Checkpoint
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.from_names import choices_for
from mmdrfuse.pipeline.fuse.fuser import Fused, Fuser, deeper


def infrared_side(infrared: Plane, _visible: Plane) -> Plane:
    """Return the infrared alone."""
    return infrared


def visible_side(_infrared: Plane, visible: Plane) -> Plane:
    """Return the visible side alone."""
    return visible


@dataclass(frozen=True)
class FourChannels(Fuser):
    """Put the visible's colours and the infrared into one picture of four channels."""

    def __call__(
        self,
        infrared: NDArray[Any],
        visible: NDArray[Any],
        *,
        dtype: np.dtype[Any] | None = None,
        side: Side | None = None,
        coverage: NDArray[np.float32] | None = None,
    ) -> Fused:
        """Return H×W×4: red, green, blue, infrared; a grey visible side has three equal colours."""
        dtype = dtype or deeper(infrared.dtype, visible.dtype)
        colours = visible if visible.ndim == 3 else np.repeat(visible[..., None], 3, axis=2)
        planes = converted(colours, dtype), converted(luminance(infrared), dtype)
        return Fused(np.dstack(planes), (0.0, 1.0), "visible")


_FUSERS = {
    "infrared": Fuser(infrared_side, color="gray"),
    "visible": Fuser(visible_side),
    **{name: Fuser(engine) for name, engine in BASELINES.items()},
}
"""The methods without a network."""


def methods(options: ExportOptions, warn: Callable[[str], object]) -> dict[str, Choices]:
    """Return the choices of each method, by the name of its folder.

    Args:
        options: Of the export.
        warn: Called with notes.

    Raises:
        ChoiceError: Two methods would have one folder.
        MMDRFuseError: There are no such weights.
    """
    chosen: dict[str, Choices] = {}
    for asked in options.methods:
        name = asked.replace(":", "-") if asked not in _FUSERS and not Path(asked).suffix else Path(asked).stem
        if name in chosen:
            raise ChoiceError(f"{asked}: another method has the folder {name}, too; rename a file, or leave one out")
        base = _without_network(asked, _FUSERS[asked]) if asked in _FUSERS else choices_for(asked, warn=warn)
        chosen[name] = replace(base, suffix=options.suffix, quality=options.quality)
    if options.channels:
        fuser = FourChannels(visible_side)
        chosen[options.channels] = replace(_without_network(options.channels, fuser), suffix=".tif")
    preparation, levels = options.preparation, options.infrared_range
    return {name: replace(choices, preparation=preparation, infrared_range=levels) for name, choices in chosen.items()}


def _without_network(name: str, fuser: Fuser) -> Choices:
    return Choices(fuser, Checkpoint(name, "none", {}, {}, ""))
