"""Two sequences of frames to one: aligned in time, fused with one range for all, decoded and encoded side by side."""

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.atomic import writing
from mmdrfuse.engine import Engine, stored
from mmdrfuse.errors import InputError, OutputError, SizeError
from mmdrfuse.images.frames import PIPE, Chroma, Frame, Layout, Source, raw_writing
from mmdrfuse.images.histogram import Histogram, limits_over
from mmdrfuse.images.ranges import Levels, known_limits, stretch, to_unit
from mmdrfuse.images.sound import Note
from mmdrfuse.images.video import VideoSource, writing_video
from mmdrfuse.pipeline.background import background
from mmdrfuse.pipeline.geometry import cropped, one_size, resized
from mmdrfuse.pipeline.pairs import Preparation
from mmdrfuse.version import __version__

RAW_SUFFIXES = frozenset({".gray", ".raw"})
"""Endings of files that get raw frames, 8-bit grey, as ``-`` does."""

AHEAD = 4
"""Frames that may wait before each worker."""


@dataclass(frozen=True)
class Choices:
    """How sequences are fused."""

    engine: Engine
    range: str = "clip"
    """As for pictures; what has to be looked for is looked for in the whole sequence, so that nothing flickers."""
    levels: Levels = field(default_factory=lambda: Levels.parse("auto"))
    """What becomes black and white of an infrared sequence; percentiles are of the whole sequence."""
    color: bool = True
    """Keep the colour of the visible side."""
    preparation: Preparation = field(default_factory=Preparation)
    """Policy for sizes that differ, and a matrix for the infrared side; its range is that of ``levels``."""
    weights: str = ""
    """What to write into the file about the weights."""


def fuse_sequences(
    choices: Choices,
    infrared: Source,
    visible: Source,
    out: Path,
    *,
    overwrite: bool = False,
    note: Note = warnings.warn,
) -> Iterator[int | None]:
    """Fuse two sequences, giving the number of frames to expect, if known, after each that was written.

    The result has the visible side's frames at their times, with its colour and its sound, each fused with the
    infrared frame nearest in time; it ends where either side does.

    Args:
        choices: Engine and ranges.
        infrared: The infrared side.
        visible: The visible side, of the same size.
        out: A video file, a file of raw frames (`RAW_SUFFIXES`), or ``-`` for raw frames on standard output. A file
            appears when it is complete, or not at all.
        overwrite: Whether an existing file may be replaced.
        note: Told what becomes of sound that cannot be copied.

    Raises:
        InputError: A side cannot be read, or would have to be read twice and is a pipe.
        SizeError: The sides' sizes differ, and nothing says what to do about it.
        OutputError: The result would replace a source or something else, or cannot be written.
        MissingExtraError: PyAV is not installed.
    """
    _check_target(out, infrared, visible, overwrite=overwrite)
    layouts = infrared.layout, visible.layout
    fuser = _FrameFuser(choices, layouts, _infrared_levels(choices.levels, infrared, layouts[0]))
    size = _common_size(fuser.preparation, infrared, visible, layouts)
    low, high = known_limits(choices.range) or _limits(choices, fuser, infrared, visible)
    comment = f"mmdrfuse {__version__} {choices.weights}, range {choices.range} ({low:.5g} to {high:.5g})"

    def finished() -> Iterator[Frame]:
        for frame, planes in fuser.planes(infrared, visible):
            luma = stored(choices.engine, *planes, low=low, high=high, dtype=np.uint8)
            chroma = _fitting(frame, luma, fuser.preparation.size_policy) if choices.color else None
            yield Frame(frame.time, luma, chroma)

    with (
        _writing(out, replace(layouts[1], height=size[0], width=size[1]), visible, comment, note, overwrite) as write,
        closing(background(finished(), ahead=AHEAD)) as frames,
    ):
        for frame in frames:
            write(frame)
            yield layouts[1].count


def nearest(infrared: Iterable[Frame], visible: Iterable[Frame]) -> Iterator[tuple[Frame, Frame]]:
    """Give every visible frame with the infrared frame nearest in time, the earlier of two as near.

    Both clocks start with the side's first frame. The last infrared frame is taken to last as long as the one before
    it; visible frames after its end have no partner, and are left out.
    """
    others = iter(infrared)
    current, following = next(others, None), next(others, None)
    if current is None:
        return
    lasting = following.time - current.time if following else Fraction(0)
    for frame in visible:
        while following and following.time - frame.time < frame.time - current.time:
            lasting = following.time - current.time
            current, following = following, next(others, None)
        if following is None and frame.time > current.time and frame.time >= current.time + lasting:
            return
        yield current, frame


class _FrameFuser:
    """Give pairs of frames as they are to be fused."""

    def __init__(self, choices: Choices, layouts: tuple[Layout, Layout], levels: tuple[float, ...]) -> None:
        self.preparation = replace(choices.preparation, infrared_range=levels)
        depth = layouts[1].depth
        self.visible_range = () if depth == 8 else (0, 2**depth - 1)

    def planes(self, infrared: Source, visible: Source) -> Iterator[tuple[Frame, tuple[NDArray[Any], NDArray[Any]]]]:
        """Decode both sides, each in its thread; give visible frames with the planes of both sides."""
        with (
            closing(background(infrared.frames(), ahead=AHEAD)) as others,
            closing(background(visible.frames(), ahead=AHEAD)) as frames,
        ):
            for other, frame in nearest(others, frames):
                luma = stretch(frame.luma, *self.visible_range) if self.visible_range else frame.luma
                yield frame, self.preparation(other.luma, luma)


def _fitting(frame: Frame, luma: NDArray[Any], policy: str) -> Chroma | None:
    """Give a visible frame's colour for a luminance that may have been resized or cut."""
    if frame.chroma is None or frame.luma.shape == luma.shape:
        return frame.chroma
    change = cropped if policy == "crop-common" else resized
    height, width = ((side + 1) // 2 for side in luma.shape)
    u, v = (change(plane, height, width) for plane in frame.chroma)
    return u, v


def _common_size(
    preparation: Preparation, infrared: Source, visible: Source, layouts: tuple[Layout, Layout]
) -> tuple[int, ...]:
    """Give height and width of the result."""
    blank = [np.zeros((layout.height, layout.width), np.uint8) for layout in layouts]
    if preparation.transform:  # it brings the infrared onto the visible's grid
        return blank[1].shape
    try:
        return one_size(blank[0], blank[1], preparation.size_policy)[1].shape
    except SizeError as error:
        raise error.at(f"{infrared.path} + {visible.path}") from error


def _infrared_levels(levels: Levels, source: Source, layout: Layout) -> tuple[float, ...]:
    """Give what becomes black and white of the infrared side; nothing for the 8 bits as they are."""
    if levels.deep_only and layout.depth == 8:
        return ()
    if not levels.percent:
        return levels.low, levels.high
    _check_repeatable("percentiles of the infrared side", source)
    counts = Histogram(0, 2**16 - 1)
    for frame in source.frames():
        counts.add(counts.count(frame.luma))
    return counts.percentiles(levels.low, levels.high)


def _limits(choices: Choices, fuser: _FrameFuser, infrared: Source, visible: Source) -> tuple[float, float]:
    """Look at the whole result for what becomes black and white."""
    _check_repeatable(f"range {choices.range}", infrared, visible)
    outputs = (choices.engine(*map(to_unit, planes)) for _, planes in fuser.planes(infrared, visible))
    return limits_over(outputs, choices.range)


@contextmanager
def _writing(out: Path, layout: Layout, visible: Source, comment: str, note: Note, overwrite: bool) -> Iterator[Any]:
    if out == PIPE:
        with raw_writing(sys.stdout.buffer) as write:
            yield write
        return
    with writing(out, overwrite=overwrite) as temporary:
        if out.suffix.lower() in RAW_SUFFIXES:
            with temporary.open("wb") as file, raw_writing(file) as write:
                yield write
        else:
            sound = visible.path if isinstance(visible, VideoSource) else None
            made = writing_video(temporary, layout, sound=sound, comment=comment, note=note)
            with _named(out, temporary, made) as write:
                yield write


@contextmanager
def _named(out: Path, temporary: Path, block: AbstractContextManager[Any]) -> Iterator[Any]:
    """Say what failed of the temporary file with the name that the user gave."""
    try:
        with block as value:
            yield value
    except OutputError as error:
        raise OutputError(str(error).replace(str(temporary), str(out))) from error


def _check_target(out: Path, *sources: Source, overwrite: bool) -> None:
    if out == PIPE:
        return
    if any(source.path != PIPE and source.path.resolve() == out.resolve() for source in sources):
        raise OutputError(f"{out}: is one of the sources; choose another place for the fused video")
    if out.exists() and not overwrite:
        raise OutputError(f"{out}: exists already; choose another name, or allow it with --overwrite")


def _check_repeatable(what: str, *sources: Source) -> None:
    for source in sources:
        if not source.repeatable:
            raise InputError(
                f"{source.path}: {what} must be known before the first frame is written, but a pipe can be read once "
                "only; give numbers instead, or files"
            )
