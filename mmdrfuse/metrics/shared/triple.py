"""One fused image with its two sources; results that several metrics share are computed once."""

import inspect
from collections.abc import Callable
from functools import cached_property, wraps
from typing import Concatenate, Literal, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

GrayImage = npt.NDArray[np.float64]
"""(H, W): gray levels 0..255, or a map of one value a pixel."""

StoredGray = npt.NDArray[np.uint8] | npt.NDArray[np.floating]
"""(H, W): the same before it is converted."""

Vector = npt.NDArray[np.float64]
"""(N,): a row of an image, or the weights of a filter."""

Boxes = npt.NDArray[np.float64]
"""(N, 4): x0, y0, x1, y1."""

ImageName = Literal["fused", "a", "b"]

NAMES: tuple[ImageName, ImageName, ImageName] = ("fused", "a", "b")
"""The names of the three images."""

SOURCES: tuple[ImageName, ImageName] = ("a", "b")
"""The names of the two sources."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Triple:
    """One channel of a fused image and of its sources: what a metric is a function of.

    Args:
        fused: Fused image, (H, W), values 0..255.
        a: First source, usually infrared, (H, W), values 0..255.
        b: Second source, usually visible, (H, W), values 0..255.
        boxes: Labelled targets, N×4: x0, y0, x1, y1 in pixels from the left and upper edge; None without labels.
    """

    def __init__(self, fused: StoredGray, a: StoredGray, b: StoredGray, boxes: Boxes | None = None) -> None:
        self.stored = fused, a, b
        self.boxes = boxes
        self.cache: dict[object, object] = {}

    @cached_property
    def fused(self) -> GrayImage:
        """The fused image."""
        return _plain(self.stored[0])

    @cached_property
    def a(self) -> GrayImage:
        """The first source."""
        return _plain(self.stored[1])

    @cached_property
    def b(self) -> GrayImage:
        """The second source."""
        return _plain(self.stored[2])

    @property
    def images(self) -> tuple[GrayImage, GrayImage, GrayImage]:
        """The fused image, the first and the second source."""
        return self.fused, self.a, self.b

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the images."""
        height, width = self.stored[0].shape
        return height, width

    def image(self, name: ImageName) -> GrayImage:
        """Return one of the three images by its name."""
        image: GrayImage = getattr(self, name)
        return image


def _plain(image: StoredGray) -> GrayImage:
    # numba takes arrays that cannot be written, or lie at odd addresses, for other types: kernels that loop over the
    # three images need one type
    return np.require(image, np.float64, ["C", "ALIGNED", "WRITEABLE", "ENSUREARRAY"])


def once(function: Callable[Concatenate[Triple, _P], _T]) -> Callable[Concatenate[Triple, _P], _T]:
    """Make a function of a triple compute each of its results once a triple.

    Args:
        function: A pure function whose arguments after the triple are hashable.

    Returns:
        The same function, which keeps its results in the cache of the triple that it is called with.
    """

    @wraps(function)
    def cached(t: Triple, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in t.cache:
            t.cache[key] = function(t, *args, **kwargs)
        return t.cache[key]  # type: ignore[return-value]

    return cached


def forget(t: Triple, function: Callable[..., object], *args: object) -> None:
    """Drop a large result of a function made by `once`, after its last reader; another one computes it anew.

    Args:
        t: The triple.
        function: The function.
        *args: Its arguments after the triple.
    """
    t.cache.pop((inspect.unwrap(function), args, ()), None)
