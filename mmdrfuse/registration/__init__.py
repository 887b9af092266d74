"""Two pictures onto one grid: the matrix of two cameras, found in their pictures, judged, recorded and applied."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmdrfuse.registration.estimation import estimate, measure
    from mmdrfuse.registration.result import MODELS, REASONS, Registration

__all__ = ["MODELS", "REASONS", "Registration", "estimate", "measure"]

_HOMES = {"estimate": "estimation", "measure": "estimation"}
"""Those need SciPy, which warping alone does not."""


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in __all__:
        return getattr(import_module(f"mmdrfuse.registration.{_HOMES.get(name, 'result')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
