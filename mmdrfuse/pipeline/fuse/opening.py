"""The first seconds of a stream that can be read but once, looked at before it is fused."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from math import ceil
from pathlib import Path

from mmdrfuse.images.video.frames import Frame, Layout, Source

SECONDS = 2
"""Of a live stream, by which its light is judged."""


@dataclass(frozen=True)
class Opening:
    """The first frames of a source, as often as they are asked for."""

    path: Path
    layout: Layout
    first: list[Frame]
    repeatable = True

    def frames(self) -> Iterator[Frame]:
        """Yield the frames in the order of time."""
        return iter(self.first)


@dataclass(frozen=True)
class Continued:
    """A source whose first frames were read already: they come first, then the rest."""

    path: Path
    layout: Layout
    first: list[Frame]
    rest: Iterator[Frame]
    repeatable = False

    def frames(self) -> Iterator[Frame]:
        """Yield the frames in the order of time, once."""
        return chain(self.first, self.rest)


def opened(source: Source) -> tuple[Opening, Continued]:
    """Read the first frames of a source.

    Returns:
        These frames, and the source in the place of the one given, which must not be read any more.

    Raises:
        InputError: The stream cannot be opened, is empty, or ends within a frame.
    """
    layout, frames = source.layout, source.frames()
    first = list(islice(frames, max(1, ceil(SECONDS * layout.rate))))
    return Opening(source.path, layout, first), Continued(source.path, layout, first, frames)
