"""A sequence whose items are made when they are asked for, so that a million of them take little memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar, overload

Item = TypeVar("Item")
Result = TypeVar("Result")


class Mapped(Sequence[Result], Generic[Item, Result]):
    """What a function makes of the items of a sequence; it is called each time that one is asked for.

    ::

        pairs = Mapped(unpack, rows)
        halves = Mapped(lambda number: values[number] / 2, range(len(values)))

    Args:
        make: The function, which must always make the same of an item.
        items: Its arguments; they must not change.
    """

    def __init__(self, make: Callable[[Item], Result], items: Sequence[Item]) -> None:
        self.make = make
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Result]:
        return map(self.make, self.items)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> "Mapped[Item, Result]": ...
    def __getitem__(self, index: int | slice) -> "Result | Mapped[Item, Result]":
        if isinstance(index, slice):
            return Mapped(self.make, self.items[index])
        return self.make(self.items[index])

    def __eq__(self, other: object) -> bool:
        """Return whether the other one is a sequence of the same items."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == another for one, another in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as lists have none

    def __repr__(self) -> str:
        return repr(list(self))
