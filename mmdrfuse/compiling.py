"""Compiling with numba, wherever the package is installed."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Function], Function]:  # noqa: ANN401
    """Compile a function on its first use, keep the machine code for the next process, and let other threads run.

    Where neither the package's folder nor the user's cache can be written, as in a sealed container, nothing is kept
    and every process compiles anew; NUMBA_CACHE_DIR names a place.

    Args:
        **options: More options of `numba.njit`.
    """

    def decorate(function: Function) -> Function:
        try:
            made: Function = njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # numba's word for finding no place to keep it
            made = njit(nogil=True, **options)(function)
        return made

    return decorate


def entry(**options: Any) -> Callable[[Function], Function]:  # noqa: ANN401
    """Mark a function for `mmdrfuse.native`: called by address, without the wrappers that Python would need.

    Args:
        **options: More options of `numba.njit`.
    """
    alone: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    made: Callable[[Function], Function] = njit(nogil=True, **alone, **options)
    return made
