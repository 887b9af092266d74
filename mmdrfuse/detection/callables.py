"""Detectors of one's own: a Python function that takes a picture and returns boxes, scores and labels.

Such a function brings its own package, weights and licence; nothing of it is imported before it is named.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.detections import Detections, Picture
from mmdrfuse.errors import InputError, MMDRFuseError, reading, reason


@dataclass(frozen=True)
class CallableDetector:
    """A function as a detector. Processes that it is sent to import it themselves."""

    spec: str
    """``module:function`` or ``file.py:function``."""
    classes: tuple[str, ...] | None = None
    wanted: frozenset[int] | None = None

    @property
    def name(self) -> str:
        """Return what was named."""
        return self.spec

    @property
    def parallel(self) -> bool:
        """Return False, because nobody knows what it needs."""
        return False

    def __call__(self, picture: Picture) -> Detections:
        """Return the boxes in a picture.

        Raises:
            InputError: The function failed, or did not return boxes, scores and labels.
        """
        function = _function(self.spec)
        returned = _called(self.spec, "failed", lambda: function(picture.copy()))
        with reading(self.spec, "result", cure="the function must return boxes (N×4), scores (N) and labels (N)"):
            boxes, scores, labels = map(_array, returned)
            found = Detections.of(boxes, scores, self._numbers(labels))
        if self.wanted is not None:
            found = found.only(np.isin(found.classes, list(self.wanted)))
        return found.clipped(picture.shape[1], picture.shape[0])

    def only(self, classes: frozenset[int]) -> "CallableDetector":
        """Return the detector with only some of its classes."""
        return replace(self, wanted=classes)

    def description(self) -> dict[str, Any]:
        """Return what was named."""
        return {"callable": self.spec}

    def _numbers(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Return labels as numbers; they may be the names of classes.

        Raises:
            ValueError: One of them is no class of the function.
        """
        if self.classes is None and labels.dtype.kind in "UO":
            raise ValueError("labels are names, so name the classes, such as CLASSES = ('person', 'car')")
        if self.classes is None:
            return labels
        known: dict[Any, int] = {name: number for number, name in enumerate(self.classes)}
        if labels.dtype.kind not in "UO":
            known = {number: number for number in range(len(self.classes))}
        listed = labels.reshape(-1).tolist()
        unknown = [label for label in listed if label not in known]
        if unknown:
            names = ", ".join(self.classes[:5]) + (", …" if len(self.classes) > 5 else "")
            raise ValueError(f"label {unknown[0]!r:.40} is none of its {len(self.classes)} classes ({names})")
        return np.array([known[label] for label in listed], np.int64)


def open_callable(spec: str, classes: Sequence[str] | None = None) -> CallableDetector:
    """Import a function that detects.

    Args:
        spec: ``module:function`` or ``file.py:function``.
        classes: Names of its classes; None for the attribute ``classes`` of the function or its module, if there is
            one.

    Raises:
        InputError: It cannot be imported, or is no function.
    """
    function = _function(spec)
    module = sys.modules.get(getattr(function, "__module__", ""), None)
    own = classes or getattr(function, "classes", None) or getattr(module, "CLASSES", None)
    return CallableDetector(spec, tuple(map(str, own)) if own else None)


@lru_cache(maxsize=4)
def _function(spec: str) -> Any:  # noqa: ANN401
    place, _, name = spec.rpartition(":")
    if not (place and name):
        raise InputError(f"{spec}: is no function; name it as module:function or file.py:function")
    if place.endswith(".py") and not Path(place).is_file():
        raise InputError(f"{place}: no such file; name the function as module:function or file.py:function")
    function = getattr(_called(spec, "cannot be imported", lambda: _module(place)), name, None)
    if function is None:
        raise InputError(f"{spec}: {place} has no {name}; name it as module:function or file.py:function")
    if not callable(function):
        raise InputError(f"{spec}: is no function; name it as module:function or file.py:function")
    return function


def _called(spec: str, what: str, function: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Call code of somebody else, which may even end the program.

    Raises:
        InputError: It raised something.
    """
    try:
        return function()
    except (MMDRFuseError, KeyboardInterrupt):
        raise
    except BaseException as failure:
        raise InputError(f"{spec}: {what} ({type(failure).__name__}: {reason(failure)}); correct it") from failure


def _module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    name = f"mmdrfuse_detector_{Path(place).stem}"
    found = importlib.util.spec_from_file_location(name, place)
    if found is None or found.loader is None:
        raise InputError(f"{place}: is no Python file")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module  # so that its dataclasses find their module
    found.loader.exec_module(module)
    return module


def _array(values: Any) -> NDArray[Any]:  # noqa: ANN401
    """Return an array of a list, an array or a tensor on any device."""
    for method in ("detach", "cpu", "numpy"):
        values = getattr(values, method, lambda same=values: same)()
    return np.asarray(values)
