"""A manifest is read as a stream: in memory that does not grow with its entries, and as strictly as line by line."""

import dataclasses
import json
import tracemalloc

import pytest
from mutations import TRIES, mutated

from mmdrfuse.errors import ManifestError
from mmdrfuse.pair import Preparation
from mmdrfuse.pipeline.fuse import entries, manifest
from mmdrfuse.pipeline.fuse.entries import Entries, Entry
from mmdrfuse.pipeline.score.candidates import list_candidates


@pytest.fixture
def entry():
    return Entry(
        fused="a.png", infrared="../ir/a.png", visible="../vi/a.png", infrared_sha256="1" * 64,
        visible_sha256="2" * 64, width=4, height=3, range="clip", limits=(0.0, 1.0), color=False, weights="scenes",
        weights_sha256="3" * 64, version="0", seconds=0.1, preparation=Preparation(infrared_range=(1.0, 2.0)),
    )  # fmt: skip


def fill(folder, entry, names):
    lines = [json.dumps(dataclasses.asdict(dataclasses.replace(entry, fused=name))) + "\n" for name in names]
    (folder / manifest.NAME).write_text("".join(lines))


def test_entries_have_a_length_an_order_and_places(tmp_path, entry):
    fill(tmp_path, entry, ["c.png", "a.png", "b.png", "a.png"])
    found = Entries(tmp_path)
    assert [one.fused for one in found] == ["a.png", "b.png", "c.png"]
    assert (len(found), found[1].fused, [one.fused for one in found[1:]]) == (3, "b.png", ["b.png", "c.png"])


def test_entries_are_found_by_name_in_any_order(tmp_path, entry):
    fill(tmp_path, entry, ["c.png", "a.png", "b.png"])
    found = Entries(tmp_path).find(["b.png", "none.png", "c.png", "c.png"])
    assert [one and one.fused for one in found] == ["b.png", None, "c.png", "c.png"]


def test_a_manifest_that_is_changed_while_it_is_read_is_named(tmp_path, entry):
    fill(tmp_path, entry, ["a.png", "b.png"])
    found = Entries(tmp_path)
    fill(tmp_path, entry, ["b.png", "a.png"])
    with pytest.raises(ManifestError, match=manifest.NAME):
        list(found)


def peak(folder, what):
    """Return the most memory in bytes that it takes to look at every entry, beyond the names and places."""
    found = what(folder)
    tracemalloc.start()
    assert sum(1 for _ in found) == len(found)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


@pytest.mark.parametrize(
    "what", [Entries, lambda folder: list_candidates({"fused": folder}).candidates], ids=["resume", "eval"]
)
def test_memory_does_not_grow_with_the_entries(tmp_path, entry, what):
    peaks = []
    for count in (20, 400):
        folder = tmp_path / str(count)
        folder.mkdir()
        fill(folder, entry, [f"{number:06}.png" for number in range(count)])
        peaks.append(peak(folder, what))
    assert peaks[1] < peaks[0] + 40_000  # all 400 entries would take 600 KB


def test_names_and_places_take_few_bytes_an_entry(tmp_path, entry):
    fill(tmp_path, entry, [f"{number:06}.png" for number in range(2000)])
    tracemalloc.start()
    found = Entries(tmp_path)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / len(found) < 250


def outcome(parse, line):
    try:
        return parse(line, "")
    except ManifestError as error:
        return str(error)


def test_the_fast_decoder_takes_and_refuses_what_the_slow_one_does(entry):
    line = json.dumps(dataclasses.asdict(entry)).encode()
    assert entries._parse(line, "") == entries._parse_slowly(line, "") == entry
    for seed in range(TRIES):
        damaged = mutated(line, seed)
        assert outcome(entries._parse, damaged) == outcome(entries._parse_slowly, damaged), damaged


@pytest.mark.parametrize(
    "change",
    [
        {"width": True}, {"width": 4.0}, {"width": 10**30}, {"seconds": 1}, {"seconds": True}, {"limits": [0, 1]},
        {"limits": [0, 1, 2]}, {"quality": None}, {"quality": 95}, {"color": 1}, {"fused": "\0"}, {"fused": "\udce9"},
        {"preparation": {"size_policy": "stretch"}}, {"preparation": {}}, {"preparation": None}, {"mood": "good"},
    ],
)  # fmt: skip
def test_the_fast_decoder_is_as_strict_about_types(entry, change):
    line = json.dumps(dataclasses.asdict(entry) | change).encode()
    assert outcome(entries._parse, line) == outcome(entries._parse_slowly, line)


def test_a_manifest_that_was_read_is_not_read_again_until_it_changes(tmp_path, entry, monkeypatch):
    fill(tmp_path, entry, ["a.png"])
    Entries(tmp_path)
    scans = []
    scan = entries._scan
    monkeypatch.setattr(entries, "_scan", lambda path: scans.append(path) or scan(path))
    manifest.check_folder(tmp_path)
    assert scans == []
    with manifest.appending(tmp_path) as append:
        append(dataclasses.replace(entry, fused="b.png"))
    manifest.check_folder(tmp_path)
    assert scans == [tmp_path / manifest.NAME]
