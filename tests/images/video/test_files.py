"""Videos to frames and back: luminance exactly, colour, time, sound, and what is wrong with a file."""

import struct
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdrfuse.errors import InputError, MissingExtraError, OutputError
from mmdrfuse.images.video.files import VideoSource, is_video, writing_video
from mmdrfuse.images.video.frames import Frame, Layout

av = pytest.importorskip("av", reason="needs PyAV, the extra [video]")


def film(path, levels, rate=25, size=(32, 24), pixels="yuv420p", codec="libx264", **settings):
    """Write a lossless video whose frames are of one level each: Y from ``levels``, U 90, V 150."""
    with av.open(str(path), "w") as container:
        options = {"qp": "0"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=Fraction(rate), options=options)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        if "rotation" in settings:
            if not hasattr(type(stream), "set_display_rotation"):
                pytest.skip("needs a PyAV that writes rotations, 18 or later")
            stream.set_display_rotation(settings["rotation"])
        for number, level in enumerate(levels):
            frame = av.VideoFrame(*size, pixels)
            for index, plane in enumerate(frame.planes):
                row = np.full(plane.line_size, (level, 90, 150)[index], np.uint8)
                row[: size[0] // 4] += index == 0  # the left quarter is lighter by 1
                plane.update(np.tile(row, plane.buffer_size // plane.line_size).tobytes())
            frame.pts, frame.time_base = number, 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return VideoSource(path)


def with_sound(path, seconds, codec="aac"):
    """Write two seconds of frames at 10 a second with sound."""
    with av.open(str(path), "w") as container:
        stream, sound = container.add_stream("libx264", rate=10), container.add_stream(codec, rate=48000)
        stream.width, stream.height = 32, 24
        for number in range(20):
            frame = av.VideoFrame(32, 24, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        for number in range(seconds * 48000 // 1024):
            wave = np.sin(np.arange(1024, dtype=np.float32) / 20)[None]
            samples = wave if codec == "aac" else (wave * 9000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples, "fltp" if codec == "aac" else "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 48000, number * 1024, Fraction(1, 48000)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())


def test_limited_range_is_expanded_and_the_chroma_unchanged(tmp_path):
    source = film(tmp_path / "film.mp4", [16, 125, 234])
    layout, frames = source.layout, list(source.frames())
    assert (layout.width, layout.height, layout.rate, layout.count) == (32, 24, 25, 3)
    assert [frame.time for frame in frames] == [0, Fraction(1, 25), Fraction(2, 25)]
    # (Y - 16)·255/219, by hand: 0, 126.9, 253.8; the left quarter: 1.2, 128.1, 255
    assert [tuple(frame.luma[0, [-1, 0]]) for frame in frames] == [(0, 1), (127, 128), (254, 255)]
    assert [(plane.shape, plane[0, 0]) for plane in frames[0].chroma] == [((12, 16), 90), ((12, 16), 150)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_written_frames_are_read_with_small_losses(tmp_path, suffix):
    ramp = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    chroma = np.full((24, 32), 100, np.uint8), np.full((24, 32), 140, np.uint8)
    layout = Layout(64, 48, Fraction(30), full_range=False)
    path = tmp_path / f"out{suffix}"
    with writing_video(path, layout, sound=None, comment="made by a test") as write:
        for number in range(6):
            write(Frame(Fraction(number, 30), ramp, chroma))
    source = VideoSource(path)
    frames = list(source.frames())
    assert len(frames) == 6
    assert abs(frames[5].time - Fraction(5, 30)) <= Fraction(1, 1000)  # the clock of .mkv
    np.testing.assert_allclose(frames[5].luma.astype(int), ramp, atol=12)
    assert abs(int(frames[5].chroma[0].mean()) - 100) <= 2
    with av.open(str(path)) as container:
        assert {key.lower(): value for key, value in container.metadata.items()}["comment"] == "made by a test"


def test_webm_is_written_in_vp9(tmp_path):
    with writing_video(tmp_path / "out.webm", Layout(32, 24, Fraction(10)), sound=None, comment="") as write:
        write(Frame(Fraction(0), np.full((24, 32), 200, np.uint8)))
    with av.open(str(tmp_path / "out.webm")) as container:
        assert container.streams.video[0].codec_context.name in ("vp9", "libvpx-vp9")
    assert abs(int(next(VideoSource(tmp_path / "out.webm").frames()).luma.mean()) - 200) <= 2


@pytest.mark.parametrize("full", [True, False])
def test_range_and_colour_tags_are_kept(tmp_path, full):
    layout = Layout(32, 24, Fraction(10), full_range=full, tags=(1, 1, 1), aspect=Fraction(4, 3))
    with writing_video(tmp_path / "out.mp4", layout, sound=None, comment="") as write:
        write(Frame(Fraction(0), np.full((24, 32), 255, np.uint8)))
    found = VideoSource(tmp_path / "out.mp4").layout
    assert (found.full_range, found.tags, found.aspect) == (full, (1, 1, 1), Fraction(4, 3))
    assert next(VideoSource(tmp_path / "out.mp4").frames()).luma.min() >= 253


def test_odd_sizes_are_kept(tmp_path):
    ramp = np.tile(np.arange(33, dtype=np.uint8) * 5, (25, 1))
    with writing_video(tmp_path / "out.mp4", Layout(33, 25, Fraction(10)), sound=None, comment="") as write:
        write(Frame(Fraction(0), ramp))
    frame = next(VideoSource(tmp_path / "out.mp4").frames())
    assert frame.luma.shape == (25, 33)
    assert [plane.shape for plane in frame.chroma] == [(13, 17)] * 2
    np.testing.assert_allclose(frame.luma.astype(int), ramp, atol=8)


def test_a_rotation_is_applied_as_players_do(tmp_path):
    source = film(tmp_path / "film.mp4", [100], rotation=90)
    assert (source.layout.width, source.layout.height) == (24, 32)
    frame = next(source.frames())
    # Counterclockwise: what was left comes to lie at the bottom.
    assert frame.luma[-1, 0] > frame.luma[0, 0]
    assert frame.chroma[0].shape == (16, 12)


def asked(path, matrix):
    """Write a video whose track's header asks its player for a matrix: a, b, c, d of ISO/IEC 14496-12, 8.3.2."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        y, x = np.mgrid[:36, :32]
        frame = av.VideoFrame.from_ndarray((16 + 2 * x + 5 * y % 150).astype(np.uint8), "yuv420p")
        container.mux([*stream.encode(frame), *stream.encode()])
    content = bytearray(path.read_bytes())
    at = content.find(b"tkhd") + 44
    a, b, c, d = (round(value * 65536) for value in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return VideoSource(path)


@pytest.mark.parametrize(
    "matrix",
    [(1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1),
     (0, 1, 1, 0), (0, 1, -1, 0), (0, -1, 1, 0), (0, -1, -1, 0)],
)  # fmt: skip
def test_every_pixel_moves_as_the_matrix_says(tmp_path, matrix):
    a, b, c, d = matrix
    stored = next(asked(tmp_path / "plain.mp4", (1, 0, 0, 1)).frames())
    source = asked(tmp_path / "film.mp4", matrix)
    shown = next(source.frames())
    assert shown.luma.shape == (source.layout.height, source.layout.width)
    for before, after in ((stored.luma, shown.luma), *zip(stored.chroma, shown.chroma, strict=True)):
        y, x = np.indices(before.shape)
        column, row = a * x + c * y, b * x + d * y
        expected = np.zeros_like(after)
        expected[row - row.min(), column - column.min()] = before
        np.testing.assert_array_equal(after, expected)


def test_the_matrix_may_stretch_or_be_empty(tmp_path):
    assert asked(tmp_path / "film.mp4", (2, 0, 0, 1)).layout.width == 32
    assert asked(tmp_path / "film.mp4", (0, 0, 0, 0)).layout.width == 32


@pytest.mark.parametrize(
    ("matrix", "angle"), [((0.7071, 0.7071, -0.7071, 0.7071), 45), ((0.97, -0.26, 0.26, 0.97), -15)]
)
def test_other_angles_are_refused(tmp_path, matrix, angle):
    source = asked(tmp_path / "film.mp4", matrix)
    with pytest.raises(InputError, match=rf"film\.mp4: .* {angle} degrees"):
        source.layout  # noqa: B018
    with pytest.raises(InputError, match=rf"film\.mp4: .* {angle} degrees"):
        list(source.frames())


@pytest.mark.parametrize(
    "name", ["2024-01-01T12:00:00.mp4", "http:x.mp4", "100%d%%.mp4", "-i.mp4", "é ü.mp4", "file:a.mp4"]
)
def test_names_with_colons_are_files_not_protocols(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with writing_video(Path(name), Layout(32, 24, Fraction(10)), sound=None, comment="") as write:
        write(Frame(Fraction(0), np.full((24, 32), 200, np.uint8)))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert len(list(VideoSource(Path(name)).frames())) == 1


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp", "tiff", "webp"])
def test_a_picture_with_the_ending_of_a_video_is_an_error(tmp_path, kind):
    Image.new("RGB", (64, 48)).save(tmp_path / "film.mp4", kind)
    with pytest.raises(InputError, match=r"film\.mp4: a picture"):
        VideoSource(tmp_path / "film.mp4").layout  # noqa: B018


def test_frames_that_change_their_size_are_an_error(tmp_path):
    film(tmp_path / "a.ts", [100] * 3, codec="mpeg2video")
    film(tmp_path / "b.ts", [100] * 3, codec="mpeg2video", size=(64, 48))
    (tmp_path / "film.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    with pytest.raises(InputError, match=r"film\.ts: changes from 32x24 .* to 64x48 .* s; cut it there"):
        list(VideoSource(tmp_path / "film.ts").frames())


@pytest.mark.parametrize("stamps", [[0, 1, 5, 6], [0, 10, 12, 40]])
def test_frames_keep_the_times_of_a_varying_rate(tmp_path, stamps):
    with av.open(str(tmp_path / "film.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "gray"
        for stamp in stamps:
            frame = av.VideoFrame.from_ndarray(np.full((24, 32), stamp, np.uint8), "gray")
            frame.pts, frame.time_base = stamp, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    frames = list(VideoSource(tmp_path / "film.mkv").frames())
    assert [frame.time * 10 for frame in frames] == stamps
    assert [frame.luma[0, 0] for frame in frames] == stamps


def test_frames_without_a_valid_clock_follow_at_the_rate(tmp_path, monkeypatch):
    source = film(tmp_path / "film.mp4", [100] * 4)
    clock = iter([Fraction(3), Fraction(3), Fraction(1), Fraction(9)])
    monkeypatch.setattr("mmdrfuse.images.video.files._seconds", lambda _: next(clock))
    assert [frame.time for frame in source.frames()] == [0, Fraction(1, 25), Fraction(2, 25), 6]


def test_a_video_without_frames_is_an_error(tmp_path):
    with av.open(str(tmp_path / "film.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height = 32, 24
        container.start_encoding()
    with pytest.raises(InputError, match=r"film\.mkv: "):
        VideoSource(tmp_path / "film.mkv").layout  # noqa: B018


@pytest.mark.parametrize(("pixels", "codec"), [("yuv444p", "libx264"), ("yuv420p10le", "ffv1"), ("yuv422p", "ffv1")])
def test_other_layouts_of_the_planes_become_the_usual_one(tmp_path, pixels, codec):
    levels = [100] if pixels != "yuv420p10le" else []
    path = tmp_path / "film.mkv"
    if levels:
        film(path, levels, pixels=pixels, codec=codec)
    else:
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 32, 24, pixels
            frame = av.VideoFrame(32, 24, pixels)
            for level, plane in zip((400, 360, 600), frame.planes, strict=True):
                plane.update(np.full(plane.buffer_size // 2, level, np.uint16).tobytes())
            container.mux([*stream.encode(frame), *stream.encode()])
    frame = next(VideoSource(path).frames())
    assert frame.luma[0, -1] == 98  # (100 - 16)·255/219 = 97.8
    assert [plane[0, 0] for plane in frame.chroma] == [90, 150]


def test_deep_gray_keeps_its_depth(tmp_path):
    with av.open(str(tmp_path / "film.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "gray16le"
        image = np.arange(32 * 24, dtype=np.uint16).reshape(24, 32) * 70
        frame = av.VideoFrame.from_ndarray(image, "gray16le")
        container.mux([*stream.encode(frame), *stream.encode()])
    source = VideoSource(tmp_path / "film.mkv")
    assert source.layout.depth == 16
    np.testing.assert_array_equal(next(source.frames()).luma, image)


def test_rgb_is_converted_by_bt709(tmp_path):
    with av.open(str(tmp_path / "film.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "bgr0"
        frame = av.VideoFrame.from_ndarray(np.full((24, 32, 3), (200, 50, 100), np.uint8), "rgb24").reformat(
            format="bgr0"
        )
        container.mux([*stream.encode(frame), *stream.encode()])
    source = VideoSource(tmp_path / "film.mkv")
    # 0.2126·200 + 0.7152·50 + 0.0722·100 = 85.5
    assert abs(int(next(source.frames()).luma[0, 0]) - 85) <= 2
    assert source.layout.tags[2] == 1


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sound_is_copied_up_to_the_last_frame(tmp_path, suffix):
    with_sound(tmp_path / "film.mp4", 2)
    path = tmp_path / f"out{suffix}"
    with writing_video(path, Layout(32, 24, Fraction(10)), sound=tmp_path / "film.mp4", comment="") as write:
        for number in range(10):
            write(Frame(Fraction(number, 10), np.zeros((24, 32), np.uint8)))

    def packets(name):
        with av.open(str(name)) as container:
            return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]

    kept, whole = packets(path), packets(tmp_path / "film.mp4")
    assert kept == whole[: len(kept)]
    assert abs(len(kept) * 1024 / 48000 - 1) <= 2 * 1024 / 48000


def phone(path, codec, rate=8000):
    """Write a second of frames with a tone of 400 Hz in a codec of telephones, cameras and recorders."""
    with av.open(str(path), "w") as container:
        stream, sound = container.add_stream("mpeg4", rate=10), container.add_stream(codec, rate=rate, layout="mono")
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        container.start_encoding()
        resampler = av.AudioResampler(sound.codec_context.format, "mono", rate)
        for number in range(10):
            frame = av.VideoFrame(32, 24, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
            samples = np.sin(2 * np.pi * 400 * np.arange(number * rate // 10, (number + 1) * rate // 10) / rate) * 16000
            heard = av.AudioFrame.from_ndarray(samples.astype(np.int16)[None], "s16", "mono")
            heard.sample_rate, heard.pts, heard.time_base = rate, number * rate // 10, Fraction(1, rate)
            for part in resampler.resample(heard):
                container.mux(sound.encode(part))
        container.mux([*sound.encode(), *stream.encode()])


def carried(out, source, warn):
    with writing_video(out, Layout(32, 24, Fraction(10)), sound=source, comment="", warn=warn) as write:
        for number in range(10):
            write(Frame(Fraction(number, 10), np.zeros((24, 32), np.uint8)))


@pytest.mark.parametrize(
    ("source", "codec", "out", "expected"),
    [
        ("a.mov", "pcm_alaw", ".mp4", "aac"),
        ("a.mov", "pcm_mulaw", ".mkv", "aac"),
        ("a.mov", "pcm_mulaw", ".m4v", "aac"),
        ("a.mov", "pcm_alaw", ".mov", "pcm_alaw"),
        ("a.mov", "pcm_u8", ".mp4", "aac"),
        ("a.avi", "pcm_s16le", ".mkv", "pcm_s16le"),
        ("a.avi", "adpcm_ima_wav", ".mp4", "aac"),
        ("a.avi", "pcm_s16le", ".webm", "opus"),
        ("a.mkv", "flac", ".mov", "aac"),
    ],
)
def test_sound_is_heard_whatever_its_codec(tmp_path, source, codec, out, expected):
    phone(tmp_path / source, codec)
    notes = []
    carried(tmp_path / f"out{out}", tmp_path / source, notes.append)
    with av.open(str(tmp_path / f"out{out}")) as container:
        heard = container.streams.audio[0]
        assert heard.codec_context.codec.canonical_name == expected
        assert [codec in note and source in note for note in notes] == [True] * (expected != codec)
        resampler = av.AudioResampler("flt", "mono", 8000)
        frames = [part for frame in container.decode(heard) for part in resampler.resample(frame)]
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    assert 0.85 <= len(samples) / 8000 <= 1.1
    spectrum = np.abs(np.fft.rfft(samples[2000:6000]))
    assert spectrum.argmax() == 200  # 400 Hz, in steps of 2
    assert abs(np.sqrt((samples[2000:6000] ** 2).mean()) - 16000 / 32768 / 2**0.5) < 0.05


def test_unreadable_sound_is_left_out_with_one_warning(tmp_path, monkeypatch):
    phone(tmp_path / "film.mov", "pcm_alaw")
    monkeypatch.setattr("mmdrfuse.images.video.sound._possible", lambda *_: False)
    notes = []
    carried(tmp_path / "out.mp4", tmp_path / "film.mov", notes.append)
    assert len(notes) == 1
    assert "film.mov" in notes[0]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert (len(container.streams.audio), sum(1 for _ in container.decode(video=0))) == (0, 10)


def test_damaged_sound_ends_with_one_warning_and_the_pictures_go_on(tmp_path, monkeypatch):
    def damaged(*_):
        raise av.InvalidDataError(1094995529, "Invalid data found")
        yield

    phone(tmp_path / "film.mov", "pcm_alaw")
    monkeypatch.setattr("mmdrfuse.images.video.sound._Copy.__call__", damaged)
    notes = []
    carried(tmp_path / "out.mov", tmp_path / "film.mov", notes.append)
    assert len(notes) == 1
    assert "film.mov" in notes[0]
    assert len(list(VideoSource(tmp_path / "out.mov").frames())) == 10


def test_other_endings_are_not_written(tmp_path):
    with (
        pytest.raises(OutputError, match=r"out\.wmv: cannot write such a video; use one of \.m4v, \.mkv"),
        writing_video(tmp_path / "out.wmv", Layout(32, 24, Fraction(10)), sound=None, comment=""),
    ):
        pass


def test_files_that_are_no_videos_are_named(tmp_path):
    (tmp_path / "text.mp4").write_text("no video at all")
    with pytest.raises(InputError, match=r"text\.mp4: cannot be read as a video"):
        VideoSource(tmp_path / "text.mp4").layout  # noqa: B018
    with pytest.raises(InputError, match=r"missing\.mp4: cannot be read as a video"):
        list(VideoSource(tmp_path / "missing.mp4").frames())
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        sound = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        container.mux([*sound.encode(frame), *sound.encode()])
    with pytest.raises(InputError, match=r"sound\.mp4: holds no video stream"):
        VideoSource(tmp_path / "sound.mp4").layout  # noqa: B018


def test_a_truncated_video_is_named(tmp_path):
    film(tmp_path / "film.mp4", [100] * 5)
    content = (tmp_path / "film.mp4").read_bytes()
    (tmp_path / "film.mp4").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"film\.mp4: "):
        VideoSource(tmp_path / "film.mp4").layout  # noqa: B018


def test_without_pyav_the_extra_is_named_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"fusing videos needs av: pip install av  \(the extra \[video\]"):
        VideoSource(tmp_path / "film.mp4").layout  # noqa: B018


@pytest.mark.parametrize(("name", "expected"), [("a.MP4", True), ("a.mkv", True), ("a.png", False), (".a.mp4", False)])
def test_videos_are_recognised_by_their_names(tmp_path, name, expected):
    assert is_video(tmp_path / name) == expected
