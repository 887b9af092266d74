"""The sound of one media file in another: copied if it fits, else encoded anew, else left out with a warning.

Damaged sound never stops the pictures.
"""

import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdrfuse.images.video.containers import open_container, origin, pyav

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

Warn = Callable[[str], object]
"""Shows a message to the user, such as `warnings.warn`."""

_ENCODERS = {"webm": "libopus"}
"""Format → its encoder of sound; ``aac`` for all other formats."""


class Sound:
    """Carries the sound of a file into another file, packet by packet as the pictures advance.

    It opens the file a second time, so that sound and pictures never wait for each other.

    Args:
        path: The file; None for no sound.
        target: The container to write into.
        warn: Called once for each stream that cannot be copied as it is.
    """

    def __init__(self, path: Path | None, target: "OutputContainer", warn: Warn) -> None:
        self.path = path
        self.target = target
        self.warn = warn
        self.packets: Iterator[tuple[Fraction, Any]] = iter(())
        self.pending: tuple[Fraction, Any] | None = None

    def __enter__(self) -> Callable[[Fraction], None]:
        if self.path is not None:
            self.container = open_container(self.path)
            carriers = {sound.index: self._carrier(sound) for sound in self.container.streams.audio}
            self.packets = self._carried({index: carrier for index, carrier in carriers.items() if carrier})
        self.pending = self._next()
        return self._until

    def __exit__(self, *_: object) -> None:
        if self.path is not None:
            self.container.close()

    def _carrier(self, sound: "AudioStream") -> "_Copy | _Encoding | None":
        """Choose how to carry a stream into the target, by trial: write the head of such a file into memory."""
        name = sound.codec_context.name if sound.codec_context else "of an unknown kind"
        kind = self.target.format.name
        if _possible(kind, lambda trial: _Copy(sound, trial)):
            return _Copy(sound, self.target)
        encoder = _ENCODERS.get(kind, "aac")
        if _possible(kind, lambda trial: _Encoding(sound, trial, encoder)):
            self.warn(f"{self.path}: its sound ({name}) does not fit into such a file and is encoded anew ({encoder})")
            return _Encoding(sound, self.target, encoder)
        self.warn(f"{self.path}: its sound ({name}) cannot be read or does not fit into such a file; it is left out")
        return None

    def _carried(self, carriers: "dict[int, _Copy | _Encoding]") -> Iterator[tuple[Fraction, Any]]:
        """Yield packets for the target, each with its time since the file's beginning."""
        begin = origin(self.container)
        streams = [stream for stream in self.container.streams.audio if stream.index in carriers]
        if not streams:  # an empty list would make PyAV demux all streams of the file
            return
        for packet in self.container.demux(streams):
            yield from carriers[packet.stream.index](packet, begin)

    def _next(self) -> tuple[Fraction, Any] | None:
        try:
            return next(self.packets, None)
        except Exception as error:  # damaged sound is no reason to lose the pictures
            self._end(error)
            return None

    def _until(self, time: Fraction) -> None:
        while self.pending is not None and self.pending[0] < time:
            try:
                self.target.mux_one(self.pending[1])
            except pyav().FFmpegError as error:
                if isinstance(error, OSError):  # a full or missing disk
                    raise
                self._end(error)
            self.pending = self._next()

    def _end(self, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        reached = f" at {float(self.pending[0]):.1f} s" if self.pending else ""
        self.warn(f"{self.path}: its sound is damaged ({reason}); it ends{reached}")
        self.packets = iter(())


class _Copy:
    """Copies packets as they are."""

    def __init__(self, sound: "AudioStream", target: "OutputContainer") -> None:
        self.stream = target.add_stream_from_template(sound)

    def __call__(self, packet: Any, begin: Fraction) -> Iterator[tuple[Fraction, Any]]:  # noqa: ANN401
        if packet.dts is None or packet.pts is None:  # the empty packet at the end
            return
        time = packet.dts * packet.time_base - begin
        shift = round(begin / packet.time_base)
        packet.dts, packet.pts = packet.dts - shift, packet.pts - shift
        packet.stream = self.stream
        yield time, packet


class _Encoding:
    """Decodes packets and encodes them anew."""

    def __init__(self, sound: "AudioStream", target: "OutputContainer", encoder: str) -> None:
        rates = pyav().Codec(encoder, "w").audio_rates
        rate = sound.rate if sound.rate in rates else 48000
        # Some files only count their channels, which no encoder accepts; "2c" is the usual layout of two channels.
        layout = f"{sound.layout.nb_channels}c" if "channels" in sound.layout.name else sound.layout.name
        self.stream: Any = target.add_stream(encoder, rate=rate, layout=layout)
        self.resampler: Any = None

    def __call__(self, packet: Any, begin: Fraction) -> Iterator[tuple[Fraction, Any]]:  # noqa: ANN401
        frames = packet.decode()
        for frame in frames:
            frame.pts = None if frame.pts is None else frame.pts - round(begin / frame.time_base)
            yield from self._encoded(frame)
        if packet.dts is None and self.resampler:  # the empty packet at the end
            yield from self._encoded(None)
            yield from self._timed(self.stream.encode(None))

    def _encoded(self, frame: Any) -> Iterator[tuple[Fraction, Any]]:  # noqa: ANN401
        if self.resampler is None:  # only now: the encoder knows its frame size after the file's head is written
            context = self.stream.codec_context
            self.resampler = pyav().AudioResampler(
                context.format, context.layout, context.rate, frame_size=context.frame_size or None
            )
        for resampled in self.resampler.resample(frame):
            yield from self._timed(self.stream.encode(resampled))

    def _timed(self, packets: Any) -> Iterator[tuple[Fraction, Any]]:  # noqa: ANN401
        for packet in packets:
            yield (packet.dts or 0) * packet.time_base, packet


def _possible(kind: str, add: Callable[["OutputContainer"], object]) -> bool:
    """Return whether a file of this format can hold what ``add`` adds; FFmpeg's own table of codecs is not enough."""
    try:
        with pyav().open(io.BytesIO(), "w", format=kind) as trial:
            add(trial)
            trial.start_encoding()
    except Exception:  # whatever the reason, it does not work
        return False
    return True
