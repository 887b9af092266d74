"""Machine code is compiled once, loaded without numba, and never trusted blindly."""

import importlib
import os
import subprocess
import sys

import numpy as np
import pytest

from mmdrfuse.engine import fuse_stored, make
from mmdrfuse.models import read
from mmdrfuse.system import native

SOURCE = """
import numpy as np
from numba import carray
from mmdrfuse.system.compiling import entry

@entry()
def add(count, values_at, more):
    values = carray(values_at, (count,))
    for i in range(count):
        values[i] += more

@entry()
def allocate(count, values_at, more):
    values = carray(values_at, (count,))
    values[:] = np.cumsum(values)
"""
TYPES = ("int64", "float32*", "float32")
RUN = """
import sys, numpy as np
from mmdrfuse.system.native import function
values = np.zeros(5, np.float32)
function("tiny", "add", "int64", "float32*", "float32")(5, values.ctypes.data, 1.5)
print(values.tolist(), "numba" in sys.modules)
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A module of compiled functions, with a cache of its own."""
    (tmp_path / "tiny.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("MMDRFUSE_CACHE_DIR", str(tmp_path / "cache"))
    yield tmp_path
    sys.modules.pop("tiny", None)
    native._function.cache_clear()


def run(**environment):
    return subprocess.run(
        [sys.executable, "-c", RUN], env=os.environ | environment, capture_output=True, text=True, check=True
    )


@pytest.mark.slow
def test_a_second_process_loads_the_machine_code_of_the_first(tiny):
    first, second = run(), run()
    assert first.stderr == "compiling for this machine, once; this takes some seconds\n"
    assert first.stdout == "[1.5, 1.5, 1.5, 1.5, 1.5] True\n"
    assert (second.stdout, second.stderr) == ("[1.5, 1.5, 1.5, 1.5, 1.5] False\n", "")
    (cached,) = (tiny / "cache").iterdir()
    cached.write_bytes(cached.read_bytes()[:-1])
    assert run().stderr == first.stderr  # damaged, so compiled and cached anew
    assert run().stderr == ""


def test_without_a_writable_cache_the_function_still_works(tiny):
    (tiny / "file").write_text("no folder")
    assert run(MMDRFUSE_CACHE_DIR=str(tiny / "file")).stdout == "[1.5, 1.5, 1.5, 1.5, 1.5] True\n"


@pytest.mark.parametrize("named", [None, ""])
def test_by_default_the_machine_code_is_cached_beside_its_module(tiny, monkeypatch, named):
    monkeypatch.delenv("MMDRFUSE_CACHE_DIR")
    if named is not None:
        monkeypatch.setenv("MMDRFUSE_CACHE_DIR", named)
    monkeypatch.chdir(tiny)
    native._function.cache_clear()
    values = np.arange(3, dtype=np.float32)
    native.function("tiny", "add", *TYPES)(3, values.ctypes.data, 2)
    assert values.tolist() == [2, 3, 4]
    assert [(path.parent.name, path.name.split("-")[0]) for path in tiny.rglob("*.o")] == [("__pycache__", "tiny.add")]


def broken(*_, **__):
    raise AttributeError("no such thing in this version")


def defining(result, taken):
    """Return a replacement for `compiling.assembly`, whose function has another calling convention."""
    return lambda *_: (f"define {result} @f({taken}) {{ ret {result} {'0' * (result != 'void')} }}", "f")


@pytest.mark.parametrize(
    ("module", "name", "replacement", "reason"),
    [
        ("mmdrfuse.system.compiling", "assembly", broken, "no such thing in this version"),
        ("mmdrfuse.system.native", "_link", broken, "no such thing in this version"),
        ("llvmlite.binding", "initialize_native_target", broken, "no such thing in this version"),
        (
            "mmdrfuse.system.compiling", "assembly", defining("i32", "ptr, ptr, float, i64, ptr"),
            "it takes ptr, ptr, float, i64, ptr where ptr, ptr, i64, ptr, float was expected",
        ),
        ("mmdrfuse.system.compiling", "assembly", defining("void", "ptr, ptr, i64, ptr, float"), "and a status back"),
    ],
)  # fmt: skip
def test_another_numba_or_llvm_costs_time_and_no_result(tiny, monkeypatch, caplog, module, name, replacement, reason):
    native._log_once.cache_clear()
    monkeypatch.setattr(importlib.import_module(module), name, replacement)
    for start in (0, 1):
        values = np.arange(start, 4, dtype=np.float32)
        native.function("tiny", "add", *TYPES)(4 - start, values.ctypes.data, 2)
        assert values.tolist() == [2, 3, 4, 5][start:]
        native._function.cache_clear()
    (message,) = (record.getMessage() for record in caplog.records if "cannot be cached" in record.getMessage())
    assert reason in message


@pytest.mark.slow
def test_a_function_that_allocates_works_and_is_not_cached(tiny, caplog):
    values = np.arange(4, dtype=np.float32)
    native.function("tiny", "allocate", *TYPES)(4, values.ctypes.data, 2)
    assert values.tolist() == [0, 1, 3, 6]
    assert "tiny.allocate does not stand alone: it calls NRT" in caplog.text
    assert not list(tiny.glob("cache/*"))


@pytest.mark.slow
def test_fusion_has_the_same_bytes_without_the_cache_of_machine_code(tiny, monkeypatch, rng):
    infrared, visible = rng.integers(0, 256, (2, 40, 33)).astype(np.uint8)
    engine = make(read("ivif"), threads=2)
    expected = fuse_stored(engine, infrared, visible)
    native._function.cache_clear()
    monkeypatch.setattr(native, "_link", broken)
    np.testing.assert_array_equal(fuse_stored(engine, infrared, visible), expected)
