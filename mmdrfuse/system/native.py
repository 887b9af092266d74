"""Machine code that numba compiles once on a machine, and that later processes load without numba.

To import numba and reload its own cache takes half a second, several times as long as to fuse a pair. So functions over
raw memory are compiled here to object files. llvmlite, numba's own back end, links such a file in a few milliseconds.
These functions allocate nothing, raise nothing and call only each other, so that the object needs no other code. They
run without the GIL.

numba does not document its calling convention. So the signature of the compiled function is compared with the expected
one. If it, or anything else in numba or LLVM, has changed, `numba.cfunc` compiles the function in every process.
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
_DIGEST_SIZE = 32
_owners: list[Any] = []  # objects that own the memory of the code: they must live as long as the process
_CHANGED_API = (AttributeError, KeyError, TypeError, RuntimeError)
"""The exceptions of a call that this version of numba or LLVM does not have in this form."""


def function(module: str, name: str, *kinds: str) -> Native:
    """Return a compiled function that takes numbers and addresses.

    The machine code is cached beside the module or, if that folder cannot be written, in the user's cache. The
    environment variable ``MMDRFUSE_CACHE_DIR`` names another folder, unless it is empty. If no folder can be written,
    every process compiles anew.

    Args:
        module: The module of the function; it is imported only to compile.
        name: A function in it, marked by `mmdrfuse.system.compiling.entry`, that returns nothing.
        kinds: The type of each argument: ``int64``, ``float32``, or the address of values, such as ``uint8*``.
    """
    with _lock:
        return _function(module, name, kinds)


@functools.cache
def _function(module: str, name: str, kinds: tuple[str, ...]) -> Native:
    try:
        return _link(_code(module, name, kinds), kinds)
    except _CHANGED_API as error:
        _log_once(f"machine code cannot be cached here ({error}): every process compiles its own, which takes seconds")
    from mmdrfuse.system.compiling import callback

    compiled = callback(module, name, kinds)
    _owners.append(compiled)
    return ctypes.CFUNCTYPE(None, *_c_types(kinds))(compiled.address)


def _code(module: str, name: str, kinds: tuple[str, ...]) -> bytes:
    """Return the object file, from the cache or compiled now."""
    spec = importlib.util.find_spec(module)
    source = Path(str(spec.origin if spec else module))
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    file_name = f"{source.stem}.{name}-{_key(source, name, kinds)}.o"
    folders = list(_cache_folders(source))
    code = _read_cached(folders, file_name)
    if code is None:
        code = _compile(module, name, kinds)
        _write_cached(code, folders, file_name)
    return code


def _key(source: Path, name: str, kinds: tuple[str, ...]) -> str:
    """Return a hash of everything that determines the machine code: function, compiler and processor."""
    machine = (llvmlite.__version__, llvm.get_process_triple(), llvm.get_host_cpu_name(), _features())
    files = (Path(__file__), Path(__file__).with_name("compiling.py"), source)
    parts = (*(file.read_bytes() for file in files), repr((name, kinds, machine)).encode())
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def _cache_folders(source: Path) -> Iterator[Path]:
    """Yield the folders for object files, the preferred one first."""
    chosen = os.environ.get("MMDRFUSE_CACHE_DIR")
    if chosen:
        yield Path(chosen)
        return
    yield source.parent / "__pycache__"
    with contextlib.suppress(RuntimeError):  # a user without a home folder
        cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        yield Path(cache) / "mmdrfuse"


def _read_cached(folders: list[Path], file_name: str) -> bytes | None:
    """Return a cached object file; None if it is missing or damaged."""
    for folder in folders:
        try:
            content = (folder / file_name).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(content[_DIGEST_SIZE:]).digest() == content[:_DIGEST_SIZE]:
            return content[_DIGEST_SIZE:]
    return None


def _write_cached(code: bytes, folders: list[Path], file_name: str) -> None:
    """Write an object file, behind its digest, into the first folder that can be written."""
    for folder in folders:
        try:
            with writing(folder / file_name) as temporary:
                temporary.write_bytes(hashlib.sha256(code).digest() + code)
        except OutputError:
            continue
        return


@functools.cache
def _log_once(message: str) -> None:
    """Log a message once in a process, because a picture needs up to four functions."""
    _log.warning(message)


def _compile(module: str, name: str, kinds: tuple[str, ...]) -> bytes:
    """Compile an entry to an object file: by numba to intermediate code, and by LLVM from there."""
    _log_once("compiling for this machine, once; this takes some seconds")
    from mmdrfuse.system.compiling import assembly

    text, entry = assembly(module, name, kinds)
    code = llvm.parse_assembly(text)
    declared = [function.name for function in code.functions if function.is_declaration]
    foreign = [function for function in declared if not function.startswith("llvm.")]
    if foreign:
        raise RuntimeError(f"{module}.{name} does not stand alone: it calls {', '.join(foreign)}")
    compiled = code.get_function(entry)
    _check_signature(compiled, kinds)
    compiled.name = _ENTRY
    object_file: bytes = _machine().emit_object(code)
    return object_file


_ENTRY = "mmdrfuse_entry"
_TYPES: dict[str, tuple[Any, str]] = {"int64": (ctypes.c_int64, "i64"), "float32": (ctypes.c_float, "float")}
"""Type of an argument → its names in ctypes and in LLVM."""
_ADDRESS = (ctypes.c_void_p, "ptr")


def _check_signature(compiled: Any, kinds: tuple[str, ...]) -> None:  # noqa: ANN401
    """Check numba's convention: first the addresses of a result and of an exception; the return value is a status."""
    takes = ["ptr" if argument.type.is_pointer else str(argument.type) for argument in compiled.arguments]
    expected = ["ptr", "ptr", *(_TYPES.get(kind, _ADDRESS)[1] for kind in kinds)]
    if takes != expected or not re.search(r"(?m)^define .*\bi32 @", str(compiled)):
        raise RuntimeError(f"it takes {', '.join(takes)} where {', '.join(expected)} was expected, and a status back")


def _link(code: bytes, kinds: tuple[str, ...]) -> Native:
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    unused = [(ctypes.c_void_p * 1)() for _ in range(2)]  # for a result and an exception
    _owners.extend([engine, unused])
    prototype = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *_c_types(kinds))
    return functools.partial(prototype(engine.get_function_address(_ENTRY)), *unused)


def _c_types(kinds: tuple[str, ...]) -> list[Any]:
    return [_TYPES.get(kind, _ADDRESS)[0] for kind in kinds]


def _machine() -> llvm.TargetMachine:
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=_features(), opt=3, jit=True)


def _features() -> str:
    features: str = llvm.get_host_cpu_features().flatten()
    return features
