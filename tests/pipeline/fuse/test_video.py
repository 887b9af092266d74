"""Sequences: aligned in time, fused like pictures, one range for all, whole or not at all."""

import io
import os
import sys
import threading
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdrfuse import models
from mmdrfuse.engine import make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import ChoiceError, InputError, OutputError, SizeError
from mmdrfuse.images import Levels
from mmdrfuse.images.video.frames import PIPE, Frame, Layout, RawFormat, RawSource
from mmdrfuse.pair import Preparation
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.fuse.nearest import nearest
from mmdrfuse.pipeline.fuse.video import fuse_sequences

FORMAT = RawFormat(20, 12, Fraction(10))


@dataclass
class FramesInMemory:
    """Frames in memory."""

    luma: list
    rate: Fraction = Fraction(10)
    chroma: tuple | None = None
    depth: int = 8
    path: Path = Path("frames")
    repeatable: bool = True

    @property
    def layout(self):
        height, width = self.luma[0].shape
        return Layout(width, height, self.rate, len(self.luma), self.depth)

    def frames(self):
        for number, luma in enumerate(self.luma):
            yield Frame(number / self.rate, luma, self.chroma)


@pytest.fixture(scope="module")
def choices():
    return Choices(Fuser(make(models.read("ivif"))), models.read("ivif"))


def ranged(choices, **changes):
    """Change the fuser's part of the choices."""
    return replace(choices, fuser=replace(choices.fuser, **changes))


def noise(rng, count, shape=(12, 20), top=255, dtype=np.uint8):
    return [rng.integers(0, top, shape).astype(dtype) for _ in range(count)]


def fused(choices, infrared, visible, folder):
    """Fuse to raw frames and return them."""
    out = folder / "out.gray"
    expected = list(fuse_sequences(choices, infrared, visible, out, overwrite=True))
    assert set(expected) <= {visible.layout.count}
    data = np.frombuffer(out.read_bytes(), np.uint8)
    return data.reshape(len(expected), -1, 20)


def times(*seconds):
    return [Frame(Fraction(second), np.zeros((2, 2), np.uint8)) for second in seconds]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60), st.integers(1, 60))
def test_partners_are_the_nearest_of_all(infrared_rate, visible_rate, infrared_count, visible_count):
    infrared = times(*(Fraction(number, infrared_rate) for number in range(infrared_count)))
    visible = times(*(Fraction(number, visible_rate) for number in range(visible_count)))
    pairs = list(nearest(infrared, visible))
    for partner, frame in pairs:
        distances = [abs(other.time - frame.time) for other in infrared]
        assert partner.time == infrared[int(np.argmin(distances))].time
    end = Fraction(infrared_count, infrared_rate) if infrared_count > 1 else Fraction(0)
    expected = [frame for frame in visible if frame.time < end or frame.time == 0]
    assert [frame for _, frame in pairs] == expected


@pytest.mark.parametrize(
    ("infrared", "visible", "partners"),
    [
        ((0, 1, 2), (0, "1/2", 1, "3/2", 2), (0, 0, 1, 1, 2)),  # as near: the earlier
        ((0, "1/10", 5), (0, 1, 4, 5), (0, "1/10", 5, 5)),  # gaps
        ((0, 1, 2), (0, 5, 9), (0,)),  # the infrared ends at 3
        ((), (0, 1), ()),
    ],
)
def test_partners_by_hand(infrared, visible, partners):
    assert [frame.time for frame, _ in nearest(times(*infrared), times(*visible))] == list(map(Fraction, partners))


def test_every_frame_is_fused_as_a_picture_is(choices, rng, tmp_path):
    infrared, visible = noise(rng, 3), noise(rng, 3)
    result = fused(choices, FramesInMemory(infrared), FramesInMemory(visible), tmp_path)
    fuser = choices.fuser
    np.testing.assert_array_equal(result, [fuser(*pair).image for pair in zip(infrared, visible, strict=True)])


@pytest.mark.parametrize("policy", ["minmax", "percentile"])
def test_one_range_holds_for_the_whole_sequence(choices, rng, tmp_path, policy):
    still = noise(rng, 1)[0]
    dark, bright = still // 4, still // 2 + 100
    frames = [still, dark, still, bright, still]
    result = fused(ranged(choices, range=policy), FramesInMemory(frames), FramesInMemory(frames), tmp_path)
    np.testing.assert_array_equal(result[0], result[2])  # whatever stands between
    np.testing.assert_array_equal(result[0], result[4])
    outputs = np.stack([choices.fuser.output(luma, luma) for luma in frames])
    ends = (0, 100) if policy == "minmax" else (1, 99)
    low, high = np.percentile(outputs, ends, method="inverted_cdf")
    expected = np.clip((outputs - low) / (high - low) * 255, 0, 255)
    np.testing.assert_allclose(result, expected, atol=0.52)


def test_deep_infrared_gets_one_range_from_the_whole_sequence(rng, tmp_path):
    deep = noise(rng, 4, top=4000, dtype=np.uint16)
    deep = [luma + 7000 for luma in deep]
    black = [np.zeros((12, 20), np.uint8)] * 4
    choices = Choices(Fuser(BASELINES["max"]), models.read("ivif"), Levels.parse("p0..p100"))
    result = fused(choices, FramesInMemory(deep, depth=16), FramesInMemory(black), tmp_path)
    low, high = np.min(deep), np.max(deep)
    np.testing.assert_allclose(result, (np.array(deep) - low) / (high - low) * 255, atol=0.51)
    fixed_range = replace(choices, infrared_range=Levels.parse("7000..9000"))
    fixed = fused(fixed_range, FramesInMemory(deep, depth=16), FramesInMemory(black), tmp_path)
    np.testing.assert_allclose(fixed, np.clip((np.array(deep) - 7000.0) / 2000, 0, 1) * 255, atol=0.51)


def test_sizes_that_differ_are_explained_and_follow_the_policy(choices, rng, tmp_path):
    large, small = FramesInMemory(noise(rng, 2, (24, 40))), FramesInMemory(noise(rng, 2))
    with pytest.raises(SizeError, match=r"frames \+ frames: infrared is 40x24 and visible 20x12 pixels"):
        fused(choices, large, small, tmp_path)
    fitting = replace(choices, preparation=Preparation("fit-ir"))
    assert fused(fitting, large, small, tmp_path).shape == (2, 12, 20)
    cutting = replace(choices, preparation=Preparation("crop-common"))
    result = fused(cutting, large, small, tmp_path)
    expected = choices.fuser(large.luma[0][6:18, 10:30], small.luma[0]).image
    np.testing.assert_array_equal(result[0], expected)


def test_a_matrix_brings_the_infrared_onto_the_visible(choices, rng, tmp_path):
    infrared, visible = noise(rng, 1), [np.zeros((12, 20), np.uint8)]
    shift = (1.0, 0, 3, 0, 1, 0, 0, 0, 1)
    result = fused(
        replace(ranged(choices, engine=BASELINES["max"]), preparation=Preparation(transform=shift, outside="black")),
        FramesInMemory(infrared),
        FramesInMemory(visible),
        tmp_path,
    )
    np.testing.assert_array_equal(result[0][:, 3:], infrared[0][:, :-3])


def test_pipes_are_fused_as_they_come(choices, rng, tmp_path):
    infrared, visible = noise(rng, 30), noise(rng, 30)
    os.mkfifo(tmp_path / "pipe")
    feeding = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(np.stack(infrared).tobytes(),))
    feeding.start()
    result = fused(choices, RawSource(tmp_path / "pipe", FORMAT), FramesInMemory(visible), tmp_path)
    feeding.join()
    fuser = choices.fuser
    np.testing.assert_array_equal(result[29], fuser(infrared[29], visible[29]).image)


def test_standard_output_gets_bare_frames(choices, rng, tmp_path, monkeypatch):
    frames = noise(rng, 3)
    (tmp_path / "video.gray").write_bytes(np.stack(frames).tobytes())
    received = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", received)
    source = RawSource(tmp_path / "video.gray", FORMAT)
    assert len(list(fuse_sequences(choices, source, source, PIPE))) == 3
    assert received.buffer.getvalue()[: 12 * 20] == choices.fuser(frames[0], frames[0]).image.tobytes()


def test_choices_that_need_a_second_reading_refuse_a_pipe(choices, rng, tmp_path):
    once = FramesInMemory(noise(rng, 2), repeatable=False, path=PIPE)
    for requested in (ranged(choices, range="percentile"), replace(choices, infrared_range=Levels.parse("p1..p99"))):
        with pytest.raises(ChoiceError, match=r"-: .* a pipe can be read once only; give numbers instead, or files"):
            fused(requested, once, once, tmp_path)


def test_a_failure_or_an_interruption_leaves_nothing(choices, rng, tmp_path):
    (tmp_path / "video.gray").write_bytes(np.stack(noise(rng, 50)).tobytes() + b"half")
    broken = RawSource(tmp_path / "video.gray", FORMAT)
    with pytest.raises(InputError, match="ends within frame 51"):
        list(fuse_sequences(choices, broken, broken, tmp_path / "out.gray"))
    started = fuse_sequences(choices, broken, broken, tmp_path / "out.gray")
    assert len(list(islice(started, 3))) == 3
    started.close()  # as an interruption does
    assert [path.name for path in tmp_path.iterdir()] == ["video.gray"]


def test_sources_and_existing_files_are_not_replaced(choices, rng, tmp_path):
    path = tmp_path / "video.gray"
    path.write_bytes(np.stack(noise(rng, 2)).tobytes())
    source = RawSource(path, FORMAT)
    with pytest.raises(OutputError, match=r"video\.gray: is one of the sources"):
        list(fuse_sequences(choices, source, source, path, overwrite=True))
    (tmp_path / "mine.gray").write_text("keep")
    with pytest.raises(OutputError, match=r"mine\.gray: exists already; .* overwrite"):
        list(fuse_sequences(choices, source, source, tmp_path / "mine.gray"))


def test_videos_keep_colour_sound_and_time(choices, tmp_path):
    av = pytest.importorskip("av", reason="needs PyAV, the extra [video]")
    from mmdrfuse.images.video.files import VideoSource

    for name, rate, count, level in (("ir.mp4", 15, 20, 180), ("vi.mp4", 25, 50, 60)):
        with av.open(str(tmp_path / name), "w") as container:
            stream, sound = container.add_stream("libx264", rate=rate), container.add_stream("aac", rate=48000)
            stream.width, stream.height = 64, 48
            for number in range(count):
                frame = av.VideoFrame(64, 48, "yuv420p")
                for plane, value in zip(frame.planes, (level, 90, 150), strict=True):
                    plane.update(bytes([value]) * plane.buffer_size)
                frame.pts, frame.time_base = number, Fraction(1, rate)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
            for number in range(count * 48000 // rate // 1024):
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                frame.sample_rate, frame.pts = 48000, number * 1024
                container.mux(sound.encode(frame))
            container.mux(sound.encode())
    sides = VideoSource(tmp_path / "ir.mp4"), VideoSource(tmp_path / "vi.mp4")
    written = len(list(fuse_sequences(choices, *sides, tmp_path / "out.mp4")))
    assert written == 34  # 20/15 s at 25 a second
    frames = list(VideoSource(tmp_path / "out.mp4").frames())
    assert [frame.time for frame in frames] == [Fraction(number, 25) for number in range(34)]
    pictures = [next(side.frames()).luma for side in sides]
    expected = choices.fuser(*pictures).image
    np.testing.assert_allclose(frames[10].luma.astype(int), expected, atol=3)
    assert [int(plane.mean()) for plane in frames[10].chroma] == [90, 150]
    with av.open(str(tmp_path / "out.mp4")) as container:
        sound = container.streams.audio[0]
        assert abs(float(sound.duration * sound.time_base) - 34 / 25) < 0.05
        assert f"scenes {choices.checkpoint.sha256[:12]}, range clip (0 to 1)" in container.metadata["comment"]
    gray = list(fuse_sequences(ranged(choices, color="gray"), *sides, tmp_path / "gray.mkv"))
    assert len(gray) == 34
    assert [int(plane.mean()) for plane in next(VideoSource(tmp_path / "gray.mkv").frames()).chroma] == [128, 128]


def test_colour_follows_a_size_that_was_fitted(choices, tmp_path):
    pytest.importorskip("av", reason="needs PyAV, the extra [video]")
    from mmdrfuse.images.video.files import VideoSource

    chroma = np.full((24, 32), 100, np.uint8), np.full((24, 32), 140, np.uint8)
    visible = FramesInMemory([np.full((48, 64), 90, np.uint8)] * 2, chroma=chroma)
    infrared = FramesInMemory([np.full((24, 32), 90, np.uint8)] * 2)
    for policy in ("fit-vis", "crop-common"):
        requested = replace(choices, preparation=Preparation(policy))
        list(fuse_sequences(requested, infrared, visible, tmp_path / f"{policy}.mkv"))
        frame = next(VideoSource(tmp_path / f"{policy}.mkv").frames())
        assert frame.luma.shape == (24, 32)
        assert [round(float(plane.mean())) for plane in frame.chroma] == [100, 140]


def test_an_encoding_error_names_the_file_that_the_user_gave(choices, rng, tmp_path):
    pytest.importorskip("av", reason="needs PyAV, the extra [video]")
    source = FramesInMemory(noise(rng, 1))
    with pytest.raises(OutputError, match=r"/out\.wmv: cannot write such a video"):
        list(fuse_sequences(choices, source, source, tmp_path / "out.wmv"))
