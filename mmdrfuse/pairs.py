"""Many pairs in little memory: each is a text of some 200 bytes, where a `Pair` takes a thousand."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.system.lazy import Mapped

_NONE = Preparation()
_END = "\0"
"""Ends each field; no name of a file has it, and rows that have it are sorted as their pairs are."""


def pack(pair: Pair) -> str:
    """Return a pair without its preparation as a text, for `unpack`."""
    return _END.join((pair.name, str(pair.infrared), str(pair.visible), pair.output))


def unpack(row: str, preparation: Preparation = _NONE) -> Pair:
    """Return the pair of a text."""
    name, infrared, visible, output = row.split(_END)
    return Pair(name, Path(infrared), Path(visible), preparation, output)


class Pairs(Mapped[str, Pair]):
    """Pairs without preparations, as a source of pictures lists them.

    Args:
        rows: Of `pack`.
    """

    def __init__(self, rows: list[str]) -> None:
        super().__init__(unpack, rows)

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> "Pairs":
        """Return pairs in their order; if they are already in little memory, they are not copied."""
        return pairs if isinstance(pairs, cls) else cls([*map(pack, pairs)])


def prepared(pairs: Sequence[Pair], preparations: Sequence[Preparation]) -> Sequence[Pair]:
    """Return pairs with other preparations, one each; few that many share take little memory."""
    return Mapped(lambda number: replace(pairs[number], preparation=preparations[number]), range(len(pairs)))
