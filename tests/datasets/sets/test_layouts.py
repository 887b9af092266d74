"""Layouts of the public sets, on trees made to their documented shapes and on the real subsets."""

import re
from pathlib import Path

import pytest

from mmdrfuse.datasets.sets.layouts import LAYOUTS, find_pairs
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
        ["cropinfrared/FLIR_00006.jpg", "crop_LR_visible/FLIR_00006.jpg", "crop_LR_visible/Thumbs.db",
         "crop_HR_visible/FLIR_00006.jpg"],
        ["FLIR_00006"],
    ),
    "msrs": (
        ["test/ir/00537D.png", "test/vi/00537D.png", "train/ir/00001N.png", "train/vi/00001N.png",
         "test/Segmentation_labels/00537D.png", "detection/ir/1.png", "detection/vi/1.png", "detection/labels/1.txt"],
        ["test/00537D", "train/00001N"],
    ),
    "m3fd": (
        ["Ir/00000.png", "Vis/00000.png", "Annotation/00000.xml"],
        ["00000"],
    ),
    "fmb": (
        ["train/Infrared/00002.png", "train/Visible/00002.png", "train/Label/00002.png", "train/color/00002.png",
         "test/Infrared/00001.png", "test/Visible/00001.png", "test/Label/00001.png"],
        ["test/00001", "train/00002"],
    ),
    "kaist": (
        ["set00/V000/visible/I00000.jpg", "set00/V000/lwir/I00000.jpg", "set11/V001/visible/I00019.jpg",
         "set11/V001/lwir/I00019.jpg"],
        ["set00/V000/I00000", "set11/V001/I00019"],
    ),
    "tno": (
        ["Athena_images/2_men_in_front_of_house/IR_meting003_g.bmp",
         "Athena_images/2_men_in_front_of_house/VIS_meting003_r.bmp",
         "tank/LWIR.tif", "tank/Vis.tif"],
        ["Athena_images/2_men_in_front_of_house/003", "tank"],
    ),
    "cddfuse": (
        ["TNO/ir/01.png", "TNO/vi/01.png", "RoadScene/ir/FLIR_00211.jpg", "RoadScene/vi/FLIR_00211.jpg",
         "MRI_CT/CT/11.png", "MRI_CT/MRI/11.png", "MRI_SPECT/SPECT/11.png", "MRI_SPECT/MRI/11.png"],
        ["MRI_CT/11", "MRI_SPECT/11", "RoadScene/FLIR_00211", "TNO/01"],
    ),
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


@pytest.mark.parametrize(
    ("files", "name", "pairs"),
    [
        (["ir/00000.png", "vi/00000.png", "labels/00000.txt", "meta/train.txt"], "m3fd", ["00000"]),
        (["cropinfrared/FLIR_00006.jpg", "crop_HR_visible/FLIR_00006.jpg"], "roadscene", ["FLIR_00006"]),
        (["detection/ir/1.png", "detection/vi/1.png", "detection/labels/1.txt"], "msrs", ["1"]),
        (["images/set06/V000/lwir/I00019.png", "images/set06/V000/visible/I00019.png"], "kaist",
         ["images/set06/V000/I00019"]),
        (["IR/train/010001.jpg", "VIS/train/010001.jpg"], "llvip", ["train/010001"]),
    ],
)  # fmt: skip
def test_other_forms_and_other_words_for_a_side_are_recognised_too(tree, files, name, pairs):
    layout, pairing = find_pairs(tree(*files))
    assert (layout.name, [pair.name for pair in pairing.pairs]) == (name, pairs)


TNO = {  # the names of the original archive
    "Athena_images/airplane_in_trees": ("ir.bmp", "vis.bmp"),
    "Athena_images/APC_1/view_2": ("IR_fk_ref_01_005.bmp", "VIS_fk_ref_01_005.bmp"),
    "Athena_images/APC_2/view_1": ("2_fk_ge_03_005.bmp", "1_fk_ge_03_005.bmp"),
    "Athena_images/bunker": ("IR_bunker_g.bmp", "bunker_r.bmp"),
    "Athena_images/heather": ("IR_hei_vis_g.bmp", "VIS_hei_vis_r.bmp"),
    "Athena_images/soldier_behind_smoke_1": ("IR_meting012-1200_g.bmp", "VIS_meting012-1200_r.bmp"),
    "DHV_images/bench": ("IR_37rad.bmp", "VIS_37dhvR.bmp"),
    "Triclobs_images/barbed_wire_1": ("B_LWIR.tif", "R_Vis.tif"),
    "Triclobs_images/barbed_wire_2": ("c_LWIR-MarnehNew_24RGB_1110.tif", "a_VIS-MarnehNew_24RGB_1110.tif"),
    "Triclobs_images/Bosnia": ("LWIR_B.bmp", "VIS_R.bmp"),
    "Triclobs_images/Farm": ("Farm_IR.bmp", "Farm_Vis.bmp"),
    "Triclobs_images/Kaptein_19": ("IR19.bmp", "Vis19.bmp"),
    "Triclobs_images/Kaptein_1123": ("Kaptein_1123_IR.bmp", "Kaptein_1123_Vis.bmp"),
    "DHV_images/Fire_sequence/part_1": ("thermal/RAD2.bmp", "dhv/DHV2.bmp"),
    "DHV_images/Fire_sequence/part_2": ("rad/RADheli0.bmp", "dhv/DHVheli0.bmp"),
    "FEL_images/Nato_camp_sequence": ("thermal/1800i.bmp", "visual/1800v.bmp"),
}


@pytest.mark.parametrize("folder", TNO)
def test_the_free_names_of_tno_are_paired(tree, folder):
    infrared, visible = TNO[folder]
    root = tree(f"{folder}/{infrared}", f"{folder}/{visible}")
    layout, pairing = find_pairs(root)
    assert layout.name == "tno"
    assert [(pair.infrared, pair.visible) for pair in pairing.pairs] == [
        (root / folder / infrared, root / folder / visible)
    ]
    assert pairing.pairs[0].name.startswith(folder)


def test_near_infrared_in_tno_is_told_and_paired_with_nothing(tree):
    files = [f"{kind}.bmp" for kind in ("LWIR", "NIR", "VIS")]
    root = tree(*(f"Triclobs_images/houses/{file}" for file in (*files, "notes.txt")), "Triclobs_images/Balls/VIS.bmp")
    _, pairing = find_pairs(root)
    folder = root / "Triclobs_images"
    assert list(pairing.unused_lines()) == [
        f"{folder}/Balls/VIS.bmp: no partner on the other side",
        f"{folder}/houses/NIR.bmp: belongs to neither side",
        f"{folder}/houses/notes.txt: no picture",
    ]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("llvip", ["Annotations/010001.xml"]),
        ("msrs", ["detection/labels/1.txt", "test/Segmentation_labels/00537D.png"]),
        ("m3fd", ["Annotation/00000.xml"]),
        ("fmb", ["test/Label/00001.png", "train/Label/00002.png", "train/color/00002.png"]),
    ],
)
def test_annotations_are_known_and_no_pictures_in_no_pair(tree, name, labels):
    root = tree(*TREES[name][0])
    _, pairing = find_pairs(root)
    assert [path.relative_to(root).as_posix() for path in pairing.labels] == labels
    beside = [line.removeprefix(f"{root}/") for line in pairing.unused_lines()]
    assert beside == [f"detection/{side}: its pictures are in no pair" for side in ("ir", "vi") if name == "msrs"]


def test_the_high_resolution_of_roadscene_is_told(tree):
    root = tree(*TREES["roadscene"][0])
    assert f"{root / 'crop_HR_visible'}: its pictures are in no pair" in list(find_pairs(root)[1].unused_lines())


@pytest.mark.parametrize(
    ("layout", "name", "scene"),
    [
        ("llvip", "train/010101", "0101"),
        ("llvip", "010030", "0100"),
        ("kaist", "images/set00/V003/I00019", "set00/V003"),
        ("tno", "DHV_images/Fire_sequence/part_3/80", "DHV_images/Fire_sequence/part_3"),
        ("tno", "Athena_images/bunker", "Athena_images/bunker"),
        ("msrs", "test/00537D", "test/00537D"),
    ],
)
def test_the_scene_of_a_pair_is_told_by_its_name(layout, name, scene):
    assert LAYOUTS[layout].scene_of(name) == scene


def test_file_names_may_hold_a_line_break(tree):
    _, pairing = find_pairs(tree("ir/a.png", "vi/a.png", "ir/b\nc.png", "vi/b\nc.png"))
    assert [pair.name for pair in pairing.pairs] == ["a", "b\nc"]


def test_two_folders_may_have_any_names(tree):
    root = tree("left/x/a.png", "right/x/a.png", "right/x/b.png")
    layout, pairing = find_pairs((root / "left", root / "right"))
    assert (layout.name, [pair.name for pair in pairing.pairs]) == ("folders", ["x/a"])
    assert pairing.orphans == (root / "right/x/b.png",)


@pytest.mark.parametrize("pattern", [r"(\d+)", r"(?P<key>\d+)", r"\d+", r"(?:cam|shot)(?P<key>\d+)(.*)"])
def test_a_regular_expression_tells_the_pairs(tree, pattern):
    root = tree("ir/cam7.png", "vi/shot7_b.png", "vi/other.png", "ir/other.png")
    _, pairing = find_pairs(root, pair_regex=pattern)
    assert [(pair.name, pair.visible.name) for pair in pairing.pairs] == [("7", "shot7_b.png")]
    assert [path.name for path in pairing.orphans] == ["other.png", "other.png"]


def test_a_broken_regular_expression_is_explained(tree):
    with pytest.raises(PairingError, match=r"'\(' is no regular expression .*; write one whose group"):
        find_pairs(tree("ir/a.png", "vi/a.png"), pair_regex="(")


def test_a_table_gives_its_pairs_with_names_that_differ(tree):
    root = tree("train/t1/1.png", "train/v1/1.png", "test/t1/1.png", "test/v1/1.png", "a.png", "b.png")
    (root / "pairs.csv").write_text(
        "infrared,visible\ntrain/t1/1.png,train/v1/1.png\ntest/t1/1.png,test/v1/1.png\na.png,b.png\n"
    )
    layout, pairing = find_pairs(root / "pairs.csv")
    assert (layout.name, [pair.name for pair in pairing.pairs]) == ("table", ["b", "test/v1/1", "train/v1/1"])
    assert find_pairs(root / "pairs.csv", "llvip")[0] is LAYOUTS["llvip"]


def test_a_table_needs_no_regular_expression(tree):
    root = tree("a.png", "b.png")
    (root / "pairs.csv").write_text("infrared,visible\na.png,b.png\n")
    with pytest.raises(PairingError, match=r"pairs\.csv: .*; leave out the regular expression"):
        find_pairs(root / "pairs.csv", pair_regex="a")


@pytest.mark.parametrize(("root", "name"), [("TNO_Image_Fusion", "tno"), ("mine", "folders")])
def test_tno_is_recognised_by_the_name_of_its_root_alone(tree, root, name):
    assert find_pairs(tree("ir/05.png", "vi/05.png", root=root))[0].name == name


def test_other_names_than_the_sets_own_are_no_reason_to_claim_its_licence(tree):
    layout, pairing = find_pairs(tree("infrared/train/garden.jpg", "visible/train/garden.jpg"))
    assert (layout.name, pairing.pairs[0].name) == ("folders", "train/garden")


@pytest.mark.parametrize(
    "files",
    [
        ["ir/00001.png", "vi/00001.png", "labels/00001.txt"],  # M3FD and FMB have more
        ["train/ir/00001.png", "train/vi/00001.png", "train/labels/00001.txt"],
        ["ir/train/990001.jpg", "vi/train/990001.jpg"],  # LLVIP has 26 places
        ["thermal/FLIR_00001.jpg", "rgb/FLIR_00001.jpg"],  # so are FLIR's own called
    ],
)
def test_what_only_resembles_a_set_is_any_folders(tree, files):
    assert find_pairs(tree(*files))[0].name == "folders"


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
    assert list(find_pairs(root)[1].unused_lines()) == [f"{root / 'fused'}: its pictures are in no pair"]


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
    assert "name the layout, or the two folders" in message


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
    with pytest.raises(InputError, match="gone: no such folder; give the root folder of a set"):
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
    assert [line.rpartition("/")[2] for line in pairing.unused_lines()] == unused
    assert all(Path(pair.infrared).stem == Path(pair.visible).stem for pair in pairing.pairs)


def test_in_medicine_the_functional_image_stands_in_infrareds_place(shared):
    _, pairing = find_pairs(shared / "data" / "Harvard")
    assert {pair.infrared.parent.name for pair in pairing.pairs} == {"CT", "PET", "SPECT"}
    assert {pair.visible.parent.name for pair in pairing.pairs} == {"MRI"}
