"""Folders of pairs to pictures and their manifest."""

import errno
import hashlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmdrfuse import images, models
from mmdrfuse.engine import make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import DiskFullError, InputError, ManifestError, OutputError, SizeError
from mmdrfuse.pair import Preparation
from mmdrfuse.pipeline import Fuser, Pair
from mmdrfuse.pipeline.fuse import entries as entries_of
from mmdrfuse.pipeline.fuse import manifest
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import fuse_pairs
from mmdrfuse.pipeline.fuse.resume import unfinished
from mmdrfuse.pipeline.fuse.whole import storable


@pytest.fixture
def choices():
    return Choices(Fuser(BASELINES["max"]), models.read("ivif"))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def pairs(scenes):
    return [Pair(path.stem, path, scenes / "vi" / path.name) for path in sorted((scenes / "ir").iterdir())]


def test_pictures_are_the_fused_sources_and_the_manifest_says_so(choices, out, pairs):
    entries = [entry for _, entry in fuse_pairs(choices, pairs, out, workers=2)]
    assert manifest.read(out) == entries
    for pair, entry in zip(pairs, entries, strict=True):
        expected = choices.fuser(images.read(pair.infrared), images.read(pair.visible)).image
        np.testing.assert_array_equal(images.read(out / entry.fused), expected)
        assert (entry.width, entry.height, entry.color, entry.range) == (128, 96, True, "clip")
        assert entry.infrared_sha256 == hashlib.sha256(pair.infrared.read_bytes()).hexdigest()
        assert images.read(entry.pair(out).visible).shape == (96, 128, 3)


def test_one_bad_pair_does_not_stop_the_others(choices, out, pairs, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    images.write(tmp_path / "small.png", np.zeros((4, 4), np.uint8))
    bad = [Pair("b", tmp_path / "broken.png", pairs[0].visible), Pair("s", tmp_path / "small.png", pairs[0].visible)]
    results = [result for _, result in fuse_pairs(choices, [*bad, *pairs], out)]
    assert isinstance(results[0], InputError)
    assert isinstance(results[1], SizeError)
    assert "small.png" in str(results[1])
    assert "4x4" in str(results[1])
    assert len(manifest.read(out)) == len(pairs)
    assert sorted(path.name for path in out.iterdir()) == ["manifest.jsonl", *(f"{p.name}.png" for p in pairs)]


def test_existing_pictures_are_refused_before_anything_is_done(choices, out, pairs):
    list(fuse_pairs(choices, pairs[:1], out))
    with pytest.raises(OutputError, match="exists already \\(1 of 3 pictures do\\)"):
        list(fuse_pairs(choices, pairs, out))
    assert len(manifest.read(out)) == 1


def test_overwriting_replaces_the_entry(choices, out, pairs):
    list(fuse_pairs(choices, pairs, out))
    again = replace(choices, fuser=Fuser(BASELINES["mean"], "minmax"))
    list(fuse_pairs(again, pairs[:1], out, overwrite=True))
    assert [entry.range for entry in manifest.read(out)] == ["minmax", "clip", "clip"]


@pytest.mark.parametrize("workers", [1, 3])
def test_stopping_early_leaves_a_manifest_of_what_is_there(choices, out, pairs, workers):
    run = fuse_pairs(choices, pairs, out, workers=workers)
    next(run)
    run.close()
    pictures = sorted(path.name for path in out.glob("*.png"))
    assert pictures
    assert [entry.fused for entry in manifest.read(out)] == pictures


@pytest.mark.parametrize("overwrite", [False, True])
def test_sources_are_never_replaced(choices, out, pairs, scenes, overwrite):
    before = pairs[0].infrared.read_bytes()
    with pytest.raises(OutputError, match="is one of the sources"):
        list(fuse_pairs(choices, pairs, scenes / "ir", overwrite=overwrite))
    assert pairs[0].infrared.read_bytes() == before


def test_manifest_has_the_hash_of_what_was_decoded_though_the_file_is_another_by_now(choices, out, pairs, tmp_path):
    source = tmp_path / "changing.png"
    source.write_bytes(pairs[0].infrared.read_bytes())
    before = images.load(source)

    def engine(infrared, visible):
        images.write(source, np.zeros((96, 128), np.uint8))
        return BASELINES["max"](infrared, visible)

    changing = Pair("c", source, pairs[0].visible)
    ((_, entry),) = fuse_pairs(replace(choices, fuser=Fuser(engine)), [changing], out)
    assert entry.infrared_sha256 == before.sha256
    expected = choices.fuser(before.image, images.read(changing.visible)).image
    np.testing.assert_array_equal(images.read(out / "c.png"), expected)
    assert unfinished(choices, [changing], out) == [changing]


def test_file_in_the_folder_s_place_is_named(choices, out, pairs):
    out.write_text("mine")
    with pytest.raises(OutputError, match="out: is a file; name a folder"):
        list(fuse_pairs(choices, pairs, out))
    assert out.read_text() == "mine"


def test_a_manifest_that_cannot_be_read_is_not_added_to(choices, out, pairs):
    list(fuse_pairs(choices, pairs[:1], out))
    spoiled = (out / manifest.NAME).read_text().encode("utf-16")
    (out / manifest.NAME).write_bytes(spoiled)
    with pytest.raises(ManifestError, match=r"manifest\.jsonl:1: not an entry"):
        list(fuse_pairs(choices, pairs, out, overwrite=True))
    assert (out / manifest.NAME).read_bytes() == spoiled


def test_folder_that_cannot_be_made_is_named(choices, pairs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        list(fuse_pairs(choices, pairs, tmp_path / "file" / "out"))


def test_any_executor_can_do_the_work(choices, out, pairs, tmp_path):
    """Only the choices and the pairs go to other processes, and only entries come back."""
    student = replace(choices, fuser=Fuser(make(choices.checkpoint)))
    expected = [entry.fused for _, entry in fuse_pairs(student, pairs, tmp_path / "threads", workers=2)]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        entries = [entry for _, entry in fuse_pairs(student, pairs, out, workers=executor)]
    assert [entry.fused for entry in entries] == expected
    assert manifest.read(out) == entries
    for name in expected:
        np.testing.assert_array_equal(images.read(out / name), images.read(tmp_path / "threads" / name))


@pytest.fixture
def thermal(tmp_path, rng):
    """A pair of raw 16-bit thermal values, far from black and white, and an 8-bit colour picture."""
    pair = Pair("t", tmp_path / "t.png", tmp_path / "v.png", Preparation(infrared_range=(7000.0, 9000.0)))
    images.write(pair.infrared, rng.integers(7000, 9001, (20, 30)).astype(np.uint16))
    images.write(pair.visible, np.zeros((20, 30, 3), np.uint8))
    return pair


def test_thermal_depth_reaches_the_file(choices, out, thermal):
    ((_, entry),) = fuse_pairs(choices, [thermal], out)
    stored, raw = images.read(out / "t.png"), images.read(thermal.infrared)
    assert (stored.dtype, entry.bits, entry.preparation.infrared_range) == (np.uint16, 16, (7000, 9000))
    np.testing.assert_allclose(stored, (raw - 7000.0) / 2000 * 65535, atol=0.51)


def test_formats_of_8_bits_get_8_bits_of_the_same_picture(choices, out, thermal):
    ((_, entry),) = fuse_pairs(replace(choices, suffix=".bmp"), [thermal], out)
    raw = images.read(thermal.infrared)
    assert entry.bits == 8
    np.testing.assert_allclose(images.read(out / "t.bmp"), (raw - 7000.0) / 2000 * 255, atol=0.51)


@pytest.mark.parametrize(
    ("suffix", "dtype", "stored"),
    [(".png", "f4", "u2"), (".png", "u1", "u1"), (".TIF", "f8", "f4"), (".tiff", "u2", "u2"), (".jpg", "u2", "u1")],
)
def test_format_holds_as_much_as_it_can(suffix, dtype, stored):
    assert storable(suffix, np.dtype(dtype)) == np.dtype(stored)


def test_manifest_says_how_the_sources_were_brought_together(choices, out, thermal, rng):
    images.write(thermal.visible, rng.integers(0, 255, (10, 12), np.uint8))
    pair = replace(thermal, preparation=replace(thermal.preparation, size_policy="fit-vis"))
    ((_, entry),) = fuse_pairs(choices, [pair], out)
    assert (entry.infrared_size, entry.visible_size, (entry.width, entry.height)) == ((30, 20), (12, 10), (30, 20))
    assert (entry.preparation.size_policy, entry.coloring, entry.quality) == ("fit-vis", "auto", None)
    assert entry.finished.endswith("+00:00")
    assert manifest.read(out)[0].pair(out).preparation == pair.preparation


def test_two_pairs_with_one_target_are_refused(choices, out, pairs):
    with pytest.raises(OutputError, match=r"x\.png: several pairs would be written to it"):
        list(fuse_pairs(choices, [replace(pair, output="x.png") for pair in pairs], out))


def test_full_disk_stops_the_run_and_keeps_what_is_there(choices, out, pairs, monkeypatch):
    write_bytes, calls = Path.write_bytes, []

    def fill(path, content):
        calls.append(path)
        if len(calls) > 1:
            write_bytes(path, content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", fill)
    results = []
    with pytest.raises(DiskFullError, match=r"street_0001\.png: the disk is full"):
        results.extend(fuse_pairs(choices, pairs, out))
    assert sorted(path.name for path in out.iterdir()) == ["manifest.jsonl", f"{pairs[0].name}.png"]
    assert [entry.fused for entry in manifest.read(out)] == [f"{pairs[0].name}.png"]


def test_a_run_reads_an_existing_manifest_once(choices, out, pairs, monkeypatch):
    list(fuse_pairs(choices, pairs, out))
    folders = []
    scan = entries_of._scan
    monkeypatch.setattr(entries_of, "_scan", lambda path: folders.append(path.parent) or scan(path))
    list(fuse_pairs(choices, pairs, out, overwrite=True))
    assert folders == [out]
