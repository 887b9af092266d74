"""Machine code compiled by numba once a machine, and loaded by every later process without numba.

Importing numba and what it needs to reload its own cache takes half a second, several times what fusing a pair takes.
So a function over raw memory is compiled here to an object file, which llvmlite, numba's own back end, links in a few
milliseconds. Such functions allocate nothing, raise nothing and call nothing but their likes, so that the object stands
alone; they let other threads run.
"""

import ctypes
import functools
import hashlib
import importlib
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

from mmdrfuse.atomic import writing
from mmdrfuse.errors import OutputError

Native = Callable[..., int]

_log = logging.getLogger("mmdrfuse")
_lock = threading.Lock()
_linked: list[llvm.ExecutionEngine] = []  # their memory holds the code for as long as the process lives
_DIGEST = 32


def function(module: str, name: str, *types: str) -> Native:
    """Give a compiled function that takes numbers and addresses.

    The machine code is kept beside the module or, where that cannot be written, in the user's cache;
    ``MMDRFUSE_CACHE_DIR`` names another place. Where nothing can be kept, every process compiles anew.

    Args:
        module: The module of the function; it is imported only to compile.
        name: A function under `mmdrfuse.compiling.entry` in it that gives nothing back.
        types: Of each argument: ``int64``, ``float32``, or ``uint8*`` and the like for the address of such values.
    """
    with _lock:
        return _function(module, name, types)


@functools.cache
def _function(module: str, name: str, types: tuple[str, ...]) -> Native:
    spec = importlib.util.find_spec(module)
    source = Path(str(spec.origin if spec else module))
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    kept = f"{source.stem}.{name}-{_key(source, name, types)}.o"
    return _link(_read(source, kept) or _make(module, name, types, source, kept), types)


def _key(source: Path, name: str, types: tuple[str, ...]) -> str:
    """Name everything that decides the machine code: the function, the compiler and the processor."""
    machine = (llvmlite.__version__, llvm.get_process_triple(), llvm.get_host_cpu_name(), _features())
    parts = (Path(__file__).read_bytes(), source.read_bytes(), repr((name, types, machine)).encode())
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def _places(source: Path) -> Iterator[Path]:
    if "MMDRFUSE_CACHE_DIR" in os.environ:
        yield Path(os.environ["MMDRFUSE_CACHE_DIR"])
    else:
        yield source.parent / "__pycache__"
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "mmdrfuse"


def _read(source: Path, kept: str) -> bytes | None:
    """Give a kept object, unless it is missing or damaged."""
    for place in _places(source):
        try:
            content = (place / kept).read_bytes()
        except OSError:
            continue
        if hashlib.sha256(content[_DIGEST:]).digest() == content[:_DIGEST]:
            return content[_DIGEST:]
    return None


def _make(module: str, name: str, types: tuple[str, ...], source: Path, kept: str) -> bytes:
    _announce()
    made = _compile(module, name, types)
    for place in _places(source):
        try:
            with writing(place / kept) as temporary:
                temporary.write_bytes(hashlib.sha256(made).digest() + made)
        except OutputError:
            continue
        break
    return made


@functools.cache
def _announce() -> None:
    """Say it once a process: a picture needs up to four functions."""
    _log.warning("compiling for this machine, once; this takes some seconds")


def _compile(module: str, name: str, types: tuple[str, ...]) -> bytes:
    """Let numba write and optimise the intermediate code, and LLVM make an object of it."""
    import numba

    kinds: Any = numba.types
    dispatcher = getattr(importlib.import_module(module), name)
    signature = tuple(
        kinds.CPointer(getattr(kinds, kind[:-1])) if kind.endswith("*") else getattr(kinds, kind) for kind in types
    )
    dispatcher.compile(signature)
    # Counts of references remain in the code, of arrays that nobody counts: what would free them is never called.
    text = re.sub(
        r"(?m)^declare void @NRT_MemInfo_call_dtor\((\S+?)[ )].*$",
        r"define internal void @NRT_MemInfo_call_dtor(\1 %.1) { ret void }",
        dispatcher.inspect_llvm(signature),
    )
    code = llvm.parse_assembly(text)
    foreign = [part.name for part in code.functions if part.is_declaration and not part.name.startswith("llvm.")]
    if foreign:
        raise RuntimeError(f"{module}.{name} does not stand alone: it calls {', '.join(foreign)}")
    code.get_function(dispatcher.overloads[signature].fndesc.llvm_func_name).name = _ENTRY
    made: bytes = _machine().emit_object(code)
    return made


_ENTRY = "mmdrfuse_entry"
_C_TYPES: dict[str, Any] = {"int64": ctypes.c_int64, "float32": ctypes.c_float}


def _link(code: bytes, types: tuple[str, ...]) -> Native:
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _linked.append(engine)
    arguments = [ctypes.c_void_p if kind.endswith("*") else _C_TYPES[kind] for kind in types]
    # numba's own convention: where a result and an exception would go stand in front, and a status comes back.
    entry = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *arguments)(
        engine.get_function_address(_ENTRY)
    )
    nowhere = ((ctypes.c_void_p * 1)() for _ in range(2))  # written to: they must live as long as the function
    return functools.partial(entry, *nowhere)


def _machine() -> llvm.TargetMachine:
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=_features(), opt=3, jit=True)


def _features() -> str:
    features: str = llvm.get_host_cpu_features().flatten()
    return features
