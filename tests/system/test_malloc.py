"""The C library keeps freed memory, where it can."""

import ctypes

import pytest

from mmdrfuse.system import malloc


def test_three_options_of_glibc_are_set(monkeypatch):
    options = []
    library = type("Library", (), {"mallopt": lambda self, option, value: options.append(option) or 1})
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library())
    monkeypatch.setattr(malloc.sys, "platform", "linux")
    assert malloc.keep_freed_memory()
    assert options == [malloc.M_MMAP_MAX, malloc.M_TRIM_THRESHOLD, malloc.M_TOP_PAD]


@pytest.mark.parametrize("platform", ["darwin", "linux"])
def test_other_c_libraries_are_not_called(monkeypatch, platform):
    monkeypatch.setattr(malloc.sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not malloc.keep_freed_memory()


@pytest.mark.parametrize(("platform", "calls"), [("linux", [0]), ("darwin", [])])
def test_freed_memory_is_released_where_there_is_glibc(platform, calls, monkeypatch):
    released = []
    library = type("Library", (), {"malloc_trim": lambda self, left: released.append(left)})
    monkeypatch.setattr(malloc.sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library())
    malloc.release_freed_memory()
    assert released == calls


def test_a_library_without_the_function_is_not_called(monkeypatch):
    monkeypatch.setattr(malloc.sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    malloc.release_freed_memory()
