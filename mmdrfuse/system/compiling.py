"""Compiling with numba, wherever the package is installed."""

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from numba import cfunc, njit, types

Function = TypeVar("Function", bound=Callable[..., Any])
Compiled = TypeVar("Compiled")


@dataclass(frozen=True)
class Entry:
    """A function for `mmdrfuse.system.native`, with numba's options to compile it."""

    function: Callable[..., None]
    options: dict[str, Any]


def entry(**options: Any) -> Callable[[Callable[..., None]], Entry]:  # noqa: ANN401
    """Mark a function for `mmdrfuse.system.native`, which calls it by address, without wrappers for Python.

    Args:
        **options: More options of `numba.njit`.
    """
    return lambda function: Entry(function, {"error_model": "numpy", **options})


def compiled(**options: Any) -> Callable[[Function], Function]:  # noqa: ANN401
    """Compile a function on its first call, without the GIL, and cache the machine code for the next process.

    If neither the package's folder nor the user's cache can be written, as in a sealed container, nothing is cached,
    and every process compiles anew. NUMBA_CACHE_DIR names another folder.

    Division by 0 gives infinity or NaN as in NumPy. Without ``fastmath`` a function computes exactly as written, also
    where a function with ``fastmath`` calls it: numba would hand that option down to whatever it compiles first there.

    Args:
        **options: More options of `numba.njit`.
    """
    chosen = {"nogil": True, "error_model": "numpy", "fastmath": False, **options}

    def decorate(function: Function) -> Function:
        result: Function = _with_cache(lambda cache: njit(cache=cache, **chosen)(function))
        return result

    return decorate


def summing(function: Function) -> Function:
    """Compile a function that may add and multiply in any order, so that the processor sums eight numbers at a time.

    Loops that only sum vectorise best: what is written might overlap what is read, and the compiler has to be sure.
    """
    return compiled(fastmath={"reassoc", "contract"})(function)


def assembly(module: str, name: str, kinds: tuple[str, ...]) -> tuple[str, str]:
    """Compile an entry to LLVM's intermediate code, without numba's wrappers.

    Returns:
        The code, and the function's name in it.
    """
    marked = _entry(module, name)
    signature = _types(kinds)
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, **marked.options}
    function: Any = njit(nogil=True, **options)(marked.function)
    function.compile(signature)
    # The code counts references to the arrays, and would call numba's runtime to free them. They are never freed here,
    # so an empty function takes the place of that call.
    text = re.sub(
        r"(?m)^declare void @NRT_MemInfo_call_dtor\((\S+?)[ )].*$",
        r"define internal void @NRT_MemInfo_call_dtor(\1 %.1) { ret void }",
        function.inspect_llvm(signature),
    )
    return text, function.overloads[signature].fndesc.llvm_func_name


def callback(module: str, name: str, kinds: tuple[str, ...]) -> Any:  # noqa: ANN401
    """Compile an entry by numba's documented interface alone; the code lives as long as the returned object.

    Args:
        module: The module of the entry.
        name: Its name.
        kinds: Its arguments, as `mmdrfuse.system.native.function` takes them.

    Returns:
        numba's object, which has the C function's ``address``.
    """
    marked = _entry(module, name)
    signature = types.void(*_types(kinds))
    return _with_cache(lambda cache: cfunc(signature, cache=cache, **marked.options)(marked.function))


def _entry(module: str, name: str) -> Entry:
    marked: Entry = getattr(importlib.import_module(module), name)
    return marked


def _types(kinds: tuple[str, ...]) -> tuple[Any, ...]:
    """Return numba's types for `mmdrfuse.system.native`'s names of them."""
    numba_types: Any = types
    result = []
    for kind in kinds:
        value = getattr(numba_types, kind.removesuffix("*"))
        result.append(numba_types.CPointer(value) if kind.endswith("*") else value)
    return tuple(result)


def _with_cache(make: Callable[[bool], Compiled]) -> Compiled:
    """Compile with a cache; without one where numba finds no folder for it."""
    try:
        return make(True)
    except RuntimeError:  # numba raises this if no folder can be written
        return make(False)
