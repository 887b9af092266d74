"""Keeping freed memory."""

import ctypes

import pytest

from mmdrfuse.system import malloc as heap


def test_the_c_library_is_asked_for_three_options(monkeypatch):
    asked = []
    library = type("Library", (), {"mallopt": lambda self, option, value: asked.append(option) or 1})
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library())
    monkeypatch.setattr(heap.sys, "platform", "linux")
    assert heap.keep_freed_memory()
    assert asked == [heap.M_MMAP_MAX, heap.M_TRIM_THRESHOLD, heap.M_TOP_PAD]


@pytest.mark.parametrize("platform", ["darwin", "linux"])
def test_another_c_library_is_left_alone(monkeypatch, platform):
    monkeypatch.setattr(heap.sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not heap.keep_freed_memory()
