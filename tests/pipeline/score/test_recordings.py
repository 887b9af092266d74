"""Flicker of folders of frames and of videos."""

import math
from fractions import Fraction

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import InputError
from mmdrfuse.images.video.files import writing_video
from mmdrfuse.images.video.frames import Frame, Layout
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline import Fuser
from mmdrfuse.pipeline.fuse.folder import fuse_sources
from mmdrfuse.pipeline.score import evaluate_recordings, evaluate_videos, recordings

COUNT = 12  # frame_9 comes before frame_10


@pytest.fixture
def recording(rng, tmp_path):
    """Pairs of a still scene in which a lamp flashes up in every second frame, in a corner."""
    scene = rng.integers(40, 120, (2, 40, 48)).astype(np.uint8)
    pairs = []
    for number in range(COUNT):
        sides = scene.copy()
        sides[:, :4, :4] = 255 * (number % 2)
        paths = [tmp_path / side / f"frame_{number}.png" for side in ("ir", "vi")]
        for path, side in zip(paths, sides, strict=True):
            images.write(path, side)
        pairs.append(Pair(paths[0].stem, *paths))
    return pairs


def fused(pairs, folder, **options):
    """Write the means of the pairs, in a range."""
    fuser = Fuser(BASELINES["mean"], **options)
    for pair in pairs:
        picture = fuse_sources(fuser, pair, *(images.read(path) for path in (pair.infrared, pair.visible))).image
        images.write(folder / f"{pair.name}.png", picture)
    return folder


def test_minmax_flickers_more_than_clip(recording, tmp_path):
    folders = [fused(recording, tmp_path / name, range=name) for name in ("clip", "minmax")]
    evaluation = evaluate_recordings(folders, recording, baselines=["max"])
    means = {method: row["Flicker"].mean for method, row in evaluation.scores.summarise().items()}
    assert means["minmax"] > 5 > 0.1 > means["clip"] >= means["max"] == 0
    assert evaluation.scores.pictures() == [f"frame_{number}" for number in range(1, COUNT)]


def test_a_frame_that_cannot_be_read_costs_itself_and_its_change(recording, tmp_path):
    folder = fused(recording, tmp_path / "clip", range="clip")
    (folder / "frame_5.png").write_bytes(b"junk")
    evaluation = evaluate_recordings([folder], recording)
    assert [failure.message.count("frame_5.png") for failure in evaluation.failures] == [1]
    assert set(evaluation.scores.pictures()) == {f"frame_{n}" for n in range(1, COUNT)} - {"frame_5", "frame_6"}


@pytest.mark.parametrize("changes", [1, 2, 5, COUNT - 2, pytest.param(3, marks=pytest.mark.slow)])
def test_workers_share_a_recording_and_find_the_same(recording, tmp_path, monkeypatch, changes):
    folder = fused(recording, tmp_path / "minmax", range="minmax")
    (folder / "frame_5.png").write_bytes(b"junk")
    alone = evaluate_recordings([folder], recording, baselines=["max"])
    monkeypatch.setattr(recordings, "CHANGES", changes)
    shared = evaluate_recordings([folder], recording, baselines=["max"], workers=2 if changes == 3 else 1)
    assert shared.document() == alone.document()
    assert len(alone.failures) == 1


def test_a_recording_that_changes_its_size_goes_on_in_the_new_one(recording, tmp_path):
    for pair in recording[2:4]:
        for path in (pair.infrared, pair.visible):
            images.write(path, images.read(path)[:30], overwrite=True)
    evaluation = evaluate_recordings([], recording[:4], baselines=["max"])
    assert evaluation.scores.pictures() == ["frame_1", "frame_3"]
    (failure,) = evaluation.failures
    assert all(word in failure.message for word in ("frame_2", "48x30", "48x40"))


def test_folders_within_a_folder_are_recordings_of_their_own(recording):
    pairs = [Pair(f"{part}/{pair.name}", pair.infrared, pair.visible) for part in "ab" for pair in recording[:3]]
    evaluation = evaluate_recordings([], pairs, baselines=["mean"])
    assert evaluation.scores.pictures() == ["a/frame_1", "a/frame_2", "b/frame_1", "b/frame_2"]


def test_a_single_frame_is_nothing_to_score(recording):
    with pytest.raises(InputError, match="two frames"):
        evaluate_recordings([], recording[:1], baselines=["max"])


def video(path, levels, side=32):
    pytest.importorskip("av")
    layout = Layout(side, side, Fraction(10), full_range=True)
    with writing_video(path, layout, sound=None, comment="") as write:
        for number, level in enumerate(levels):
            write(Frame(Fraction(number, 10), np.full((side, side), level, np.uint8)))
    return path


def test_a_video_is_scored_frame_by_frame(tmp_path):
    infrared, visible = (video(tmp_path / f"{name}.mp4", [100] * 6) for name in ("ir", "vi"))
    still = video(tmp_path / "still.mp4", [100] * 6)
    flashing = video(tmp_path / "flashing.mp4", [100, 120] * 3)
    evaluation = evaluate_videos([still, flashing], infrared, visible)
    rows = evaluation.scores.methods
    assert [len(row) for row in rows.values()] == [5, 5]
    assert {value for row in rows["still.mp4"].values() for value in row.values()} == {0}
    assert evaluation.scores.summarise()["flashing.mp4"]["Flicker"].mean == pytest.approx(20, abs=1)


def test_a_video_that_fails_is_named_and_the_others_are_scored(tmp_path):
    infrared, visible, good = (video(tmp_path / f"{name}.mp4", [100] * 3) for name in ("ir", "vi", "good"))
    small = video(tmp_path / "small.mp4", [100] * 3, side=16)
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"junk" * 99)
    evaluation = evaluate_videos([small, junk, good], infrared, visible)
    assert list(evaluation.scores.methods) == ["good.mp4"]
    first, second = (failure.message for failure in evaluation.failures)
    assert "small.mp4" in first
    assert second.count("junk.mp4") == 1
    assert not math.isnan(evaluation.scores.methods["good.mp4"]["frame 1"]["Flicker"])
