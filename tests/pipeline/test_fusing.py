"""Folders of pairs to pictures and their manifest."""

import hashlib

import numpy as np
import pytest

from mmdrfuse import images, models
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import InputError, OutputError, SizeError
from mmdrfuse.pipeline import Fuser, Pair, manifest
from mmdrfuse.pipeline.fusing import Job, fuse_pairs


@pytest.fixture
def job(tmp_path):
    return Job(Fuser(BASELINES["max"]), models.read("ivif"), tmp_path / "out")


@pytest.fixture
def pairs(scenes):
    return [Pair(path.stem, path, scenes / "vi" / path.name) for path in sorted((scenes / "ir").iterdir())]


def test_pictures_are_the_fused_sources_and_the_manifest_says_so(job, pairs):
    entries = [entry for _, entry in fuse_pairs(job, pairs, workers=2)]
    assert manifest.read(job.out) == entries
    for pair, entry in zip(pairs, entries, strict=True):
        expected = job.fuser(images.read(pair.infrared), images.read(pair.visible)).image
        np.testing.assert_array_equal(images.read(job.out / entry.fused), expected)
        assert (entry.width, entry.height, entry.color, entry.range) == (128, 96, True, "clip")
        assert entry.infrared_sha256 == hashlib.sha256(pair.infrared.read_bytes()).hexdigest()
        assert images.read(entry.pair(job.out).visible).shape == (96, 128, 3)


def test_one_bad_pair_does_not_stop_the_others(job, pairs, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    images.write(tmp_path / "small.png", np.zeros((4, 4), np.uint8))
    bad = [Pair("b", tmp_path / "broken.png", pairs[0].visible), Pair("s", tmp_path / "small.png", pairs[0].visible)]
    results = [result for _, result in fuse_pairs(job, [*bad, *pairs])]
    assert isinstance(results[0], InputError)
    assert isinstance(results[1], SizeError)
    assert "small.png" in str(results[1])
    assert "4x4" in str(results[1])
    assert len(manifest.read(job.out)) == len(pairs)
    assert sorted(path.name for path in job.out.iterdir()) == ["manifest.jsonl", *(f"{p.name}.png" for p in pairs)]


def test_existing_pictures_are_refused_before_anything_is_done(job, pairs):
    list(fuse_pairs(job, pairs[:1]))
    with pytest.raises(OutputError, match="exists already \\(1 of 3 pictures do\\)"):
        list(fuse_pairs(job, pairs))
    assert len(manifest.read(job.out)) == 1


def test_overwriting_replaces_the_entry(job, pairs):
    list(fuse_pairs(job, pairs))
    again = Job(Fuser(BASELINES["mean"], "minmax"), job.checkpoint, job.out)
    list(fuse_pairs(again, pairs[:1], overwrite=True))
    assert [entry.range for entry in manifest.read(job.out)] == ["minmax", "clip", "clip"]


def test_stopping_early_leaves_a_manifest_of_what_is_there(job, pairs):
    run = fuse_pairs(job, pairs)
    next(run)
    run.close()
    pictures = sorted(path.name for path in job.out.glob("*.png"))
    assert pictures
    assert [entry.fused for entry in manifest.read(job.out)] == pictures


@pytest.mark.parametrize("overwrite", [False, True])
def test_sources_are_never_replaced(job, pairs, scenes, overwrite):
    before = pairs[0].infrared.read_bytes()
    with pytest.raises(OutputError, match="is one of the sources"):
        list(fuse_pairs(Job(job.fuser, job.checkpoint, scenes / "ir"), pairs, overwrite=overwrite))
    assert pairs[0].infrared.read_bytes() == before


def test_source_that_vanishes_fails_alone_and_leaves_nothing(job, pairs, tmp_path):
    vanishing = tmp_path / "gone.png"
    vanishing.write_bytes(pairs[0].infrared.read_bytes())

    def engine(infrared, visible):
        vanishing.unlink(missing_ok=True)
        return BASELINES["max"](infrared, visible)

    all_pairs = [Pair("g", vanishing, pairs[0].visible), *pairs]
    results = [result for _, result in fuse_pairs(Job(Fuser(engine), job.checkpoint, job.out), all_pairs)]
    assert "gone.png: cannot be read any more" in str(results[0])
    assert sorted(path.stem for path in job.out.glob("*.png")) == [pair.name for pair in pairs]


def test_file_in_the_folder_s_place_is_named(job, pairs):
    job.out.write_text("mine")
    with pytest.raises(OutputError, match="out: is a file; name a folder"):
        list(fuse_pairs(job, pairs))
    assert job.out.read_text() == "mine"


def test_folder_that_cannot_be_made_is_named(pairs, tmp_path):
    (tmp_path / "file").write_text("")
    blocked = Job(Fuser(BASELINES["max"]), models.read("ivif"), tmp_path / "file" / "out")
    with pytest.raises(OutputError, match="cannot be written"):
        list(fuse_pairs(blocked, pairs))
