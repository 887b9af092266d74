"""Reading and writing video files frame by frame: FFmpeg through PyAV, the extra ``video``.

Frames stay in YUV, as videos store them. The luminance is fused, and the colour planes are passed on unchanged.
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
"""File name endings, in lower case, of videos."""

WRITTEN = {
    **dict.fromkeys((".mp4", ".m4v", ".mov", ".mkv"), ("libx264", {"preset": "veryfast", "crf": "18"})),
    ".webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "24", "b": "0"}),
}
"""Ending of a video that can be written → codec and options. Losses are hard to see, and 1280×720 runs in real time."""

_FULL, _LIMITED = 2, 1
"""AVCOL_RANGE_JPEG and AVCOL_RANGE_MPEG."""
_BT709 = 1

_LEVELS = np.arange(256)
# 8-bit luma of limited range: 16 is black, 235 white (ITU-R BT.601 and 709). Between them the round trip is exact.
_EXPAND = np.clip(np.rint((_LEVELS - 16) * (255 / 219)), 0, 255).astype(np.uint8)
_COMPRESS = np.rint(16 + _LEVELS * (219 / 255)).astype(np.uint8)

_GRAY_BITS = {f"gray{bits}le": bits for bits in (9, 10, 12, 14, 16)}
_NO_COLOUR = 128
_SLOWEST, _FASTEST = Fraction(1, 100_000), 100_000
"""Limits of a plausible rate, in frames per second."""


def is_video(path: Path) -> bool:
    """Return whether a file's name is that of a video."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


@dataclass(frozen=True)
class VideoSource:
    """The first video stream of a file.

    Grey of up to 16 bits keeps its depth. Everything else is converted to 4:2:0 with 8 bits. Frames are turned by
    quarters and mirrored as the file asks of its player.
    """

    path: Path
    repeatable: bool = True

    @property
    def layout(self) -> Layout:
        """The properties that all frames share.

        Raises:
            InputError: The file cannot be read, or holds no picture.
            MissingExtraError: PyAV is not installed.
        """
        with _opened(self.path) as (container, stream):
            first = next(_decoded(self.path, container, stream), None)
            if first is None:
                raise InputError(f"{self.path}: holds no frame that can be decoded; is the file complete?")
            size = first.width, first.height
            aspect = stream.sample_aspect_ratio or Fraction(1)
            if _orientation(self.path, first).sideways:
                size = first.height, first.width
                aspect = 1 / aspect
            codec = stream.codec_context
            tags = codec.color_primaries, codec.color_trc, codec.colorspace
            if first.format.is_rgb:  # `_frame` converts it to YUV of BT.709
                tags = _BT709, tags[1], _BT709
            rate = _rate(stream)
            return Layout(
                *size, rate,
                count=_count(container, stream, rate), depth=_GRAY_BITS.get(first.format.name, 8),
                full_range=_is_full(first), tags=tags, aspect=aspect, start=_seconds(first) - origin(container),
            )  # fmt: skip

    def frames(self) -> Iterator[Frame]:
        """Yield the frames in the order of time.

        Raises:
            InputError: The file cannot be read, is damaged, or changes its picture's size.
        """
        with _opened(self.path) as (container, stream):
            first = None
            time = Fraction(0)
            duration = 1 / _rate(stream)
            for decoded in _decoded(self.path, container, stream):
                form = _form(decoded)
                if first is None:
                    first = form
                    start = _seconds(decoded)
                else:
                    # The clock of a damaged file may stand still, go back or be missing; time must go on all the same.
                    stamp = _seconds(decoded) - start
                    time = stamp if stamp > time else time + duration
                if form != first:
                    raise InputError(
                        f"{self.path}: changes from {first} to {form} at {float(time):.2f} s; cut it there"
                    )
                yield _frame(decoded, time, _orientation(self.path, decoded))


@contextmanager
def writing_video(
    path: Path, layout: Layout, *, sound: Path | None, comment: str, warn: Warn = warnings.warn
) -> Iterator[Any]:
    """Yield a function that encodes a frame into a video file.

    Args:
        path: The file, with one of the endings of `WRITTEN`.
        layout: Of the frames. If a side is odd, which H.264 cannot hold in 4:2:0, the file has 4:4:4.
        sound: A file whose sound is carried over up to the last frame; its clock is that of ``layout.start``. Sound
            that does not fit into the written file is encoded anew, and damaged sound is left out.
        comment: Stored in the file.
        warn: Called with a message about sound that cannot be copied.

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
            even = layout.width % 2 == 0 and layout.height % 2 == 0
            stream.width, stream.height = layout.width, layout.height
            stream.pix_fmt = "yuv420p" if even else "yuv444p"
            context = stream.codec_context
            context.color_range = _FULL if layout.full_range else _LIMITED
            context.color_primaries, context.color_trc, context.colorspace = layout.tags
            context.sample_aspect_ratio = layout.aspect
            context.time_base = _time_base(layout.rate)
            with Sound(sound, container, warn) as carry_until:

                def write(frame: Frame) -> None:
                    container.mux(stream.encode(_encodable(frame, layout, str(stream.pix_fmt))))
                    carry_until(layout.start + frame.time + 1 / layout.rate)

                yield write
                container.mux(stream.encode())
    except av.FFmpegError as error:
        if isinstance(error, OSError):  # a full or missing disk: the caller knows the final name of the file
            raise
        raise OutputError(f"{path}: cannot be encoded ({error.strerror})") from error


class _Orientation(NamedTuple):
    """How to turn a stored picture upright: exchange rows and columns first, then mirror it."""

    sideways: bool = False
    leftwards: bool = False
    upwards: bool = False

    def __call__(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return an upright view of the plane."""
        turned = plane.T if self.sideways else plane
        return turned[:: -1 if self.upwards else 1, :: -1 if self.leftwards else 1]


def _orientation(path: Path, decoded: "av.VideoFrame") -> _Orientation:
    """Read a frame's display matrix: (x, y) as stored becomes (a·x + c·y, b·x + d·y), up to a shift.

    References:
        ISO/IEC 14496-12, 8.3.2.3 (the matrix in a track's header); libavutil/display.h, https://ffmpeg.org.

    Raises:
        InputError: The matrix turns by an angle other than quarters, or slants the picture.
    """
    data = decoded.side_data.get("DISPLAYMATRIX")
    if data is None:
        return _Orientation()
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), np.int32)[:5])  # type: ignore[call-overload]
    straight, across = max(abs(a), abs(d)), max(abs(b), abs(c))
    if not straight and not across:  # some writers leave the matrix empty
        return _Orientation()
    if across <= straight / 100:
        return _Orientation(leftwards=a < 0, upwards=d < 0)
    if straight <= across / 100:
        return _Orientation(sideways=True, leftwards=c < 0, upwards=b < 0)
    angle = np.degrees(np.arctan2(b, a))
    raise InputError(f"{path}: asks to be turned by {angle:.0f} degrees; turn it by a multiple of 90, and encode it so")


def _frame(decoded: "av.VideoFrame", time: Fraction, orientation: _Orientation) -> Frame:
    """Copy a decoded frame's planes, because the decoder still uses its own."""
    full = _is_full(decoded)
    bits = _GRAY_BITS.get(decoded.format.name, 8)
    if bits > 8:
        return Frame(time, orientation(_plane(decoded, 0, np.uint16).copy()))
    if decoded.format.is_rgb:
        decoded = decoded.reformat(format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED)
        full = False
    elif decoded.format.name not in {"gray", "yuv420p", "yuvj420p"}:
        color_range = _FULL if full else _LIMITED
        decoded = decoded.reformat(format="yuv420p", src_color_range=color_range, dst_color_range=color_range)
    stored = _plane(decoded, 0, np.uint8)
    luma = orientation(stored.copy() if full else _EXPAND[stored])
    if decoded.format.name == "gray":
        return Frame(time, luma)
    u, v = (orientation(_plane(decoded, index, np.uint8).copy()) for index in (1, 2))
    return Frame(time, luma, (u, v))


def _encodable(frame: Frame, layout: Layout, pixels: str) -> "av.VideoFrame":
    """Convert a frame to one of PyAV, in the pixel format ``yuv420p`` or ``yuv444p``."""
    encodable: av.VideoFrame = pyav().VideoFrame(layout.width, layout.height, pixels)
    encodable.color_range = _FULL if layout.full_range else _LIMITED
    _plane(encodable, 0, np.uint8)[:] = frame.luma if layout.full_range else _COMPRESS[frame.luma]
    for index in (1, 2):
        plane = _plane(encodable, index, np.uint8)
        if frame.chroma is None:
            plane[:] = _NO_COLOUR
        elif pixels == "yuv420p":
            plane[:] = frame.chroma[index - 1]
        else:
            doubled = frame.chroma[index - 1].repeat(2, axis=0).repeat(2, axis=1)
            plane[:] = doubled[: layout.height, : layout.width]
    encodable.time_base = _time_base(layout.rate)
    encodable.pts = round((layout.start + frame.time) / encodable.time_base)
    return encodable


def _plane(frame: "av.VideoFrame", index: int, dtype: type[np.uint8 | np.uint16]) -> NDArray[Any]:
    """Return a view of one plane, without the padding of its rows."""
    plane = frame.planes[index]
    return np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)[:, : plane.width]


def _is_full(frame: "av.VideoFrame") -> bool:
    """Return whether black is stored as 0: untagged grey has full range, untagged YUV and converted RGB have not."""
    if frame.format.name.startswith("yuvj"):
        return True
    if frame.format.name.startswith("gray"):
        return bool(frame.color_range != _LIMITED)
    return bool(frame.color_range == _FULL) and not frame.format.is_rgb


def _time_base(rate: Fraction) -> Fraction:
    """Return a clock that is exact for every frame of a constant rate, and to about 1/90,000 s for others."""
    return Fraction(1, rate.numerator * max(1, 90_000 // rate.numerator))


def _count(container: "InputContainer", stream: "VideoStream", rate: Fraction) -> int | None:
    if stream.frames:
        return stream.frames
    return round(container.duration * rate / 1_000_000) if container.duration else None


def _rate(stream: "VideoStream") -> Fraction:
    """Return the frames per second; 25 if a damaged file or a still picture has no plausible rate."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    return rate if _SLOWEST <= rate <= _FASTEST else Fraction(25)


def _form(frame: "av.VideoFrame") -> str:
    """Describe the size and depth of a frame, which must not change within a stream."""
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
