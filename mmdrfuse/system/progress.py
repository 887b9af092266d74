"""How long runs tell how far they are, without knowing of a screen."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Progress = Callable[[str, int], AbstractContextManager[Callable[[str], None]]]
"""Called with a title and the number of items; gives what is called with the name of each finished item."""


def silent(_title: str, _total: int) -> AbstractContextManager[Callable[[str], None]]:
    """Return the progress that nobody sees."""
    return nullcontext(lambda _name: None)
