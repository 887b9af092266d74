"""Layouts of the public sets, on trees made to their documented shapes and on the real subsets."""

import re
from pathlib import Path

import pytest

from mmdrfuse.datasets.layouts import LAYOUTS, find_pairs
from mmdrfuse.errors import InputError, PairingError, UnknownNameError


@pytest.fixture
def tree(tmp_path):
    """Make a root with empty files of the given names below it."""

    def make(*files, root="some set"):
        for file in files:
            target = tmp_path / root / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        return tmp_path / root

    return make


TREES = {
    "llvip": (
        ["infrared/train/010001.jpg", "visible/train/010001.jpg", "infrared/test/190001.jpg", "visible/test/190001.jpg",
         "Annotations/010001.xml"],
        ["test/190001", "train/010001"],
    ),
    "roadscene": (
        ["cropinfrared/FLIR_00006.jpg", "crop_LR_visible/FLIR_00006.jpg", "crop_LR_visible/Thumbs.db"],
        ["FLIR_00006"],
    ),
    "msrs": (["test/ir/00537D.png", "test/vi/00537D.png", "train/ir/00001N.png", "train/vi/00001N.png"],
             ["test/00537D", "train/00001N"]),
    "vifb": (["IR/fight.jpg", "VI/fight.jpg", "IR/manwithbag.jpg", "VI/manwithbag.jpg"], ["fight", "manwithbag"]),
    "harvard": (
        ["CT-MRI/train/CT/16003.png", "CT-MRI/train/MRI/16003.png", "PET-MRI/test/PET/25016.png",
         "PET-MRI/test/MRI/25016.png"],
        ["CT-MRI/train/16003", "PET-MRI/test/25016"],
    ),
    "folders": (["Night/Thermal/a.png", "Night/RGB/a.png", "lwir/V001/b.png", "visible/V001/b.png"],
                ["Night/a", "V001/b"]),
}  # fmt: skip


@pytest.mark.parametrize("name", TREES)
def test_a_set_is_recognised_by_its_tree(tree, name):
    files, pairs = TREES[name]
    layout, pairing = find_pairs(tree(*files))
    assert layout.name == name
    assert [pair.name for pair in pairing.pairs] == pairs


@pytest.mark.parametrize(("root", "name"), [("TNO_Image_Fusion", "tno"), ("mine", "folders")])
def test_tno_is_recognised_by_the_name_of_its_root_alone(tree, root, name):
    assert find_pairs(tree("ir/05.png", "vi/05.png", root=root))[0].name == name


def test_other_names_than_the_sets_own_are_no_reason_to_claim_its_licence(tree):
    layout, pairing = find_pairs(tree("infrared/train/garden.jpg", "visible/train/garden.jpg"))
    assert (layout.name, pairing.pairs[0].name) == ("folders", "train/garden")


def test_a_named_layout_is_taken_whatever_the_files_are_called(tree):
    root = tree("infrared/train/garden.jpg", "visible/train/garden.jpg")
    assert find_pairs(root, "llvip")[0] is LAYOUTS["llvip"]


def test_equal_file_names_in_two_splits_stay_apart(tree):
    files = [f"{side}/{split}/010001.jpg" for side in ("infrared", "visible") for split in ("train", "test")]
    _, pairing = find_pairs(tree(*files))
    assert [pair.name for pair in pairing.pairs] == ["test/010001", "train/010001"]
    assert all(pair.infrared.parent.name == pair.visible.parent.name for pair in pairing.pairs)


def test_a_split_on_one_side_only_gives_orphans(tree):
    root = tree("infrared/train/010001.jpg", "visible/train/010001.jpg", "infrared/test/190001.jpg")
    assert find_pairs(root)[1].orphans == (root / "infrared/test/190001.jpg",)


def test_folders_of_pictures_that_the_layout_does_not_use_are_told(tree):
    root = tree("IR/fight.jpg", "VI/fight.jpg", "fused/fight_ADF.jpg", "notes/readme.txt")
    assert list(find_pairs(root)[1].unused()) == [f"{root / 'fused'}: its pictures are in no pair"]


def test_two_folders_of_one_side_make_names_ambiguous_rather_than_one_win(tree):
    root = tree("ir/a.png", "thermal/a.png", "vi/a.png", "ir/b.png", "vi/b.png")
    _, pairing = find_pairs(root)
    assert [pair.name for pair in pairing.pairs] == ["b"]
    assert len(pairing.ambiguous[0]) == 3


def test_a_root_without_pairs_names_what_was_seen_and_what_was_looked_for(tree):
    with pytest.raises(PairingError) as caught:
        find_pairs(tree("left/a.png", "right/a.png"))
    message = str(caught.value)
    assert "Folders with files, and how many pictures: left (1); right (1)" in message
    assert all(re.search(rf"^  {name}: ", message, re.MULTILINE) for name in LAYOUTS)
    assert "name the two folders after their sides (ir, vi)" in message


def test_many_folders_are_cut_short_in_the_message(tree):
    with pytest.raises(PairingError, match="and 3 more"):
        find_pairs(tree(*(f"f{number:02}/a.png" for number in range(15))))


def test_an_empty_root_is_said_to_be_so(tmp_path):
    with pytest.raises(PairingError, match="how many pictures: none"):
        find_pairs(tmp_path)


def test_names_without_partners_are_an_error_with_examples(tree):
    with pytest.raises(PairingError, match=r"\(layout folders\): no infrared picture \(1: a.png\)"):
        find_pairs(tree("ir/a.png", "vi/b.png"))


def test_an_unknown_layout_is_answered_with_near_misses(tree):
    with pytest.raises(UnknownNameError, match="unknown layout 'lvip': did you mean llvip"):
        find_pairs(tree("ir/a.png"), "lvip")


def test_a_missing_root_is_named(tmp_path):
    with pytest.raises(InputError, match="gone: no such folder; give the root of a set"):
        find_pairs(tmp_path / "gone")


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_every_public_set_says_where_it_is_from_and_what_to_cite(layout):
    assert layout.title
    if layout.name != "folders":
        assert layout.source.startswith("https://")
        assert re.search(r"\d{4}|Whole Brain Atlas", layout.citation)


@pytest.mark.parametrize(
    ("folder", "layout", "count", "unused"),
    [
        ("LLVIP", "llvip", 32, []),
        ("RoadScene", "roadscene", 171, ["Thumbs.db: no picture"]),
        ("MSRS", "msrs", 2, []),
        ("TNO", "tno", 17, ["fused: its pictures are in no pair"]),
        ("VIFB", "vifb", 8, ["fused: its pictures are in no pair"]),
        ("Harvard", "harvard", 160 + 245 + 333, []),
        ("Harvard/PET-MRI", "harvard", 245, []),
        ("Harvard/SPECT-MRI/train", "harvard", 333, []),
    ],
)
def test_real_sets_are_paired_completely(shared, folder, layout, count, unused):
    found, pairing = find_pairs(shared / "data" / folder)
    assert (found.name, len(pairing.pairs)) == (layout, count)
    assert [line.rpartition("/")[2] for line in pairing.unused()] == unused
    assert all(Path(pair.infrared).stem == Path(pair.visible).stem for pair in pairing.pairs)


def test_in_medicine_the_functional_image_stands_in_infrareds_place(shared):
    _, pairing = find_pairs(shared / "data" / "Harvard")
    assert {pair.infrared.parent.name for pair in pairing.pairs} == {"CT", "PET", "SPECT"}
    assert {pair.visible.parent.name for pair in pairing.pairs} == {"MRI"}
