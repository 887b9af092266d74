"""Media files through PyAV (the extra ``video``): opening them, and copying their sound.

PyAV, https://pyav.basswood-io.com.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdrfuse.errors import InputError, MissingExtraError, OutputError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer


def pyav() -> Any:  # noqa: ANN401
    """Import PyAV where it is needed: an extra, and slow to load.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("av", "video", "fusing videos") from error
    return av


def open_container(path: Path) -> "InputContainer":
    """Open a file to read.

    Raises:
        InputError: It is missing, or of no kind that FFmpeg knows.
        MissingExtraError: PyAV is not installed.
    """
    av = pyav()
    try:
        container: InputContainer = av.open(str(path))
    except av.FFmpegError as error:
        raise InputError(f"{path}: cannot be read as a video ({error.strerror})") from error
    return container


def origin(container: "InputContainer") -> Fraction:
    """Give the time at which a file begins, in seconds."""
    return Fraction(container.start_time or 0, 1_000_000)


class Sound:
    """Copies the packets of a file's sound into another file, as time goes on.

    The copy is a second look at the file, so that sound and pictures never wait for each other.
    """

    def __init__(self, path: Path | None, target: "OutputContainer") -> None:
        self.path, self.target = path, target
        self.packets: Iterator[tuple[Fraction, Any]] = iter(())
        self.waiting: tuple[Fraction, Any] | None = None

    def __enter__(self) -> Any:  # noqa: ANN401
        if self.path is not None:
            self.container = open_container(self.path)
            if self.container.streams.audio:
                self.packets = self._demuxed(
                    {sound.index: self._copied(sound) for sound in self.container.streams.audio}
                )
        self.waiting = next(self.packets, None)
        return self._until

    def __exit__(self, *_: object) -> None:
        if self.path is not None:
            self.container.close()

    def _copied(self, sound: "AudioStream") -> "AudioStream":
        if sound.codec_context.codec.canonical_name not in self.target.supported_codecs:
            raise OutputError(
                f"{self.path}: its sound ({sound.codec_context.name}) does not fit into "
                f"{Path(self.target.name).suffix} files; write .mkv, which holds any sound"
            )
        return self.target.add_stream_from_template(sound)

    def _demuxed(self, copies: "dict[int, AudioStream]") -> Iterator[tuple[Fraction, Any]]:
        begin = origin(self.container)
        for packet in self.container.demux(*self.container.streams.audio):
            if packet.dts is None or packet.pts is None:  # the empty one at the end
                continue
            time = packet.dts * packet.time_base - begin
            shift = round(begin / packet.time_base)
            packet.dts, packet.pts = packet.dts - shift, packet.pts - shift
            packet.stream = copies[packet.stream.index]
            yield time, packet

    def _until(self, time: Fraction) -> None:
        while self.waiting is not None and self.waiting[0] < time:
            self.target.mux_one(self.waiting[1])
            self.waiting = next(self.packets, None)
