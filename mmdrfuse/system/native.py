"""Machine code compiled by numba once a machine, and loaded by every later process without numba.

Importing numba and what it needs to reload its own cache takes half a second, several times what fusing a pair takes.
So a function over raw memory is compiled here to an object file, which llvmlite, numba's own back end, links in a few
milliseconds. Such functions allocate nothing, raise nothing and call nothing but their likes, so that the object stands
alone; they let other threads run.

How numba hands over arguments is nowhere promised. So the signature of what it made is compared with the one that is
called here; where that or anything else has changed, `numba.cfunc` does the work, which every process then waits for.
"""

import contextlib
import ctypes
import functools
import hashlib
import importlib.util
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from mmdrfuse.errors import OutputError
from mmdrfuse.system.atomic import writing

Native = Callable[..., object]

_log = logging.getLogger("mmdrfuse")
_lock = threading.Lock()
_DIGEST = 32
_alive: list[Any] = []  # what owns the memory of the code, for as long as the process lives
_CHANGED = (AttributeError, KeyError, TypeError, RuntimeError)
"""What a call of something that numba or LLVM has not, or has no longer, or not in this form, ends in."""


def function(module: str, name: str, *kinds: str) -> Native:
    """Give a compiled function that takes numbers and addresses.

    The machine code is kept beside the module or, where that cannot be written, in the user's cache;
    ``MMDRFUSE_CACHE_DIR``, unless it is empty, names another place. Where nothing can be kept, every process compiles
    anew.

    Args:
        module: The module of the function; it is imported only to compile.
        name: A function under `mmdrfuse.system.compiling.entry` in it that gives nothing back.
        kinds: Of each argument: ``int64``, ``float32``, or ``uint8*`` and the like for the address of such values.
    """
    with _lock:
        return _function(module, name, kinds)


@functools.cache
def _function(module: str, name: str, kinds: tuple[str, ...]) -> Native:
    try:
        return _link(_code(module, name, kinds), kinds)
    except _CHANGED as error:
        _say(f"machine code cannot be kept here ({error}): every process will compile its own, which takes seconds")
    from mmdrfuse.system.compiling import callback

    made = callback(module, name, kinds)
    _alive.append(made)
    return ctypes.CFUNCTYPE(None, *_c_types(kinds))(made.address)


def _code(module: str, name: str, kinds: tuple[str, ...]) -> bytes:
    """Give the object file, kept or made."""
    spec = importlib.util.find_spec(module)
    source = Path(str(spec.origin if spec else module))
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    kept = f"{source.stem}.{name}-{_key(source, name, kinds)}.o"
    places = list(_places(source))
    return _read(places, kept) or _keep(_compile(module, name, kinds), places, kept)


def _key(source: Path, name: str, kinds: tuple[str, ...]) -> str:
    """Name everything that decides the machine code: the function, the compiler and the processor."""
    machine = (llvmlite.__version__, llvm.get_process_triple(), llvm.get_host_cpu_name(), _features())
    files = (Path(__file__), Path(__file__).with_name("compiling.py"), source)
    parts = (*(file.read_bytes() for file in files), repr((name, kinds, machine)).encode())
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def _places(source: Path) -> Iterator[Path]:
    if named := os.environ.get("MMDRFUSE_CACHE_DIR"):
        yield Path(named)
        return
    yield source.parent / "__pycache__"
    with contextlib.suppress(RuntimeError):  # a process without a home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "mmdrfuse"


def _read(places: list[Path], kept: str) -> bytes | None:
    """Give a kept object, unless it is missing or damaged."""
    for place in places:
        try:
            content = (place / kept).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(content[_DIGEST:]).digest() == content[:_DIGEST]:
            return content[_DIGEST:]
    return None


def _keep(made: bytes, places: list[Path], kept: str) -> bytes:
    for place in places:
        try:
            with writing(place / kept) as temporary:
                temporary.write_bytes(hashlib.sha256(made).digest() + made)
        except OutputError:
            continue
        break
    return made


@functools.cache
def _say(message: str) -> None:
    """Say it once a process: a picture needs up to four functions."""
    _log.warning(message)


def _compile(module: str, name: str, kinds: tuple[str, ...]) -> bytes:
    """Let numba write and optimise the intermediate code, and LLVM make an object of it."""
    _say("compiling for this machine, once; this takes some seconds")
    from mmdrfuse.system.compiling import assembly

    text, entry = assembly(module, name, kinds)
    code = llvm.parse_assembly(text)
    foreign = [part.name for part in code.functions if part.is_declaration and not part.name.startswith("llvm.")]
    if foreign:
        raise RuntimeError(f"{module}.{name} does not stand alone: it calls {', '.join(foreign)}")
    made = code.get_function(entry)
    _check(made, kinds)
    made.name = _ENTRY
    emitted: bytes = _machine().emit_object(code)
    return emitted


_ENTRY = "mmdrfuse_entry"
_TYPES: dict[str, tuple[Any, str]] = {"int64": (ctypes.c_int64, "i64"), "float32": (ctypes.c_float, "float")}
"""Of each argument: as ctypes calls it, and as LLVM does."""
_ADDRESS = (ctypes.c_void_p, "ptr")


def _check(made: Any, kinds: tuple[str, ...]) -> None:  # noqa: ANN401
    """Compare with the convention: in front places for a result and an exception, and a status comes back."""
    takes = ["ptr" if argument.type.is_pointer else str(argument.type) for argument in made.arguments]
    expected = ["ptr", "ptr", *(_TYPES.get(kind, _ADDRESS)[1] for kind in kinds)]
    if takes != expected or not re.search(r"(?m)^define .*\bi32 @", str(made)):
        raise RuntimeError(f"it takes {', '.join(takes)} where {', '.join(expected)} was expected, and a status back")


def _link(code: bytes, kinds: tuple[str, ...]) -> Native:
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    nowhere = [(ctypes.c_void_p * 1)() for _ in range(2)]  # where a result and an exception would go
    _alive.extend([engine, nowhere])
    linked = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *_c_types(kinds))
    return functools.partial(linked(engine.get_function_address(_ENTRY)), *nowhere)


def _c_types(kinds: tuple[str, ...]) -> list[Any]:
    return [_TYPES.get(kind, _ADDRESS)[0] for kind in kinds]


def _machine() -> llvm.TargetMachine:
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=_features(), opt=3, jit=True)


def _features() -> str:
    features: str = llvm.get_host_cpu_features().flatten()
    return features
