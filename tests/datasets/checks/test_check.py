"""Checking a set: each thing that may be wrong with one is planted, and found."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from mmdrfuse import images
from mmdrfuse.datasets.checks.check import NOTES, PROBLEMS, check
from mmdrfuse.errors import UnknownNameError


@pytest.fixture
def root(tmp_path, rng):
    """Make a healthy set of three pairs, whose root has what is wrong written into it."""

    def picture(shape=(64, 80)):
        return (ndimage.gaussian_filter(rng.random(shape), 2) * 1000 % 256).astype(np.uint8)

    for side in ("ir", "vi"):
        for name in ("train/a", "train/b", "test/c"):
            images.write(tmp_path / side / f"{name}.png", picture())
    return tmp_path


def found(root, **options):
    return check(root, workers=1, **options)


def test_a_healthy_set_needs_no_attention(root):
    report = found(root)
    assert (report.attention, report.notes) == ({}, {})
    assert (report.layout.name, len(report.pairs)) == ("folders", 3)
    assert (report.sizes, report.kinds(0)) == ({"80x64": 6}, {"8-bit grey": 3})
    assert report.splits == {"train": 2, "test": 1}


def truncate(root):
    path = root / "vi/train/a.png"
    path.write_bytes(path.read_bytes()[:2000])


def not_a_picture(root):
    (root / "vi/train/a.png").write_text("hello")


def empty_file(root):
    (root / "vi/train/a.png").write_bytes(b"")


def no_numbers(root):
    Image.fromarray(np.full((64, 80), np.nan, np.float32)).save(root / "vi/train/a.tiff")
    (root / "vi/train/a.png").unlink()


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (truncate, "a.png: damaged or unreadable picture"),
        (not_a_picture, "a.png: not a picture in a known format"),
        (empty_file, "a.png: not a picture in a known format"),
        (no_numbers, "a.tiff: has pixels that are NaN or infinite; replace or remove it"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_reason(root, damage, line):
    damage(root)
    report = found(root)
    assert list(report.attention) == ["unreadable"]
    assert line in report.attention["unreadable"][0]
    assert len(report.pairs) == 3
    assert report.sizes.total() == 5


def test_sizes_that_differ_within_a_pair_are_named(root):
    images.write(root / "vi/train/b.png", np.eye(70, 90, dtype=np.uint8) * 200)
    assert found(root).attention == {"sizes": ["train/b: infrared 80x64, visible 90x70"]}


def test_orphans_and_ambiguous_names_are_named(root):
    (root / "vi/train/b.png").rename(root / "vi/train/z.png")
    images.write(root / "vi/test/c.jpg", np.eye(64, 80, dtype=np.uint8))
    attention = found(root).attention
    assert attention["orphans"] == [str(root / "ir/train/b.png"), str(root / "vi/train/z.png")]
    assert attention["ambiguous"] == [
        ", ".join(str(root / f"{name}") for name in ("ir/test/c.png", "vi/test/c.jpg", "vi/test/c.png"))
    ]


@pytest.mark.parametrize(
    ("values", "constant"),
    [(np.zeros((64, 80), np.uint8), True), (np.tile(np.uint8([100, 102]), (64, 40)), True),
     (np.tile(np.uint8([100, 103]), (64, 40)), False), (np.tile(np.uint16([7000, 7001]), (64, 40)), False),
     (np.full((64, 80), 7000, np.uint16), True)],
)  # fmt: skip
def test_a_picture_of_one_value_is_named(root, values, constant):
    images.write(root / "ir/test/c.png", values)
    assert found(root).attention == ({"constant": [str(root / "ir/test/c.png")]} if constant else {})


def test_a_copy_in_another_split_is_named(root):
    for side in ("ir", "vi"):
        images.write(root / side / "test/c.png", images.read(root / side / "train/a.png"))
    assert found(root).attention == {"leaks": ["test/c = train/a (1.000)"]}


def test_a_displaced_pair_is_named_with_its_shift(root, rng):
    wide = (ndimage.gaussian_filter(rng.random((200, 260)), 3) * 2000 % 256).astype(np.uint8)
    images.write(root / "ir/test/c.png", wide[:, 10:250])
    images.write(root / "vi/test/c.png", wide[:, :240])
    report = found(root)
    assert list(report.attention) == ["off"]
    assert report.attention["off"][0].startswith("test/c: visible 10 px right, 0 px ")
    assert report.alignment.off


def test_what_may_be_so_is_told_without_calling_for_attention(root):
    grey = images.read(root / "ir/train/a.png")
    images.write(root / "ir/train/a.png", np.dstack([grey] * 3))
    (root / "vi/train/Thumbs.db").touch()
    images.write(root / "fused/a.png", grey)
    report = found(root)
    assert report.attention == {}
    assert report.notes == {
        "gray_as_rgb": [str(root / "ir/train/a.png")],
        "no_pictures": [str(root / "vi/train/Thumbs.db")],
        "unused": [str(root / "fused")],
    }
    assert report.kinds(0) == {"8-bit grey": 2, "8-bit RGB": 1}


def test_count_and_size_of_a_known_set_are_expected(tmp_path, rng):
    for side in ("infrared", "visible"):
        images.write(tmp_path / side / "train/010001.png", rng.integers(0, 256, (64, 80), dtype=np.uint8))
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations/010001.xml").touch()
    report = found(tmp_path)
    assert report.notes["unexpected"] == [
        "pairs: 1 here, 15488 in the whole set", "2 pictures are not 1280x1024, the size of the set's pictures",
    ]  # fmt: skip
    assert report.document()["labels"] == 1


def test_the_document_holds_everything_and_is_json(root):
    (root / "vi/train/b.png").unlink()
    document = json.loads(json.dumps(found(root).document(), allow_nan=False))
    assert document["attention"] == {"orphans": [str(root / "ir/train/b.png")]}
    assert set(document["alignment"]) == {"train/a", "test/c"}
    assert set(document["alignment"]["test/c"]) == {"score", "shift", "clarity", "off"}
    assert document["kinds"] == {"infrared": {"8-bit grey": 2}, "visible": {"8-bit grey": 2}}


def test_two_folders_a_table_and_a_regular_expression_are_taken(root):
    (root / "pairs.csv").write_text("infrared,visible\nir/train/a.png,vi/test/c.png\n")
    assert len(found(root / "pairs.csv").pairs) == 1
    assert len(found((root / "ir", root / "vi")).pairs) == 3
    assert [each.pair.name for each in found(root, pair_regex="[ab]").pairs] == ["train/a", "train/b"]


def test_threads_do_not_change_what_is_found(root):
    assert found(root).document() == check(root, workers=3).document()


def test_every_kind_of_finding_has_its_words():
    assert not set(PROBLEMS) & set(NOTES)


def test_an_unknown_layout_is_answered_with_near_misses(root):
    with pytest.raises(UnknownNameError, match="did you mean llvip"):
        found(root, layout="llvp")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "attention", "notes"),
    [("RoadScene", [], ["no_pictures", "unexpected"]), ("TNO", [], ["gray_as_rgb", "unused"]),
     ("VIFB", [], ["gray_as_rgb", "unused", "unexpected"]), ("MSRS", [], ["unexpected"])],
)  # fmt: skip
def test_real_sets_are_fit_for_use(shared, folder, attention, notes):
    report = found(shared / "data" / folder)
    assert (list(report.attention), list(report.notes)) == (attention, notes)
