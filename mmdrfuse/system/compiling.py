"""Compiling with numba, wherever the package is installed."""

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from numba import cfunc, njit, types

Function = TypeVar("Function", bound=Callable[..., Any])
Made = TypeVar("Made")


@dataclass(frozen=True)
class Entry:
    """A function for `mmdrfuse.system.native`, with what numba must know to compile it."""

    function: Callable[..., None]
    options: dict[str, Any]


def entry(**options: Any) -> Callable[[Callable[..., None]], Entry]:  # noqa: ANN401
    """Mark a function for `mmdrfuse.system.native`: called by address, without the wrappers that Python would need.

    Args:
        **options: More options of `numba.njit`.
    """
    return lambda function: Entry(function, {"error_model": "numpy", **options})


def compiled(**options: Any) -> Callable[[Function], Function]:  # noqa: ANN401
    """Compile a function on its first use, keep the machine code for the next process, and let other threads run.

    Where neither the package's folder nor the user's cache can be written, as in a sealed container, nothing is kept
    and every process compiles anew; NUMBA_CACHE_DIR names a place.

    Args:
        **options: More options of `numba.njit`.
    """

    def decorate(function: Function) -> Function:
        made: Function = _kept(lambda cache: njit(cache=cache, nogil=True, **options)(function))
        return made

    return decorate


def assembly(module: str, name: str, kinds: tuple[str, ...]) -> tuple[str, str]:
    """Compile an entry with as little around its machine code as can be.

    Returns:
        LLVM's intermediate code, and the name in it of the function.
    """
    marked, made = _entry(module, name), _types(kinds)
    alone: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, **marked.options}
    function: Any = njit(nogil=True, **alone)(marked.function)
    function.compile(made)
    # Counts of references remain in the code, of arrays that nobody counts: what would free them is never called.
    text = re.sub(
        r"(?m)^declare void @NRT_MemInfo_call_dtor\((\S+?)[ )].*$",
        r"define internal void @NRT_MemInfo_call_dtor(\1 %.1) { ret void }",
        function.inspect_llvm(made),
    )
    return text, function.overloads[made].fndesc.llvm_func_name


def callback(module: str, name: str, kinds: tuple[str, ...]) -> Any:  # noqa: ANN401
    """Compile an entry by nothing but what numba documents: it lives in this process, as long as what is given back.

    Args:
        module: The module of the entry.
        name: Its name.
        kinds: Its arguments, as `mmdrfuse.system.native.function` takes them.

    Returns:
        What has the C function's ``address``.
    """
    marked, made = _entry(module, name), types.void(*_types(kinds))
    return _kept(lambda cache: cfunc(made, cache=cache, **marked.options)(marked.function))


def _entry(module: str, name: str) -> Entry:
    found: Entry = getattr(importlib.import_module(module), name)
    return found


def _types(kinds: tuple[str, ...]) -> tuple[Any, ...]:
    known: Any = types
    return tuple(
        known.CPointer(getattr(known, kind[:-1])) if kind.endswith("*") else getattr(known, kind) for kind in kinds
    )


def _kept(make: Callable[[bool], Made]) -> Made:
    try:
        return make(True)
    except RuntimeError:  # numba's word for finding no place to keep it
        return make(False)
