"""From arguments to pairs."""

import os
from pathlib import Path

import pytest

from mmdrfuse.datasets.sets.sources import pair_both_sides, pair_sources, read_table
from mmdrfuse.errors import InputError, PairingError

FLIR = b"\xff\xd8\xff\xe1\x00\x0aFLIR\x00\x01"
"""How a radiometric JPEG begins."""


@pytest.fixture
def tree(tmp_path):
    """Two cameras' pictures by day; only their names matter."""
    for name in ("mon/ir/1.png", "mon/ir/2.png", "mon/vi/1.png", "mon/vi/2.png", "tue/ir/1.png", "tue/vi/1.png",
                 "flat/a_ir.png", "flat/a_vis.png", "flat/b_ir.jpg", "flat/b_vis.png", "flat/notes.txt"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def found(pairing, root):
    return {pair.name: (str(pair.infrared.relative_to(root)), str(pair.visible.relative_to(root)))
            for pair in pairing.pairs}  # fmt: skip


def test_two_files_are_a_pair_whatever_their_names(tree):
    pairing = pair_sources(f"{tree}/mon/ir/2.png", f"{tree}/flat/a_vis.png")
    assert found(pairing, tree) == {"a_vis": ("mon/ir/2.png", "flat/a_vis.png")}


def test_two_folders_are_paired_with_their_sub_folders(tree):
    (tree / "mon" / "ir" / "deep").mkdir()
    (tree / "mon" / "vi" / "deep").mkdir()
    for side in ("ir", "vi"):
        (tree / "mon" / side / "deep" / "9.png").write_bytes(b"")
    assert set(found(pair_sources(f"{tree}/mon/ir", f"{tree}/mon/vi"), tree)) == {"1", "2", "deep/9"}


def test_patterns_are_paired_within_what_their_wildcards_stand_for(tree):
    pairing = pair_sources(f"{tree}/*/ir/*.png", f"{tree}/*/vi/*.png")
    assert found(pairing, tree) == {
        "mon/1": ("mon/ir/1.png", "mon/vi/1.png"),
        "mon/2": ("mon/ir/2.png", "mon/vi/2.png"),
        "tue/1": ("tue/ir/1.png", "tue/vi/1.png"),
    }


def test_patterns_of_one_folder_are_paired_without_the_words_of_the_side(tree):
    assert set(found(pair_sources(f"{tree}/flat/*_ir.*", f"{tree}/flat/*_vis.*"), tree)) == {"a", "b"}


def test_folders_of_any_depth_keep_their_tree(tree):
    pairing = pair_sources(f"{tree}/**/*_ir.*", f"{tree}/**/*_vis.*")
    assert set(found(pairing, tree)) == {"flat/a", "flat/b"}


def test_name_with_brackets_is_a_name_first(tree):
    odd = tree / "x[1].png"
    odd.write_bytes(b"")
    assert pair_sources(str(odd), str(odd)).pairs[0].infrared == odd


@pytest.mark.parametrize(
    ("infrared", "visible", "said"),
    [("mon/ir", "mon/vi/1.png", r"mon/ir is a folder, and .*1\.png is a file: give two pictures, two folders"),
     ("mon/*/1.png", "mon/vi", "is a pattern, and .* is a folder"),
     ("none.png", "mon/vi/1.png", "none.png: no such file"),
     ("none/*.png", "mon/*/1.png", r"none/\*\.png: no file fits this pattern")],
)  # fmt: skip
def test_arguments_that_name_no_pair_are_explained(tree, infrared, visible, said):
    with pytest.raises(InputError, match=said):
        pair_sources(f"{tree}/{infrared}", f"{tree}/{visible}")


def test_patterns_without_a_common_name_are_explained(tree):
    with pytest.raises(PairingError, match="has a visible partner"):
        pair_sources(f"{tree}/mon/ir/*.png", f"{tree}/flat/*_vis.png")


def test_camera_files_are_both_sides(tree):
    for name in ("mon/vi/1.jpg", "flat/cam.jpg"):
        (tree / name).write_bytes(FLIR)
    one = pair_both_sides(f"{tree}/flat/cam.jpg").pairs
    assert [(pair.name, pair.infrared == pair.visible) for pair in one] == [("cam", True)]
    folder = pair_both_sides(str(tree))
    assert [pair.name for pair in folder.pairs] == ["flat/cam", "mon/vi/1"]
    assert (tree / "mon/vi/1.png" in folder.orphans, tree / "flat/notes.txt" in folder.ignored) == (True, True)
    assert [pair.name for pair in pair_both_sides(f"{tree}/*/*.jpg").pairs] == ["flat/cam"]


@pytest.mark.parametrize("source", ["mon/ir", "flat/a_ir.png", "flat/*.jpg"])
def test_forgotten_out_does_not_make_pairs(tree, source):
    """``fuse ir vi`` must not fuse the pictures of ir with themselves, into vi."""
    with pytest.raises(InputError, match=r"has no file of a thermal camera .* give IR, VIS and OUT"):
        pair_both_sides(f"{tree}/{source}")


def test_table_gives_pairs_and_places(tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("infrared, visible,output\nir/1.png,vi/7.png,night/x.jpg\n/abs/2.png,vi/2.png,\n", "utf-8-sig")
    first, second = read_table(table).pairs
    assert (first.name, first.output) == ("night/x", "night/x.jpg")
    assert (first.infrared, first.visible) == (tmp_path / "ir/1.png", tmp_path / "vi/7.png")
    assert (second.name, second.infrared, second.output) == ("2", Path("/abs/2.png"), "")


@pytest.mark.parametrize(
    ("text", "said"),
    [("a,b\n1,2\n", "has the columns a,b; they must be infrared,visible"), ("", "has the columns none"),
     ("infrared,visible\n", "lists no pairs"), ("infrared,visible\nx.png,\n", r"csv:2: needs a value for"),
     ("infrared,visible\nx.png,y.png,z.png\n", r"csv:2: needs a value .* none beyond the columns"),
     ("infrared,visible,output\na,b,../c.png\n", r"csv:2: output '\.\./c\.png' must lie in the folder"),
     ("infrared,visible,output\na,b,c\n", r"output 'c' .* end in \.bmp")],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_said_with_its_line(tmp_path, text, said):
    table = tmp_path / "pairs.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=said):
        read_table(table)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe\x00\x81", "pairs.csv: is UTF-16"),
        ("infrared,visible\na,b\n".encode("utf-16"), "pairs.csv: is UTF-16"),
        ("infrared,visible\na,b\n".encode("utf-16-le"), "pairs.csv:1: has a NUL byte"),
        (b"infrared,visible\na,b\nc,d\0\n", "pairs.csv:3: has a NUL byte"),
        ("infrared,visible\nx,y\n\ncaf\xe9.png,b\n".encode("latin-1"), r"pairs.csv:4: is not UTF-8 \('caf"),
        (b'infrared,visible\n"a' + b"a" * 200_000 + b'",b\n', "pairs.csv:2: is no line of CSV"),
        (b"infrared,visible\n" + b"a" * 300 + b",b\n", "pairs.csv:2: 'aaa.* is too long for the name of a file"),
        (b"infrared,visible,output\na,b,x.png\nc,d,x.png\n", "pairs.csv:3: output 'x.png' is also in line 2"),
        (b"infrared,infrared,visible\na,b,c\n", "pairs.csv: has the columns infrared,infrared,visible"),
        (b"infrared;visible\na;b\n", "they must be infrared,visible.*, separated by commas"),
        (b"\n\n \n", "pairs.csv: has the columns none"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_named_with_the_line(tmp_path, content, said):
    (tmp_path / "pairs.csv").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_table(tmp_path / "pairs.csv")


@pytest.mark.skipif(os.name == "nt", reason="needs names of any bytes")
def test_a_table_may_name_files_that_are_not_utf_8_and_have_empty_lines(tmp_path):
    name = b"caf\xe9.png"
    (tmp_path / os.fsdecode(name)).touch()
    (tmp_path / "pairs.csv").write_bytes(b"infrared,visible\r\n\r\n" + name + b"," + name + b",\r\n,\r\n")
    (pair,) = read_table(tmp_path / "pairs.csv").pairs
    assert pair.infrared.exists()
