"""The manifest outlives crashes and says what is wrong with it."""

import dataclasses
import json
import os

import pytest

from mmdrfuse.errors import DiskFullError, ManifestError
from mmdrfuse.pair import Preparation
from mmdrfuse.pipeline.fuse import manifest


@pytest.fixture
def entry():
    return manifest.Entry(
        fused="a.png", infrared="../ir/a.png", visible="../vi/a.png", infrared_sha256="1", visible_sha256="2",
        width=4, height=3, range="clip", limits=(0.0, 1.0), color=False, weights="ivif", weights_sha256="3",
        version="0", seconds=0.1,
    )  # fmt: skip


def fill(folder, *entries):
    with manifest.appending(folder) as append:
        for entry in entries:
            append(entry)


def test_entries_come_back_by_name_and_the_last_of_a_name_counts(tmp_path, entry):
    b, newer = dataclasses.replace(entry, fused="b.png"), dataclasses.replace(entry, range="minmax")
    fill(tmp_path, b, entry)
    fill(tmp_path, newer)
    assert manifest.read(tmp_path) == [newer, b]


def test_line_cut_off_by_a_crash_is_ignored_and_replaced(tmp_path, entry):
    fill(tmp_path, entry)
    with (tmp_path / manifest.NAME).open("a") as file:
        file.write('{"fused": "b.p')
    assert manifest.read(tmp_path) == [entry]
    other = dataclasses.replace(entry, fused="c.png")
    fill(tmp_path, other)
    assert manifest.read(tmp_path) == [entry, other]


def test_a_whole_last_line_without_its_end_counts(tmp_path, entry):
    """Editors may leave the end of the last line out."""
    other, third = (dataclasses.replace(entry, fused=name) for name in ("b.png", "c.png"))
    fill(tmp_path, entry, other)
    path = tmp_path / manifest.NAME
    path.write_bytes(path.read_bytes().rstrip())
    assert manifest.read(tmp_path) == [entry, other]
    fill(tmp_path, third)
    assert manifest.read(tmp_path) == [entry, other, third]


@pytest.mark.parametrize("name", ["a\0b.png", "\ud800.png"])
@pytest.mark.parametrize("field", ["fused", "infrared"])
def test_names_that_no_file_can_have_are_refused(tmp_path, entry, field, name):
    line = json.dumps({**dataclasses.asdict(entry), field: name})
    (tmp_path / manifest.NAME).write_text(line + "\n")
    with pytest.raises(ManifestError, match=rf"{manifest.NAME}:1: .*{field}"):
        manifest.read(tmp_path)


def test_fields_of_a_later_version_are_passed_over(tmp_path, entry):
    line = json.dumps({**dataclasses.asdict(entry), "mood": "good"})
    (tmp_path / manifest.NAME).write_text(line + "\n")
    assert manifest.read(tmp_path) == [entry]


def test_missing_manifest_says_what_to_do(tmp_path):
    with pytest.raises(ManifestError, match=r"holds no manifest\.jsonl; name a folder"):
        manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"not json", "Expecting value"), (b"[]", "a JSON object is needed"), (b'{"fused": "a.png"}', "infrared"),
        ("{}".encode("utf-16"), "another encoding"), ('{"fused": "\xe4.png"}'.encode("latin-1"), "another encoding"),
        (b'{"fused": "' + b"a" * manifest.LONGEST, "longer than"), (b"[" * 100_000, "recursion"),
    ],
)  # fmt: skip
def test_foreign_line_is_named_with_its_number(tmp_path, entry, line, reason):
    fill(tmp_path, entry)
    with (tmp_path / manifest.NAME).open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(ManifestError, match=rf"manifest\.jsonl:2: not an entry .*{reason}"):
        manifest.read(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"fused": None}, {"width": "4"}, {"width": True}, {"limits": [0]}, {"limits": [0, None]}, {"limits": 1},
        {"seconds": float("nan")}, {"quality": "best"}, {"preparation": {"transform": [1, 2]}},
        {"preparation": {"size_policy": "stretch"}}, {"preparation": {"infrared_range": [1, "2"]}},
        {"preparation": []}, {"preparation": {"page": -1}},
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_or_length_is_named(tmp_path, entry, change):
    (tmp_path / manifest.NAME).write_text(json.dumps(dataclasses.asdict(entry) | change) + "\n")
    with pytest.raises(ManifestError, match=r"manifest\.jsonl:1: not an entry"):
        manifest.read(tmp_path)


def test_entries_of_an_earlier_version_are_read(tmp_path, entry):
    """They had the parts of the preparation one beside the other."""
    values = dataclasses.asdict(entry)
    for name in ("preparation", "bits", "finished"):
        del values[name]
    values |= {"size_policy": "fit-ir", "infrared_range": [1, 2], "page": 3}
    (tmp_path / manifest.NAME).write_text(json.dumps(values) + "\n")
    expected = Preparation("fit-ir", infrared_range=(1.0, 2.0), page=3)
    assert manifest.read(tmp_path) == [dataclasses.replace(entry, preparation=expected)]


@pytest.mark.parametrize("name", ["\u7d05\u5916.png", "a\u2028b\x85c.png", os.fsdecode(b"caf\xe9.png")])
def test_every_name_comes_back(tmp_path, entry, name):
    """Also one that is no UTF-8: its bytes stand for themselves."""
    named = dataclasses.replace(entry, fused=name, infrared=f"../ir/{name}")
    fill(tmp_path, named)
    assert manifest.read(tmp_path) == [named]
    assert named.pair(tmp_path).infrared.name == name


def test_sources_are_found_from_a_folder_behind_a_symbolic_link(tmp_path, entry):
    for name in ("ir", "far/off/real"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far/off/real", target_is_directory=True)
    source = tmp_path / "ir" / "a.png"
    for folder in ("link", "far/off/real"):
        written = manifest.relative(source, tmp_path / folder)
        assert written == "../../../ir/a.png"
        assert dataclasses.replace(entry, infrared=written).pair(tmp_path / "link").infrared == source.resolve()


def test_full_disk_leaves_whole_lines(tmp_path, entry):
    """The system takes only a part of a line where a file must not grow beyond a limit, as on a disk that is full."""
    resource = pytest.importorskip("resource", reason="limits on the size of files are those of Unix")
    fill(tmp_path, entry)
    path = tmp_path / manifest.NAME
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    with manifest.appending(tmp_path) as append:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, limits[1]))
        try:
            with pytest.raises(DiskFullError, match=r"manifest\.jsonl: the disk is full"):
                append(dataclasses.replace(entry, fused="b.png"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert path.read_bytes() == before
        append(dataclasses.replace(entry, fused="c.png"))
    assert [found.fused for found in manifest.read(tmp_path)] == ["a.png", "c.png"]
