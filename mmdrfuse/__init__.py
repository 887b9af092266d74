"""Fuse two registered images of one scene into one picture, and measure how well that went.

The names here are the public interface. Nothing heavy (NumPy, torch, numba, SciPy) is imported before a name
is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mmdrfuse.version import __version__

if TYPE_CHECKING:
    from mmdrfuse import datasets, errors, metrics, models
    from mmdrfuse.metrics import evaluate
    from mmdrfuse.pipeline.fuse.arrays import fuse

__all__ = ["__version__", "datasets", "errors", "evaluate", "fuse", "metrics", "models"]

_FUNCTIONS = {"fuse": "mmdrfuse.pipeline.fuse.arrays", "evaluate": "mmdrfuse.metrics"}
_MODULES = frozenset({"datasets", "errors", "metrics", "models"})


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _FUNCTIONS:
        return getattr(import_module(_FUNCTIONS[name]), name)
    if name in _MODULES:
        return import_module(f"mmdrfuse.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
