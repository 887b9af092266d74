"""The sound of one media file in another: copied where it fits, else encoded anew, else left out with a note.

Whatever is wrong with the sound, the pictures go on.
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
"""Tells the user what is not as expected, and goes on."""

_ENCODERS = {"webm": "libopus"}
"""Format → what to encode its sound with; ``aac`` in all others."""


class Sound:
    """Carries the sound of a file into another file, as time goes on.

    It is a second look at the file, so that sound and pictures never wait for each other.

    Args:
        path: The file; None for no sound.
        target: Where to.
        warn: Told, once for each stream, what cannot be copied as it is.
    """

    def __init__(self, path: Path | None, target: "OutputContainer", warn: Warn) -> None:
        self.path, self.target, self.warn = path, target, warn
        self.packets: Iterator[tuple[Fraction, Any]] = iter(())
        self.waiting: tuple[Fraction, Any] | None = None

    def __enter__(self) -> Callable[[Fraction], None]:
        if self.path is not None:
            self.container = open_container(self.path)
            carriers = {sound.index: self._carrier(sound) for sound in self.container.streams.audio}
            self.packets = self._carried({index: made for index, made in carriers.items() if made})
        self.waiting = self._next()
        return self._until

    def __exit__(self, *_: object) -> None:
        if self.path is not None:
            self.container.close()

    def _carrier(self, sound: "AudioStream") -> "_Copy | _Encoding | None":
        """Choose how a stream gets into the target, by writing the head of such a file into memory first."""
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
        """Give packets for the target with their times since the file's beginning."""
        begin = origin(self.container)
        streams = [stream for stream in self.container.streams.audio if stream.index in carriers]
        if not streams:  # demuxing none of them would mean all streams of the file
            return
        for packet in self.container.demux(streams):
            yield from carriers[packet.stream.index](packet, begin)

    def _next(self) -> tuple[Fraction, Any] | None:
        try:
            return next(self.packets, None)
        except Exception as error:  # damage to the sound is no reason to lose the pictures
            self._end(error)
            return None

    def _until(self, time: Fraction) -> None:
        while self.waiting is not None and self.waiting[0] < time:
            try:
                self.target.mux_one(self.waiting[1])
            except pyav().FFmpegError as error:
                if isinstance(error, OSError):  # a full or missing disk
                    raise
                self._end(error)
            self.waiting = self._next()

    def _end(self, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        reached = f" at {float(self.waiting[0]):.1f} s" if self.waiting else ""
        self.warn(f"{self.path}: its sound is damaged ({reason}); it ends{reached}")
        self.packets = iter(())


class _Copy:
    """Passes packets on as they are."""

    def __init__(self, sound: "AudioStream", target: "OutputContainer") -> None:
        self.stream = target.add_stream_from_template(sound)

    def __call__(self, packet: Any, begin: Fraction) -> Iterator[tuple[Fraction, Any]]:  # noqa: ANN401
        if packet.dts is None or packet.pts is None:  # the empty one at the end
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
        # "2c" is the usual layout of two channels: some files only count theirs, which no encoder takes
        layout = f"{sound.layout.nb_channels}c" if "channels" in sound.layout.name else sound.layout.name
        self.stream: Any = target.add_stream(encoder, rate=rate, layout=layout)
        self.resampler: Any = None

    def __call__(self, packet: Any, begin: Fraction) -> Iterator[tuple[Fraction, Any]]:  # noqa: ANN401
        frames = packet.decode()
        for frame in frames:
            frame.pts = None if frame.pts is None else frame.pts - round(begin / frame.time_base)
            yield from self._encoded(frame)
        if packet.dts is None and self.resampler:  # the empty one at the end
            yield from self._encoded(None)
            yield from self._timed(self.stream.encode(None))

    def _encoded(self, frame: Any) -> Iterator[tuple[Fraction, Any]]:  # noqa: ANN401
        if self.resampler is None:  # the encoder knows its frames' size only since the file's head was written
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
    """Tell whether a file of such a format can hold what is added to it; FFmpeg's own table of codecs is not enough."""
    try:
        with pyav().open(io.BytesIO(), "w", format=kind) as trial:
            add(trial)
            trial.start_encoding()
    except Exception:  # whatever is wrong with it, it cannot be had
        return False
    return True
