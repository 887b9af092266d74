"""Pairing by name, with the traps that real folders hold."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdrfuse.datasets.sets.keys import INFRARED_WORDS, VISIBLE_WORDS, pair_key
from mmdrfuse.datasets.sets.pairing import (
    Pairing,
    pair_files,
    pair_folders,
    walk,
)
from mmdrfuse.errors import InputError, PairingError
from mmdrfuse.images import is_picture
from mmdrfuse.pair import Pair


def paths(*names):
    return [Path(name) for name in names]


def names(pairing):
    return [(pair.name, pair.infrared.name, pair.visible.name) for pair in pairing.pairs]


@pytest.fixture
def folders(tmp_path):
    """Make two folders with empty files of the given names."""

    def make(infrared, visible):
        for side, files in (("ir", infrared), ("vi", visible)):
            for file in ("", *files):
                target = tmp_path / side / file
                if file:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.touch()
                else:
                    target.mkdir(parents=True)
        return tmp_path / "ir", tmp_path / "vi"

    return make


@pytest.mark.parametrize(
    ("stem", "key"),
    [
        ("IR_meting003_g", "meting003"),  # TNO
        ("VIS_meting003_r", "meting003"),
        ("DJI_0001_T", "dji_0001"),
        ("ir001", "001"),
        ("001ir", "001"),
        ("scene.thermal.0007", "scene_0007"),
        ("FLIR_00006", "flir_00006"),  # a word that only contains one
        ("Irish-01", "irish_01"),
        ("visitor_t2", "visitor_2"),
        ("meting_g", "meting_g"),  # a last letter is a channel only beside a word of the modality
        ("ir", ""),
        ("CT-16003", "16003"),
    ],
)
def test_key_cuts_whole_words_of_the_modality_only(stem, key):
    assert pair_key(stem) == key


@pytest.mark.slow
@given(st.from_regex(r"[a-m0-9]{1,6}", fullmatch=True), st.sampled_from("_-. "))
def test_key_is_the_same_for_every_word_of_either_side(core, gap):
    keys = {pair_key(f"{word}{gap}{core}{gap}9") for word in INFRARED_WORDS + VISIBLE_WORDS}
    assert len(keys) == 1


def test_equal_names_pair_whatever_else_lies_between_them():
    pairing = pair_files(paths("a.png", "b.png", "d.jpg"), paths("Thumbs.db", "a.jpg", "c.png", "d.png"))
    assert names(pairing) == [("a", "a.png", "a.jpg"), ("d", "d.jpg", "d.png")]
    assert pairing.orphans == (Path("b.png"), Path("c.png"))
    assert pairing.ignored == (Path("Thumbs.db"),)


def test_names_that_differ_by_modality_pair_and_keep_their_case():
    pairing = pair_files(paths("IR_Meting003_g.bmp"), paths("VIS_Meting003_r.bmp"))
    assert names(pairing) == [("Meting003", "IR_Meting003_g.bmp", "VIS_Meting003_r.bmp")]


def test_equal_names_come_before_equal_keys():
    pairing = pair_files(paths("x_ir.png", "x.png"), paths("x.png"))
    assert names(pairing) == [("x", "x.png", "x.png")]
    assert pairing.orphans == (Path("x_ir.png"),)


@pytest.mark.parametrize(
    ("infrared", "visible"),
    [
        (("a.png", "a.jpg"), ("a.png",)),
        (("ir_a.png", "thermal_a.png"), ("vis_a.png",)),
        (("a_ir.png",), ("a_vi.png", "a_rgb.png")),
    ],
)
def test_a_name_that_fits_two_files_is_told_and_not_guessed(infrared, visible):
    pairing = pair_files(paths(*infrared), paths(*visible))
    assert pairing.pairs == ()
    assert pairing.orphans == ()
    assert {path.name for path in pairing.ambiguous[0]} == {*infrared, *visible}
    assert "one name fits more than one file" in next(pairing.ambiguous_lines())


def test_two_pairs_never_get_one_name():
    pairing = pair_files(paths("a.png", "ir_a.png"), paths("a.png", "vis_a.png"))
    assert names(pairing) == [("a", "a.png", "a.png")]
    assert [path.name for path in pairing.ambiguous[0]] == ["ir_a.png", "vis_a.png"]


def test_files_that_are_called_by_their_modality_alone_pair():
    assert names(pair_files(paths("IR.png"), paths("VIS.png"))) == [("IR", "IR.png", "VIS.png")]


def test_an_accent_is_the_same_however_it_is_spelled():
    composed, decomposed = (unicodedata.normalize(form, "café.png") for form in ("NFC", "NFD"))
    assert len(pair_files(paths(composed), paths(decomposed)).pairs) == 1


@pytest.mark.slow
@given(st.lists(st.from_regex(r"[a-c]{1,2}_?(ir|vis)?", fullmatch=True), max_size=8, unique=True), st.randoms())
def test_every_file_is_told_once_whatever_the_order(stems, random):
    sides = [paths(*(f"{side}/{stem}.png" for stem in stems)) for side in ("x", "y")]
    pairing = pair_files(*sides)
    named = [path for pair in pairing.pairs for path in (pair.infrared, pair.visible)]
    named += [*pairing.orphans, *(path for group in pairing.ambiguous for path in group)]
    assert sorted(named) == sorted(sides[0] + sides[1])
    shuffled = [random.sample(side, len(side)) for side in sides]
    assert pair_files(*shuffled).pairs == pairing.pairs


@pytest.mark.parametrize(("name", "expected"), [("a.PNG", True), ("._a.jpg", False), ("a.db", False), ("a", False)])
def test_pictures_are_told_by_their_ending(name, expected):
    assert is_picture(Path(name)) is expected


def test_sub_folders_become_part_of_the_name(folders):
    infrared, visible = folders(["s1/a.png", "s2/a.png", "a.png"], ["s1/a.jpg", "s3/a.jpg", "a.jpg"])
    pairing = pair_folders(infrared, visible, recursive=True)
    assert [pair.name for pair in pairing.pairs] == ["a", "s1/a"]
    assert set(pairing.orphans) == {infrared / "s2/a.png", visible / "s3/a.jpg"}


def test_sub_folders_that_are_not_looked_into_are_told(folders):
    infrared, visible = folders(["a.png", "more/b.png"], ["a.png", "b.png"])
    pairing = pair_folders(infrared, visible)
    assert pairing.ignored == (infrared / "more",)
    assert list(pairing.unused_lines()) == [
        f"{visible / 'b.png'}: no partner on the other side",
        f"{infrared / 'more'}: its pictures are in no pair",
    ]


def test_a_file_that_is_no_picture_is_told(folders):
    infrared, visible = folders(["a.png"], ["a.png", "Thumbs.db"])
    assert list(pair_folders(infrared, visible).unused_lines()) == [f"{visible / 'Thumbs.db'}: no picture"]


@pytest.mark.parametrize(
    ("infrared", "visible", "message"),
    [
        (["1.png", "2.png"], ["x.png"], r"no infrared picture \(2: 1.png, 2.png\) has a visible partner \(1: x.png\)"),
        (["1.png", "2.png", "3.png", "4.png"], ["x.png"], r"\(4: 1.png, 2.png, 3.png and 1 more\).*rename the files"),
        ([], ["x.png"], "the infrared side has no pictures .* it is empty; give another folder"),
        (["x.png"], ["train/x.png"], "the visible side has no pictures .* it holds only train"),
        (["x.png", "x.jpg"], ["x.png"], r"one name fits several files \(x.jpg, x.png, x.png\); rename"),
    ],
)
def test_no_pair_is_an_error_that_says_why(folders, infrared, visible, message):
    with pytest.raises(PairingError, match=message):
        pair_folders(*folders(infrared, visible))


def test_a_folder_is_not_paired_with_itself(folders):
    infrared, _ = folders(["a.png"], [])
    with pytest.raises(PairingError, match="ir: is given for both sides"):
        pair_folders(infrared, infrared / ".." / "ir")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder; give the folder that holds the pictures"):
        pair_folders(tmp_path / "nowhere", tmp_path)


def test_a_link_to_a_folder_is_followed_and_a_loop_is_not(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").touch()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "loop").symlink_to(tmp_path)
    assert [folder.relative_to(tmp_path).as_posix() for folder, _, _ in walk(tmp_path)] == [".", "data", "link"]


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"cannot be listed \(Permission denied\); check the path and its permissions"):
        list(walk(tmp_path))


def test_merging_keeps_everything_and_sorts_the_pairs():
    one = Pairing((Pair("b", Path("1"), Path("2")),), orphans=(Path("3"),))
    two = Pairing((Pair("a", Path("4"), Path("5")),), ignored=(Path("6"),), ambiguous=((Path("7"), Path("8")),))
    merged = Pairing.merged([one, two])
    assert [pair.name for pair in merged.pairs] == ["a", "b"]
    assert (merged.orphans, merged.ignored, merged.ambiguous) == (one.orphans, two.ignored, two.ambiguous)


def test_scans_without_an_ending_pair_by_their_whole_names(tmp_path):
    names_of = ("1.2.840.1", "1.2.840.2", "IM0001", "brain.nii.gz")
    for side in ("pet", "mri"):
        (tmp_path / side).mkdir()
        for name in names_of:
            (tmp_path / side / name).write_bytes(bytes(128) + b"DICM")
    (tmp_path / "pet" / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    pairing = pair_folders(tmp_path / "pet", tmp_path / "mri")
    assert [pair.name for pair in pairing.pairs] == ["1.2.840.1", "1.2.840.2", "IM0001", "brain"]
    assert pairing.ignored == (tmp_path / "pet" / "DICOMDIR",)
