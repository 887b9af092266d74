"""What an earlier run has done, and what this one would do."""

from dataclasses import replace

import numpy as np
import pytest

from mmdrfuse import images, models
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import InputError, MMDRFuseError, SizeError
from mmdrfuse.pair import Preparation
from mmdrfuse.pipeline import Fuser, Pair
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import fuse_pairs, plan_pairs
from mmdrfuse.pipeline.fuse.resume import unfinished


@pytest.fixture
def choices():
    return Choices(Fuser(BASELINES["max"]), models.read("ivif"))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def pairs(tmp_path, rng):
    pairs = [Pair(name, tmp_path / f"{name}_ir.png", tmp_path / f"{name}_vi.png") for name in "abc"]
    for pair in pairs:
        images.write(pair.infrared, rng.integers(0, 255, (6, 8), np.uint8))
        images.write(pair.visible, rng.integers(0, 255, (6, 8, 3), np.uint8))
    return pairs


def names(pairs):
    return [pair.name for pair in pairs]


def test_without_a_manifest_nothing_is_done(choices, out, pairs):
    assert unfinished(choices, pairs, out) == pairs


def test_pairs_that_the_manifest_proves_fused_are_left_out(choices, out, pairs):
    list(fuse_pairs(choices, pairs[:2], out))
    assert names(unfinished(choices, pairs, out, workers=2)) == ["c"]


@pytest.mark.parametrize("loss", ["picture", "source"])
def test_lost_pictures_and_changed_sources_are_made_again(choices, out, pairs, loss):
    list(fuse_pairs(choices, pairs, out))
    if loss == "picture":
        choices.target(pairs[1], out).unlink()
    else:
        images.write(pairs[1].visible, np.zeros((6, 8), np.uint8))
    assert names(unfinished(choices, pairs, out)) == ["b"]


@pytest.mark.parametrize(
    "change",
    [{"range": "minmax"}, {"color": "gray"}, {"range": "fixed:0,0.5"}, {"range": "percentile", "limits": (0.1, 0.5)}],
)
def test_other_choices_make_everything_again_and_the_same_ones_nothing(choices, out, pairs, change):
    list(fuse_pairs(choices, pairs, out))
    other = replace(choices, fuser=replace(choices.fuser, **change))
    assert unfinished(other, pairs, out) == pairs
    list(fuse_pairs(other, pairs, out, overwrite=True))
    assert unfinished(other, pairs, out) == []


def test_limits_of_a_set_that_has_grown_make_everything_again(choices, out, pairs):
    fusers = [replace(choices.fuser, range="percentile", limits=(0.1, top)) for top in (0.5, 0.6)]
    settled = [replace(choices, fuser=fuser) for fuser in fusers]
    list(fuse_pairs(settled[0], pairs, out))
    assert unfinished(settled[1], pairs, out) == pairs


@pytest.mark.parametrize(
    "preparation",
    [Preparation("fit-ir"), Preparation(infrared_range=(5.0, 100.5)), Preparation(page=2),
     Preparation(transform=(1.0, 0.0, 0.1, 0.0, 1.0, 0.2, 0.0, 0.0, 1.0))],
)  # fmt: skip
def test_other_preparations_make_everything_again_and_the_same_ones_nothing(choices, out, pairs, preparation):
    list(fuse_pairs(choices, pairs, out))
    other = [replace(pair, preparation=preparation) for pair in pairs]
    assert unfinished(choices, other, out) == other
    list(fuse_pairs(choices, other, out, overwrite=True))
    assert unfinished(choices, other, out) == []


def test_other_weights_make_everything_again(choices, out, pairs):
    list(fuse_pairs(choices, pairs, out))
    assert unfinished(replace(choices, checkpoint=replace(choices.checkpoint, sha256="other")), pairs, out) == pairs


def test_vanished_source_is_left_to_the_run(choices, out, pairs):
    list(fuse_pairs(choices, pairs, out))
    pairs[2].infrared.unlink()
    assert names(unfinished(choices, pairs, out)) == ["c"]


def test_plan_says_what_becomes_of_each_pair_and_writes_nothing(choices, out, pairs, tmp_path):
    list(fuse_pairs(choices, pairs[:2], out))
    before = sorted(path.stat().st_mtime_ns for path in out.iterdir())
    plans = dict(plan_pairs(choices, pairs, pairs[1:], out, overwrite=True))
    assert [entry.action for entry in plans.values()] == ["skip", "replace", "write"]
    assert plans[pairs[0]].info is None
    info = plans[pairs[1]].info
    assert (str(info.infrared), str(info.visible)) == ("8x6 uint8", "8x6 uint8 RGB")
    assert (info.width, info.height) == (8, 6)
    assert sorted(path.stat().st_mtime_ns for path in out.iterdir()) == before


def test_plan_names_what_would_fail(choices, out, pairs):
    pairs[0].infrared.write_bytes(b"broken")
    images.write(pairs[1].visible, np.zeros((5, 5), np.uint8))
    results = [result for _, result in plan_pairs(choices, pairs, pairs, out)]
    assert [type(result) for result in results[:2]] == [InputError, SizeError]


@pytest.mark.parametrize("damage", ["unreadable", "misfit", "value", "format", "target", "folder", "exists"])
def test_a_plan_promises_what_the_run_does(choices, out, pairs, damage):
    if damage == "unreadable":
        pairs[0].infrared.write_bytes(b"broken")
    elif damage == "misfit":
        images.write(pairs[0].visible, np.zeros((5, 5), np.uint8))
    elif damage == "value":
        pairs[0] = replace(pairs[0], infrared=out.with_name("hot.tif"))
        images.write(pairs[0].infrared, np.full((6, 8), 300, np.float32))
    elif damage == "format":
        pairs[0] = replace(pairs[0], output="a.webp")
        for side in (pairs[0].infrared, pairs[0].visible):
            images.write(side, np.zeros((2, 17_000), np.uint8))
    elif damage == "target":
        (out / "a.png").mkdir(parents=True)
    elif damage == "folder":
        out.write_text("mine")
    else:
        images.write(out / "b.png", np.zeros((3, 3), np.uint8))

    def outcome(run):
        try:
            return [type(result) for _, result in run if isinstance(result, MMDRFuseError)]
        except MMDRFuseError as error:
            return str(error)

    planned = outcome(plan_pairs(choices, pairs, pairs, out))
    assert planned == outcome(fuse_pairs(choices, pairs, out))
    assert planned


def test_a_picture_that_was_cut_off_is_not_done(choices, out, pairs):
    list(fuse_pairs(choices, pairs, out))
    broken = choices.target(pairs[1], out)
    broken.write_bytes(broken.read_bytes()[:50])
    assert names(unfinished(choices, pairs, out)) == ["b"]
