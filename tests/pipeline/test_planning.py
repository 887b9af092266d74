"""What an earlier run has done, and what this one would do."""

from dataclasses import replace

import numpy as np
import pytest

from mmdrfuse import images, models
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import InputError, SizeError
from mmdrfuse.pipeline import Fuser, Pair
from mmdrfuse.pipeline.fusing import Job, fuse_pairs
from mmdrfuse.pipeline.pairs import Preparation
from mmdrfuse.pipeline.planning import plan, unfinished


@pytest.fixture
def job(tmp_path):
    return Job(Fuser(BASELINES["max"]), models.read("ivif"), tmp_path / "out")


@pytest.fixture
def pairs(tmp_path, rng):
    made = [Pair(name, tmp_path / f"{name}_ir.png", tmp_path / f"{name}_vi.png") for name in "abc"]
    for pair in made:
        images.write(pair.infrared, rng.integers(0, 255, (6, 8), np.uint8))
        images.write(pair.visible, rng.integers(0, 255, (6, 8, 3), np.uint8))
    return made


def names(pairs):
    return [pair.name for pair in pairs]


def test_without_a_manifest_nothing_is_done(job, pairs):
    assert unfinished(job, pairs) == pairs


def test_what_the_manifest_proves_is_left_out(job, pairs):
    list(fuse_pairs(job, pairs[:2]))
    assert names(unfinished(job, pairs, workers=2)) == ["c"]


@pytest.mark.parametrize("loss", ["picture", "source"])
def test_lost_pictures_and_changed_sources_are_made_again(job, pairs, loss):
    list(fuse_pairs(job, pairs))
    if loss == "picture":
        job.target(pairs[1]).unlink()
    else:
        images.write(pairs[1].visible, np.zeros((6, 8), np.uint8))
    assert names(unfinished(job, pairs)) == ["b"]


@pytest.mark.parametrize(
    "change",
    [{"range": "minmax"}, {"color": "gray"}, {"range": "fixed:0,0.5"}, {"range": "percentile", "limits": (0.1, 0.5)}],
)
def test_other_choices_make_everything_again_and_the_same_ones_nothing(job, pairs, change):
    list(fuse_pairs(job, pairs))
    other = replace(job, fuser=replace(job.fuser, **change))
    assert unfinished(other, pairs) == pairs
    list(fuse_pairs(other, pairs, overwrite=True))
    assert unfinished(other, pairs) == []


def test_limits_of_a_set_that_has_grown_make_everything_again(job, pairs):
    settled = [replace(job, fuser=replace(job.fuser, range="percentile", limits=(0.1, top))) for top in (0.5, 0.6)]
    list(fuse_pairs(settled[0], pairs))
    assert unfinished(settled[1], pairs) == pairs


@pytest.mark.parametrize(
    "preparation",
    [Preparation("fit-ir"), Preparation(infrared_range=(5.0, 100.5)), Preparation(page=2),
     Preparation(transform=(1.0, 0.0, 0.1, 0.0, 1.0, 0.2, 0.0, 0.0, 1.0))],
)  # fmt: skip
def test_other_preparations_make_everything_again_and_the_same_ones_nothing(job, pairs, preparation):
    list(fuse_pairs(job, pairs))
    other = [replace(pair, preparation=preparation) for pair in pairs]
    assert unfinished(job, other) == other
    list(fuse_pairs(job, other, overwrite=True))
    assert unfinished(job, other) == []


def test_other_weights_make_everything_again(job, pairs):
    list(fuse_pairs(job, pairs))
    assert unfinished(replace(job, checkpoint=replace(job.checkpoint, sha256="other")), pairs) == pairs


def test_vanished_source_is_left_to_the_run(job, pairs):
    list(fuse_pairs(job, pairs))
    pairs[2].infrared.unlink()
    assert names(unfinished(job, pairs)) == ["c"]


def test_plan_says_what_becomes_of_each_pair_and_writes_nothing(job, pairs, tmp_path):
    list(fuse_pairs(job, pairs[:2]))
    before = sorted(path.stat().st_mtime_ns for path in job.out.iterdir())
    plans = dict(plan(job, pairs, pairs[1:]))
    assert [entry.action for entry in plans.values()] == ["skip", "replace", "write"]
    assert plans[pairs[0]].sources == ("8x6 uint8", "8x6 uint8 RGB")
    assert plans[pairs[0]].size == (8, 6)
    assert sorted(path.stat().st_mtime_ns for path in job.out.iterdir()) == before


def test_plan_names_what_would_fail(job, pairs):
    pairs[0].infrared.write_bytes(b"broken")
    images.write(pairs[1].visible, np.zeros((5, 5), np.uint8))
    found = [result for _, result in plan(job, pairs, pairs)]
    assert [type(result) for result in found[:2]] == [InputError, SizeError]


def test_a_picture_that_was_cut_off_is_not_done(job, pairs):
    list(fuse_pairs(job, pairs))
    broken = job.target(pairs[1])
    broken.write_bytes(broken.read_bytes()[:50])
    assert names(unfinished(job, pairs)) == ["b"]
