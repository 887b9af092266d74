"""Reporting the progress of long runs, without knowledge of a screen."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Progress = Callable[[str, int], AbstractContextManager[Callable[[str], None]]]
"""Takes a title and the number of items; yields a function to call with the name of each finished item."""


def silent(_title: str, _total: int) -> AbstractContextManager[Callable[[str], None]]:
    """Return a progress that shows nothing."""
    return nullcontext(lambda _name: None)
