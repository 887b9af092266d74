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
    assert compiling.compiled()(lambda x: x + 1)(2) == 3
    assert [options.get("cache", False) for options in calls] == [True, False][: 1 + sealed]
    assert all(options["error_model"] == "numpy" for options in calls)


def test_only_what_allows_it_is_computed_in_another_way():
    # sqrt(x x + y y) by one rounding less differs for some numbers
    plain = compiling.compiled()(lambda x, y: x * x + y * y)
    caller = compiling.summing(lambda x, y: plain(x, y))
    numbers = [(x / 7.0, y / 3.0) for x in range(1, 40) for y in range(1, 40)]
    assert [caller(x, y) for x, y in numbers] == [x * x + y * y for x, y in numbers]
