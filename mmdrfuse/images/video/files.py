"""Video files as frames, and frames as video files: FFmpeg through PyAV, the extra ``video``.

Frames stay in YUV, as videos store them: the luminance is what is fused, the colour planes are passed on untouched.
PyAV, https://pyav.basswood-io.com; ranges and colour tags: ITU-T H.273 (ISO/IEC 23091-2), 2021.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, OutputError, reading
from mmdrfuse.images.video.containers import open_container, origin, pyav, url
from mmdrfuse.images.video.frames import Frame, Layout
from mmdrfuse.images.video.sound import Sound, Warn

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".ts", ".wmv"})
"""File name endings, in lower case, that are taken for videos."""

WRITTEN = {
    **dict.fromkeys((".mp4", ".m4v", ".mov", ".mkv"), ("libx264", {"preset": "veryfast", "crf": "18"})),
    ".webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "24", "b": "0"}),
}
"""Ending of what can be written → its codec, set so that losses are hard to see and 1280×720 is done in real time."""

_FULL, _LIMITED = 2, 1
"""AVCOL_RANGE_JPEG and AVCOL_RANGE_MPEG."""
_BT709 = 1

_LEVELS = np.arange(256)
# Luma of 8 bits in limited range: 16 is black, 235 white (ITU-R BT.601 and 709). There and back is exact between them.
_EXPAND = np.clip(np.rint((_LEVELS - 16) * (255 / 219)), 0, 255).astype(np.uint8)
_COMPRESS = np.rint(16 + _LEVELS * (219 / 255)).astype(np.uint8)

_GRAY_BITS = {f"gray{bits}le": bits for bits in (9, 10, 12, 14, 16)}
_NO_COLOUR = 128
_SLOWEST, _FASTEST = Fraction(1, 100_000), 100_000
"""Frames a second that are believed."""


def is_video(path: Path) -> bool:
    """Tell whether a file's name is that of a video."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


@dataclass(frozen=True)
class VideoSource:
    """The first video stream of a file.

    Grey of up to 16 bits keeps its depth; everything else is taken as 4:2:0 with 8 bits. What the file asks of its
    player is done: turned by quarters, mirrored, or both.
    """

    path: Path
    repeatable: bool = True

    @property
    def layout(self) -> Layout:
        """What all frames share.

        Raises:
            InputError: The file cannot be read, or holds no picture.
            MissingExtraError: PyAV is not installed.
        """
        with _opened(self.path) as (container, stream):
            first = next(_decoded(self.path, container, stream), None)
            if first is None:
                raise InputError(f"{self.path}: holds no frame that can be decoded; is the file complete?")
            sideways = _turning(self.path, first).sideways
            size = (first.height, first.width) if sideways else (first.width, first.height)
            rate = _rate(stream)
            codec, start = stream.codec_context, _seconds(first) - origin(container)
            tags = codec.color_primaries, codec.color_trc, codec.colorspace
            if first.format.is_rgb:
                tags = _BT709, tags[1], _BT709
            aspect = stream.sample_aspect_ratio or Fraction(1)
            return Layout(
                *size, rate,
                count=_count(container, stream, rate), depth=_GRAY_BITS.get(first.format.name, 8),
                full_range=_is_full(first), tags=tags, aspect=1 / aspect if sideways else aspect, start=start,
            )  # fmt: skip

    def frames(self) -> Iterator[Frame]:
        """Give the frames in the order of time.

        Raises:
            InputError: The file cannot be read, is damaged, or changes its picture's size.
        """
        with _opened(self.path) as (container, stream):
            first, time, lasting = None, Fraction(0), 1 / _rate(stream)
            for decoded in _decoded(self.path, container, stream):
                if first is None:
                    first, start = _form(decoded), _seconds(decoded)
                else:
                    # a clock that stands still, goes back or is missing: the frames follow each other all the same
                    later = _seconds(decoded) - start
                    time = later if later > time else time + lasting
                if first != _form(decoded):
                    raise InputError(
                        f"{self.path}: changes from {first} to {_form(decoded)} at {float(time):.2f} s; cut it there"
                    )
                yield _frame(decoded, time, _turning(self.path, decoded))


@contextmanager
def writing_video(
    path: Path, layout: Layout, *, sound: Path | None, comment: str, warn: Warn = warnings.warn
) -> Iterator[Any]:
    """Give a function that encodes frames, one after the other, into a video file.

    Args:
        path: The file, with one of the endings of `WRITTEN`.
        layout: Of the frames; with odd sides, which 4:2:0 cannot hold in H.264, the file has 4:4:4.
        sound: A file whose sound is taken over, as far as the frames reach; its clock is that of ``layout.start``. What
            does not fit into such a file is encoded anew, and what cannot be read is left out.
        comment: Kept in the file.
        warn: Told what becomes of sound that cannot be copied.

    Raises:
        OutputError: The ending is unknown, or the file cannot be written.
    """
    av = pyav()
    if path.suffix.lower() not in WRITTEN:
        raise OutputError(f"{path}: cannot write such a video; use one of {', '.join(sorted(WRITTEN))}")
    codec, options = WRITTEN[path.suffix.lower()]
    try:
        with av.open(url(path), "w") as container:
            container.metadata["comment"] = comment
            stream = container.add_stream(codec, rate=layout.rate, options=dict(options))
            even = layout.width % 2 == layout.height % 2 == 0
            stream.width, stream.height = layout.width, layout.height
            stream.pix_fmt = "yuv420p" if even else "yuv444p"
            context = stream.codec_context
            context.color_range = _FULL if layout.full_range else _LIMITED
            context.color_primaries, context.color_trc, context.colorspace = layout.tags
            context.sample_aspect_ratio, context.time_base = layout.aspect, _time_base(layout.rate)
            with Sound(sound, container, warn) as carry_until:

                def write(frame: Frame) -> None:
                    container.mux(stream.encode(_encodable(frame, layout, str(stream.pix_fmt))))
                    carry_until(layout.start + frame.time + 1 / layout.rate)

                yield write
                container.mux(stream.encode())
    except av.FFmpegError as error:
        if isinstance(error, OSError):  # a full or missing disk: the caller knows the file's true name
            raise
        raise OutputError(f"{path}: cannot be encoded ({error.strerror})") from error


class _Turning(NamedTuple):
    """How a stored picture becomes the one to be looked at: its sides change places first, then it is mirrored."""

    sideways: bool = False
    leftwards: bool = False
    upwards: bool = False

    def __call__(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return the plane as it is to be looked at."""
        turned = plane.T if self.sideways else plane
        return turned[:: -1 if self.upwards else 1, :: -1 if self.leftwards else 1]


def _turning(path: Path, decoded: "av.VideoFrame") -> _Turning:
    """Read a frame's display matrix: (x, y) as stored becomes (a·x + c·y, b·x + d·y), up to a shift.

    References:
        ISO/IEC 14496-12, 8.3.2.3 (the matrix in a track's header); libavutil/display.h, https://ffmpeg.org.

    Raises:
        InputError: The picture is to be turned by something else than quarters, or slanted.
    """
    data = decoded.side_data.get("DISPLAYMATRIX")
    if data is None:
        return _Turning()
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), np.int32)[:5])  # type: ignore[call-overload]
    straight, across = max(abs(a), abs(d)), max(abs(b), abs(c))
    if not straight and not across:  # empty: some writers leave it so
        return _Turning()
    if across <= straight / 100:
        return _Turning(leftwards=a < 0, upwards=d < 0)
    if straight <= across / 100:
        return _Turning(sideways=True, leftwards=c < 0, upwards=b < 0)
    angle = np.degrees(np.arctan2(b, a))
    raise InputError(f"{path}: asks to be turned by {angle:.0f} degrees; turn it by a multiple of 90, and encode it so")


def _frame(decoded: "av.VideoFrame", time: Fraction, turned: _Turning) -> Frame:
    """Copy a decoded frame's planes: the decoder still refers to its own."""
    full = _is_full(decoded)
    bits = _GRAY_BITS.get(decoded.format.name, 8)
    if bits > 8:
        return Frame(time, turned(_plane(decoded, 0, np.uint16).copy()))
    if decoded.format.is_rgb:
        decoded = decoded.reformat(format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED)
        full = False
    elif decoded.format.name not in {"gray", "yuv420p", "yuvj420p"}:
        kept = _FULL if full else _LIMITED
        decoded = decoded.reformat(format="yuv420p", src_color_range=kept, dst_color_range=kept)
    stored = _plane(decoded, 0, np.uint8)
    luma = turned(stored.copy() if full else _EXPAND[stored])
    if decoded.format.name == "gray":
        return Frame(time, luma)
    u, v = (turned(_plane(decoded, index, np.uint8).copy()) for index in (1, 2))
    return Frame(time, luma, (u, v))


def _encodable(frame: Frame, layout: Layout, pixels: str) -> "av.VideoFrame":
    made: av.VideoFrame = pyav().VideoFrame(layout.width, layout.height, pixels)
    made.color_range = _FULL if layout.full_range else _LIMITED
    _plane(made, 0, np.uint8)[:] = frame.luma if layout.full_range else _COMPRESS[frame.luma]
    for index in (1, 2):
        plane = _plane(made, index, np.uint8)
        if frame.chroma is None:
            plane[:] = _NO_COLOUR
        elif pixels == "yuv420p":
            plane[:] = frame.chroma[index - 1]
        else:
            plane[:] = frame.chroma[index - 1].repeat(2, axis=0).repeat(2, axis=1)[: layout.height, : layout.width]
    made.time_base = _time_base(layout.rate)
    made.pts = round((layout.start + frame.time) / made.time_base)
    return made


def _plane(frame: "av.VideoFrame", index: int, dtype: type[np.uint8 | np.uint16]) -> NDArray[Any]:
    """Look at one plane without the padding of its rows."""
    plane = frame.planes[index]
    return np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)[:, : plane.width]


def _is_full(frame: "av.VideoFrame") -> bool:
    """Tell whether black is stored as 0: where nothing is said, grey and RGB use all levels, YUV does not."""
    if frame.format.name.startswith("yuvj"):
        return True
    if frame.format.name.startswith("gray"):
        return bool(frame.color_range != _LIMITED)
    return bool(frame.color_range == _FULL) and not frame.format.is_rgb


def _time_base(rate: Fraction) -> Fraction:
    """Give a clock that hits every frame of an even rate exactly, and others to about a 90,000th of a second."""
    return Fraction(1, rate.numerator * max(1, 90_000 // rate.numerator))


def _count(container: "InputContainer", stream: "VideoStream", rate: Fraction) -> int | None:
    if stream.frames:
        return stream.frames
    return round(container.duration * rate / 1_000_000) if container.duration else None


def _rate(stream: "VideoStream") -> Fraction:
    """Give the frames a second; 25 where damage or a still picture says nothing sensible."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    return rate if _SLOWEST <= rate <= _FASTEST else Fraction(25)


def _form(frame: "av.VideoFrame") -> str:
    """Say what must not change within a stream."""
    return f"{frame.width}x{frame.height} pixels of {_GRAY_BITS.get(frame.format.name, 8)} bits"


def _seconds(frame: "av.VideoFrame") -> Fraction:
    stamp = frame.pts if frame.pts is not None else frame.dts
    return Fraction(0) if stamp is None or frame.time_base is None else stamp * frame.time_base


def _decoded(path: Path, container: "InputContainer", stream: "VideoStream") -> Iterator["av.VideoFrame"]:
    with reading(path, "video", cure="cut or re-encode it"):
        yield from container.decode(stream)


@contextmanager
def _opened(path: Path) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    with open_container(path) as container:
        if not container.streams.video:
            raise InputError(f"{path}: holds no video stream; name a file with pictures")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield container, stream
