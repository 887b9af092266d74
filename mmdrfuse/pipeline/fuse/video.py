"""Fuse two videos, or two streams of raw frames, into one.

This is to a `VideoPair` what `folder` is to pairs of pictures: `settle_video` refuses what cannot be done and finds one
range for all frames, `fuse_video` writes the result. `nearest` pairs the frames in time, `fuser.fuse_part` fuses each.
Decoding, fusing and encoding run side by side, each in its own thread.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import ChoiceError, InputError, OutputError, SizeError
from mmdrfuse.images.values.ranges import constant_limits, stretch
from mmdrfuse.images.video.files import VideoSource, writing_video
from mmdrfuse.images.video.frames import PIPE, Chroma, Frame, Layout, RawSource, Source, raw_writing
from mmdrfuse.images.video.sound import Warn
from mmdrfuse.pair import Preparation, Prepared
from mmdrfuse.pipeline.fuse.automatic import choose_for_recording
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.fuser import Fuser, fuse_part, part_output
from mmdrfuse.pipeline.fuse.nearest import nearest
from mmdrfuse.pipeline.fuse.opening import opened
from mmdrfuse.pipeline.fuse.set_ranges import infrared_ranges
from mmdrfuse.pipeline.fuse.targets import RAW_SUFFIXES, check_video_target
from mmdrfuse.system.atomic import writing
from mmdrfuse.system.prefetch import prefetch
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.version import __version__

BUFFERED_FRAMES = 4
"""Frames that may wait before each thread."""

_STORED_WHOLE = (8, 16)
"""Depths whose white is the largest value of their type."""

Write = Callable[[Frame], object]

Sides = tuple[NDArray[Any], NDArray[Any]]
"""The luminance of an infrared and of a visible frame, as they are stored."""


@dataclass(frozen=True)
class VideoPair:
    """Two sequences of frames, fused frame by frame."""

    infrared_source: Source
    visible_source: Source
    preparation: Preparation = field(default_factory=Preparation)

    @property
    def name(self) -> str:
        """Return the name for messages."""
        return f"{self.infrared_source.path} + {self.visible_source.path}"

    @cached_property
    def layouts(self) -> tuple[Layout, Layout]:
        """Return the size, rate and depth that all frames of each side share."""
        return self.infrared_source.layout, self.visible_source.layout

    def size(self) -> tuple[int, ...]:
        """Return the height and width of the result.

        Raises:
            SizeError: The sides' sizes differ, and nothing says what to do about it.
        """
        infrared, visible = ((layout.height, layout.width) for layout in self.layouts)
        try:
            return self.preparation.size(infrared, visible)
        except (InputError, SizeError) as error:
            raise error.at(self.name) from error

    def has_eight_bit_header(self) -> bool:
        """Return whether the infrared's frames have 8 bits."""
        return self.layouts[0].depth == 8

    def infrared(self) -> Iterator[NDArray[Any]]:
        """Yield the infrared's luminance as it is stored, frame by frame.

        Raises:
            InputError: It cannot be read.
        """
        for frame in self.infrared_source.frames():
            yield frame.luma

    def samples(self) -> Iterator[Prepared]:
        """Yield each pair of prepared frames.

        Raises:
            InputError: A side cannot be read.
        """
        for _, sides in self.frames():
            yield self.preparation(*sides)

    def outputs(self, fuser: Fuser) -> Iterator[NDArray[np.float32]]:
        """Yield the network's output for each pair of prepared frames, before any range.

        Raises:
            InputError: A side cannot be read.
        """
        for _, sides in self.frames():
            yield part_output(fuser, self.preparation, *sides)

    def fused(self, fuser: Fuser) -> Iterator[Frame]:
        """Yield the fused frames, with the visible side's times and colour.

        Raises:
            InputError: A side cannot be read.
        """
        for frame, sides in self.frames():
            luma = fuse_part(fuser, self.preparation, *sides, dtype=np.dtype(np.uint8)).image
            chroma = None if fuser.color == "gray" else self._chroma(frame, luma)
            yield Frame(frame.time, luma, chroma)

    def frames(self) -> Iterator[tuple[Frame, Sides]]:
        """Decode both sides, each in its thread; yield each visible frame with the luminance of both sides.

        Raises:
            InputError: A side cannot be read.
        """
        depth = self.layouts[1].depth
        with (
            closing(prefetch(self.infrared_source.frames(), buffer_size=BUFFERED_FRAMES)) as infrared_frames,
            closing(prefetch(self.visible_source.frames(), buffer_size=BUFFERED_FRAMES)) as visible_frames,
        ):
            for other, frame in nearest(infrared_frames, visible_frames):
                luma = frame.luma if depth in _STORED_WHOLE else stretch(frame.luma, 0, 2**depth - 1)
                yield frame, (other.luma, luma)

    def _chroma(self, frame: Frame, luma: NDArray[Any]) -> Chroma | None:
        """Return a visible frame's chroma, resized or cropped as its luminance was."""
        if frame.chroma is None or frame.luma.shape == luma.shape:
            return frame.chroma
        height, width = ((side + 1) // 2 for side in luma.shape)  # 4:2:0: half of either, rounded up
        stored = [(layout.height, layout.width) for layout in self.layouts]
        u, v = (self.preparation.along(plane, (height, width), *stored) for plane in frame.chroma)
        return u, v


def settle_video(
    choices: Choices, pair: VideoPair, out: Path, *, overwrite: bool = False, progress: Progress = silent,
    warn: Warn = warnings.warn,
) -> tuple[Choices, VideoPair]:  # fmt: skip
    """Refuse what cannot be done, then find what has to be the same for all frames.

    Args:
        choices: What the user chose.
        pair: The two sides.
        out: As in `fuse_video`.
        overwrite: Whether an existing file may be replaced.
        progress: Shows the progress.
        warn: Called with a message if the range asked for is not that of the weights.

    Returns:
        The choices and the pair as `fuse_video` takes them.

    Raises:
        ChoiceError: A choice that is for pictures alone, or that needs a second reading, of which a pipe allows none.
        InputError: A side cannot be read.
        SizeError: The sides' sizes differ, and nothing says what to do about it.
        OutputError: The result would replace a source or another file, or cannot be written.
        MissingExtraError: PyAV is not installed.
    """
    _check_choices(choices)
    _check_sources(pair)
    check_video_target(out, pair.infrared_source.path, pair.visible_source.path, overwrite=overwrite)
    pair = replace(pair, preparation=choices.preparation)
    pair.size()  # sizes that differ are an error at once, not after minutes of finding ranges

    levels = choices.infrared_range
    if levels.percent and not (levels.skip_eight_bit and pair.has_eight_bit_header()):
        _check_repeatable("percentiles of the infrared side", pair.infrared_source)
    with progress("reading the infrared", 1) as advance:
        (values,) = infrared_ranges([pair], levels, advance=advance)
    pair = replace(pair, preparation=pair.preparation.within(values))
    if choices.automatic:
        with progress("choosing the weights", 1):
            choices, pair = _with_weights(choices, pair, warn)
    fuser = choices.fuser
    if not (fuser.limits or constant_limits(fuser.range)):
        _check_repeatable(f"range {fuser.range}", pair.infrared_source, pair.visible_source)
    with progress("finding the output range", 1):
        limits = fuser.limits_of(lambda: pair.outputs(fuser))
    return replace(choices, fuser=replace(fuser, limits=limits)), pair


def _with_weights(choices: Choices, pair: VideoPair, warn: Warn) -> tuple[Choices, VideoPair]:
    """Choose the weights by the whole recording; by its first seconds where that can be read only once."""
    if pair.infrared_source.repeatable and pair.visible_source.repeatable:
        return choose_for_recording(choices, pair, warn=warn), pair
    infrared, visible = opened(pair.infrared_source), opened(pair.visible_source)
    beginning = replace(pair, infrared_source=infrared[0], visible_source=visible[0])
    whole = replace(pair, infrared_source=infrared[1], visible_source=visible[1])
    return choose_for_recording(choices, beginning, warn=warn), whole


def fuse_sequences(
    choices: Choices, infrared: Source, visible: Source, out: Path, *, overwrite: bool = False
) -> Iterator[int | None]:
    """Settle and fuse two sequences in one call; see `settle_video` and `fuse_video` for arguments and errors."""
    choices, pair = settle_video(choices, VideoPair(infrared, visible), out, overwrite=overwrite)
    yield from fuse_video(choices, pair, out, overwrite=overwrite)


def fuse_video(
    choices: Choices, pair: VideoPair, out: Path, *, overwrite: bool = False, warn: Warn = warnings.warn
) -> Iterator[int | None]:
    """Fuse two sequences; after each written frame, yield how many there will be, or None if that is unknown.

    The result has the visible side's frames at their times, with its colour and its sound, each fused with the
    infrared frame nearest in time; it ends where either side does.

    Args:
        choices: As `settle_video` returns them.
        pair: As `settle_video` returns it.
        out: A video file, a file of raw frames (`RAW_SUFFIXES`), or ``-`` for raw frames on standard output. A file
            appears when it is complete, or not at all.
        overwrite: Whether an existing file may be replaced.
        warn: Called with a message when sound cannot be copied.

    Raises:
        InputError: A side cannot be read.
        OutputError: The result cannot be written.
    """
    fuser = choices.fuser
    low, high = fuser.limits_of(lambda: pair.outputs(fuser))
    weights = f"{choices.checkpoint.name} {choices.checkpoint.sha256[:12]}"
    comment = f"mmdrfuse {__version__} {weights}, range {fuser.range} ({low:.5g} to {high:.5g})"
    height, width = pair.size()
    layout = replace(pair.layouts[1], height=height, width=width)
    with (
        _writing(out, layout, pair.visible_source, comment, warn, overwrite) as write,
        closing(prefetch(pair.fused(fuser), buffer_size=BUFFERED_FRAMES)) as frames,
    ):
        for frame in frames:
            write(frame)
            yield layout.count


@contextmanager
def _writing(out: Path, layout: Layout, visible: Source, comment: str, warn: Warn, overwrite: bool) -> Iterator[Write]:
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
            video = writing_video(temporary, layout, sound=sound, comment=comment, warn=warn)
            with _renaming_errors(temporary, out, video) as write:
                yield write


@contextmanager
def _renaming_errors(temporary: Path, out: Path, block: AbstractContextManager[Write]) -> Iterator[Write]:
    """Replace the temporary file's name in errors by the one that the user gave."""
    try:
        with block as value:
            yield value
    except OutputError as error:
        raise OutputError(error.message.replace(str(temporary), str(out)), cure=error.cure) from error


def _check_choices(choices: Choices) -> None:
    if choices.fuser.color == "hue":
        raise ChoiceError("color hue is for pictures: a video keeps its colour planes as they are; choose auto or gray")
    if choices.quality is not None:
        raise ChoiceError(f"quality {choices.quality} is for pictures: a video's is fixed")
    if choices.pair_shift:
        raise ChoiceError("a shift of each pair is for pictures: the frames of a video would tremble")
    if choices.preparation.page:
        raise ChoiceError(f"page {choices.preparation.page} is for pictures: a video's frames are all fused")


def _check_sources(pair: VideoPair) -> None:
    """Refuse sources that the first frame would find missing, so that a dry run refuses them too."""
    for source in (pair.infrared_source, pair.visible_source):
        if source.path == PIPE and sys.stdin is None:
            raise InputError("standard input is closed; feed it, or name a file")
        if isinstance(source, RawSource) and source.path != PIPE and not source.path.exists():
            raise InputError(f"{source.path}: no such file or pipe")


def _check_repeatable(what: str, *sources: Source) -> None:
    for source in sources:
        if not source.repeatable:
            raise ChoiceError(
                f"{source.path}: {what} must be known before the first frame is written, but a pipe can be read once "
                "only; give numbers instead, or files"
            )
