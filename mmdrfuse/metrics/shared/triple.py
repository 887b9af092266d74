"""One fused image with its two sources, and whatever several metrics need of them, computed once."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

# (H, W) and (W,)
Plane = npt.NDArray[np.float64]
Row = npt.NDArray[np.float64]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Triple:
    """One channel of a fused image and of its sources: what a metric is a function of.

    Args:
        fused: Fused image, (H, W), values 0..255.
        a: First source, usually infrared, (H, W), values 0..255.
        b: Second source, usually visible, (H, W), values 0..255.
    """

    def __init__(self, fused: Plane, a: Plane, b: Plane) -> None:
        self.fused, self.a, self.b = (np.ascontiguousarray(plane, np.float64) for plane in (fused, a, b))
        self.remembered: dict[object, object] = {}

    @property
    def images(self) -> tuple[Plane, Plane, Plane]:
        """The fused image, the first and the second source."""
        return self.fused, self.a, self.b


def once(function: Callable[Concatenate[Triple, _P], _T]) -> Callable[Concatenate[Triple, _P], _T]:
    """Make a function of a triple compute each of its results once a triple.

    Args:
        function: A pure function whose arguments after the triple are hashable.

    Returns:
        The same function, which keeps its results on the triple it is called with.
    """

    @wraps(function)
    def remembering(t: Triple, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in t.remembered:
            t.remembered[key] = function(t, *args, **kwargs)
        return t.remembered[key]  # type: ignore[return-value]

    return remembering
