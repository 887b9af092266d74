"""Compiled functions work with and without a cache of their machine code."""

import pytest
from numba import njit

from mmdrfuse.system import compiling


@pytest.mark.parametrize("sealed", [False, True])
def test_a_function_is_compiled_without_a_cache_too(monkeypatch, sealed):
    calls = []

    def compile_(**options):
        calls.append(options)
        if sealed and options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(nogil=True)

    monkeypatch.setattr(compiling, "njit", compile_)
    assert compiling.compiled(error_model="numpy")(lambda x: x + 1)(2) == 3
    assert [options.get("cache", False) for options in calls] == [True, False][: 1 + sealed]
    assert all(options["error_model"] == "numpy" for options in calls)
