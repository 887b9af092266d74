"""The weights follow from what a whole set or recording shows, and are recorded with the numbers."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import tifffile

import mmdrfuse
from mmdrfuse import images, models
from mmdrfuse.engine import make
from mmdrfuse.errors import WeightsError
from mmdrfuse.images.video.frames import Frame, Layout
from mmdrfuse.pair import Pair, Prepared
from mmdrfuse.pipeline.fuse import folder, manifest
from mmdrfuse.pipeline.fuse.automatic import Automatic, Shares, asked_for, first_weights, recordings, shares_of
from mmdrfuse.pipeline.fuse.blocks import fits_blocks
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import fuse_pairs, settle
from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for
from mmdrfuse.pipeline.fuse.opening import opened
from mmdrfuse.pipeline.fuse.video import VideoPair, settle_video
from mmdrfuse.system.workers import raise_failures

SIZE = (64, 64)


def sides(kind, rng):
    """Make both sides of a pair that shows nothing but its kind."""
    infrared, visible = rng.integers(60, 200, SIZE), rng.integers(60, 200, SIZE)
    if kind == "medical":
        infrared[:32] = visible[:32] = 3
    if kind == "night":
        visible[:24] = 20
    return infrared.astype(np.uint8), visible.astype(np.uint8)


def choices(weights):
    first = first_weights()
    return Choices(Fuser(make(first)), first, automatic=asked_for(weights))


@pytest.fixture
def pairs(tmp_path, rng):
    """Write pairs of given kinds, each kind in a folder of its own."""

    def write(*kinds):
        made = []
        for number, kind in enumerate(kinds):
            paths = [tmp_path / kind / f"{number}_{side}.png" for side in ("ir", "vi")]
            for path, image in zip(paths, sides(kind, rng), strict=True):
                images.write(path, image)
            made.append(Pair(str(number), *paths))
        return made

    return write


@pytest.mark.parametrize(
    ("seen", "asked", "moving", "name"),
    [
        (Shares(0.11, 0.9), Automatic(), True, "medical"),
        (Shares(0.09, 0.9), Automatic(), False, "scenes"),
        (Shares(0.0, 0.21), Automatic(), True, "night"),
        (Shares(0.0, 0.19), Automatic(), True, "day"),
        (Shares(0.0, 0.21), Automatic(clip=True), False, "night"),
    ],
)
def test_medical_comes_first_then_the_light_of_what_moves(seen, asked, moving, name):
    assert asked.name(seen, moving=moving) == name


def test_shares_are_of_pixels_and_the_same_at_every_depth(rng):
    infrared, visible = sides("medical", rng)
    visible[40:48] = 25
    found = shares_of(Prepared(infrared, visible))
    assert (found.black, found.dark) == (0.5, 0.5 + 8 / 64)
    assert shares_of(Prepared(*(side.astype(np.uint16) * 257 for side in (infrared, visible)))) == found
    assert shares_of(Prepared(*(side / np.float32(255) for side in (infrared, visible)))) == found
    assert shares_of(Prepared(np.full(SIZE, 4, np.uint8), np.full(SIZE, 5, np.uint8))).black == 0
    assert shares_of(Prepared(np.full(SIZE, 4, np.uint8), np.full(SIZE, 26, np.uint8))).dark == 0


@pytest.mark.parametrize(
    ("weights", "kind", "name"),
    [
        ("auto", "day", "scenes"), ("auto", "night", "scenes"), ("auto", "medical", "medical"),
        ("auto:clip", "day", "day"), ("auto:clip", "night", "night"),
    ],
)  # fmt: skip
def test_a_set_and_python_choose_alike_and_the_manifest_has_the_numbers(pairs, tmp_path, weights, kind, name):
    made = pairs(kind)
    settled, ready = settle(choices(weights), made, tmp_path / "out")
    assert (settled.checkpoint.name, settled.fuser.range) == (name, models.read(name).card["range"])
    list(raise_failures(fuse_pairs(settled, ready, tmp_path / "out")))
    (entry,) = manifest.read(tmp_path / "out")
    assert entry.selection.startswith(f"{name}: both sides near black in ")
    assert entry.weights == name
    expected = mmdrfuse.fuse(*(images.read(path) for path in (made[0].infrared, made[0].visible)), weights=weights)
    np.testing.assert_array_equal(images.read(tmp_path / "out" / "0.png"), expected)


def test_only_what_both_cameras_see_counts():
    black, seen = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.float32)
    visible = np.where(np.arange(64) < 32, 0, 200).astype(np.uint8) * np.ones((64, 1), np.uint8)
    seen[:, 16:] = 0.5
    assert shares_of(Prepared(black, visible)) == Shares(1 / 2, 1 / 2)
    assert shares_of(Prepared(black, visible, seen)) == Shares(1 / 3, 1 / 3)
    assert shares_of(Prepared(black, visible, np.zeros(SIZE, np.float32))) == Shares()


def test_a_set_is_looked_at_in_blocks_too_and_each_pair_is_opened_once_to_find_out(tmp_path, rng, monkeypatch):
    made = []
    for number in range(3):
        paths = [tmp_path / f"{number}_{side}.tif" for side in ("ir", "vi")]
        for path, image in zip(paths, sides("night", rng), strict=True):
            tifffile.imwrite(path, image, tile=(16, 16))
        made.append(Pair(str(number), *paths))
    asked = []
    monkeypatch.setattr(folder, "fits_blocks", lambda pair, target: asked.append(pair) or fits_blocks(pair, target))
    settled, _ = settle(replace(choices("auto:clip"), suffix=".tif"), made, tmp_path / "out")
    assert settled.selection == "night: both sides near black in 0.0% of the pixels, visible dark in 37.5%"
    assert len(asked) == len(made)


def test_one_choice_is_for_the_whole_set_and_folders_that_differ_are_named(pairs, tmp_path):
    notes = []
    settled, _ = settle(choices("auto:clip"), pairs("day", "day", "night"), tmp_path / "out", warn=notes.append)
    assert settled.checkpoint.name == "day"
    (line,) = notes
    assert line.startswith(f"{tmp_path / 'night'}: looks like night")


def test_pictures_that_cannot_be_read_choose_nothing(pairs, tmp_path):
    made = pairs("day", "medical", "medical")
    for pair in made[1:]:
        pair.visible.write_bytes(b"junk")
    assert settle(choices("auto"), made, tmp_path / "out")[0].checkpoint.name == "scenes"


def test_frames_of_a_recording_that_would_flicker_are_noted(tmp_path, rng):
    made = []
    for number in range(10, 18):
        paths = [tmp_path / side / f"cam_{number:04}.png" for side in ("ir", "vi")]
        for path, image in zip(paths, sides("day", rng), strict=True):
            images.write(path, image)
        made.append(Pair(paths[0].stem, *paths))
    notes = []
    settle(choices("auto"), made, tmp_path / "out", warn=notes.append)
    assert [line for line in notes if "auto:clip" in line and str(tmp_path / "vi") in line] == notes
    assert len(notes) == 1
    settle(choices("auto:clip"), made, tmp_path / "out", warn=notes.append)
    assert len(notes) == 1


@pytest.mark.parametrize(("step", "count", "found"), [(1, 8, True), (1, 7, False), (3, 20, False)])
def test_only_numbers_that_follow_each_other_look_like_a_recording(tmp_path, step, count, found):
    files = [tmp_path / f"FLIR_{step * number:05}.jpg" for number in range(count)]
    assert list(recordings(files)) == [tmp_path] * found


class Pipe:
    """Frames that can be read once, dark ones first."""

    path, repeatable = Path("live"), False

    def __init__(self, levels):
        self.layout, self.levels = Layout(64, 64, Fraction(5), None), iter(levels)

    def frames(self):
        for number, level in enumerate(self.levels):
            yield Frame(Fraction(number, 5), np.full(SIZE, level, np.uint8), None)


def test_a_pipe_is_judged_by_its_first_seconds_and_no_frame_is_lost(tmp_path):
    pair = VideoPair(Pipe([90] * 30), Pipe([10] * 10 + [200] * 20))
    settled, pair = settle_video(choices("auto"), pair, tmp_path / "out.gray")
    assert (settled.checkpoint.name, settled.fuser.range) == ("night", "clip")
    assert [int(frame.luma[0, 0]) for frame, _ in pair.frames()] == [10] * 10 + [200] * 20


def test_a_stream_shorter_than_the_opening_is_whole():
    first, whole = opened(Pipe([1, 2, 3]))
    assert [int(frame.luma[0, 0]) for frame in first.frames()] == [1, 2, 3]
    assert [int(frame.luma[0, 0]) for frame in whole.frames()] == [1, 2, 3]


def test_the_range_is_that_of_the_card_and_another_is_told_once(tmp_path):
    notes, scenes = [], models.read("scenes")
    assert range_for(scenes, "auto", notes.append) == "minmax"
    assert range_for(scenes, "minmax", notes.append) == "minmax"
    assert notes == []
    assert range_for(scenes, "clip", notes.append) == "clip"
    assert "scenes were made for range minmax, not clip" in notes[0]
    for name, card in (("plain", {}), ("odd", {"range": "loud"})):
        models.write(tmp_path / f"{name}.safetensors", scenes.arrays, card)
    plain, odd = (models.read(tmp_path / f"{name}.safetensors") for name in ("plain", "odd"))
    assert (range_for(plain, "auto", notes.append), range_for(plain, "minmax", notes.append)) == (
        "clip",
        "minmax",
    )
    assert len(notes) == 1
    with pytest.raises(WeightsError, match=r"odd\.safetensors: its card asks for unknown range 'loud'"):
        range_for(odd, "auto", notes.append)


def test_the_earlier_name_is_an_alias():
    assert models.read("ivif").sha256 == models.read("scenes").sha256
    assert "ivif" not in models.names()
