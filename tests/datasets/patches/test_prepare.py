"""From folders to the file of patches."""

import errno
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import PatchFile, prepare
from mmdrfuse.datasets.patches import cut as cutting
from mmdrfuse.datasets.patches import options
from mmdrfuse.errors import InputError, OutputError, PairingError, SizeError
from mmdrfuse.pipeline import Pair
from mmdrfuse.training import patches as training_patches


@pytest.fixture
def root(tmp_path, rng):
    """A set of two pairs: ``a`` 40×70, coloured on the visible side, and ``b`` 33×32 in 16 bits."""
    folder = tmp_path / "set"
    images.write(folder / "ir/a.png", rng.integers(0, 256, (40, 70), np.uint8))
    images.write(folder / "vi/a.png", rng.integers(0, 256, (40, 70, 3), np.uint8))
    images.write(folder / "ir/b.png", rng.integers(0, 65536, (33, 32), np.uint16))
    images.write(folder / "vi/b.png", rng.integers(0, 256, (33, 32), np.uint8))
    return folder


def read_all(path):
    patches = PatchFile(path)
    return patches, *patches.batch(np.arange(len(patches)))


def test_every_patch_is_where_the_index_says(root, tmp_path):
    made = prepare([root], tmp_path / "p.h5", patch=16, stride=9, depth="8")
    patches, infrared, visible = read_all(made.path)
    for record, left, right in zip(patches.index, infrared, visible, strict=True):
        pair = patches.sources[record["source"]]
        window = np.s_[record["y"] : record["y"] + 16, record["x"] : record["x"] + 16]
        if pair["name"] == "a":
            np.testing.assert_array_equal(left, images.read(root / pair["infrared"])[window])
        np.testing.assert_array_equal(right, images.luminance(images.read(root / pair["visible"]))[window])
    corners = {(r["y"], r["x"]) for r in patches.index if r["source"] == 0}
    assert corners == {(y, x) for y in range(0, 25, 9) for x in range(0, 55, 9)}


@pytest.mark.parametrize(
    ("patch", "stride", "count"),
    [(32, 32, 2 + 1), (16, 16, 2 * 4 + 2 * 2), (33, 1, 8 * 38), (40, 7, 5), (16, 100, 1 + 1), (32, None, 3)],
)
def test_the_grid_has_as_many_patches_as_fit(root, tmp_path, patch, stride, count):
    made = prepare([root], tmp_path / "p.h5", patch=patch, stride=stride)
    assert made.shape == (count, patch, patch) == PatchFile(made.path).shape


def test_sixteen_bits_become_eight_by_rounding(tmp_path):
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    images.write(tmp_path / "s/ir/a.png", ramp)
    images.write(tmp_path / "s/vi/a.png", np.zeros((256, 256), np.uint8))
    _, infrared, _ = read_all(prepare([tmp_path / "s"], tmp_path / "p.h5", patch=256, depth="8").path)
    np.testing.assert_array_equal(infrared[0], np.rint(ramp / 257))


def test_sixteen_bits_are_kept_for_all_where_any_picture_has_them(root, tmp_path):
    patches, infrared, visible = read_all(prepare([root], tmp_path / "p.h5", patch=32, per_pair=1).path)
    assert patches.dtype == infrared.dtype == visible.dtype == np.uint16
    np.testing.assert_array_equal(infrared[1], images.read(root / "ir/b.png")[:32])
    np.testing.assert_array_equal(visible[1], images.read(root / "vi/b.png")[:32] * np.uint16(257))
    patches.verify()


def test_exposures_of_sixteen_bits_are_refused(root, tmp_path):
    with pytest.raises(
        InputError, match="exposures need 8-bit pictures, and some of these have 16 bits; make the pictures 8 bits"
    ):
        prepare([root], tmp_path / "p.h5", patch=16, exposures=1)


def test_the_index_tells_the_scale_that_a_patch_was_cut_at(root, tmp_path):
    made = prepare([root], tmp_path / "p.h5", patch=16, scales=(1, 0.5), depth="8")
    patches, infrared, _ = read_all(made.path)
    of_a = patches.index["source"] == 0
    assert patches.index["scale"][of_a].tolist() == [1] * 8 + [0.5] * 2
    picture = images.read(root / "ir/a.png").astype(float)
    half = np.rint((picture[::2, ::2] + picture[1::2, ::2] + picture[::2, 1::2] + picture[1::2, 1::2]) / 4)
    np.testing.assert_array_equal(infrared[of_a][9], half[:16, 16:32])


def test_flat_patches_are_counted(root, tmp_path):
    for side in ("ir", "vi"):
        images.write(root / side / "c.png", np.zeros((32, 32), np.uint8))
    made = prepare([root], tmp_path / "p.h5", patch=16)
    assert (made.pairs, made.flat, made.shape[0]) == (2, 4, 12)


def test_a_pair_is_read_once_however_often_it_is_cut(root, tmp_path, monkeypatch):
    read, original = [], Pair.load
    monkeypatch.setattr(Pair, "load", lambda pair: read.append(pair) or original(pair))
    prepare([root], tmp_path / "p.h5", patch=16, exposures=3, scales=(1, 0.5), depth="8")
    assert len(read) == 2


def test_a_table_of_pairs_is_a_source_too(root, tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("infrared,visible\nset/ir/b.png,set/vi/b.png\n")
    patches = PatchFile(prepare([table], tmp_path / "p.h5", patch=16).path)
    assert [(source["name"], source["infrared"]) for source in patches.sources] == [("b", "set/ir/b.png")]


def test_floating_point_in_the_unit_range_becomes_eight_bits(tmp_path):
    values = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    images.write(tmp_path / "s/ir/a.tif", values)
    images.write(tmp_path / "s/vi/a.png", np.zeros((16, 16), np.uint8))
    _, infrared, _ = read_all(prepare([tmp_path / "s"], tmp_path / "p.h5", patch=16).path)
    np.testing.assert_array_equal(infrared[0].ravel(), np.arange(256))


def test_the_same_input_gives_the_same_bytes_however_many_workers(root, tmp_path):
    files = [prepare([root], tmp_path / f"{n}.h5", patch=16, stride=5, workers=n).path for n in (1, 4)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_file_does_not_tell_where_its_sources_lay(root, tmp_path):
    first = prepare([root], tmp_path / "1.h5", patch=16).path
    moved = root.rename(tmp_path / "moved")
    assert prepare([moved], tmp_path / "2.h5", patch=16).path.read_bytes() == first.read_bytes()
    assert str(tmp_path).encode() not in first.read_bytes()


def test_sources_are_told_with_their_hashes(root, tmp_path):
    pair = PatchFile(prepare([root, root], tmp_path / "p.h5", patch=16).path).sources
    assert [(entry["set"], entry["name"], entry["height"], entry["width"]) for entry in pair] == [
        (0, "a", 40, 70), (0, "b", 33, 32), (1, "a", 40, 70), (1, "b", 33, 32),
    ]  # fmt: skip
    assert pair[0]["visible"] == "vi/a.png"
    assert pair[0]["visible_sha256"] == hashlib.sha256((root / "vi/a.png").read_bytes()).hexdigest()


def test_what_is_left_out_is_told_and_the_rest_goes_on(root, tmp_path):
    images.write(root / "ir/orphan.png", np.zeros((20, 20), np.uint8))
    (root / "vi/Thumbs.db").touch()
    made = prepare([root], tmp_path / "p.h5", patch=34)
    assert made.pairs == 1
    assert made.failed == ()
    assert made.left_out == (
        f"{root / 'ir/orphan.png'}: no partner on the other side",
        f"{root / 'vi/Thumbs.db'}: no picture",
        f"{root / 'ir/b.png'}: 32x33 is smaller than a patch of 34x34",
    )


@pytest.mark.parametrize(
    ("infrared", "message"),
    [
        (
            np.zeros((41, 70), np.uint8),
            "a.png is 70x41 pixels, and .*a.png is 70x40.*resize or crop",
        ),
        (b"broken", "a.png: not a picture"),
    ],
)
def test_a_pair_that_cannot_be_used_fails_and_the_rest_goes_on(root, tmp_path, infrared, message):
    if isinstance(infrared, bytes):
        (root / "ir/a.png").write_bytes(infrared)
    else:
        images.write(root / "ir/a.png", infrared)
    made = prepare([root], tmp_path / "p.h5", patch=16)
    assert (made.pairs, made.shape[0], len(made.failed)) == (1, 4, 1)
    assert re.search(message, str(made.failed[0]))


def refusing(function, path):
    """Make a method of paths fail for one of them as a lost disk would."""

    def refuse(self, *arguments, **options):
        if self == path:
            raise OSError(errno.EIO, "Input/output error")
        return function(self, *arguments, **options)

    return refuse


def test_a_picture_that_cannot_be_opened_is_named_and_not_the_output(root, tmp_path, monkeypatch):
    lost = root / "ir/a.png"
    monkeypatch.setattr(Path, "open", refusing(Path.open, lost))
    made = prepare([root], tmp_path / "p.h5", patch=16)
    assert tuple(map(str, made.failed)) == (
        f"{lost}: cannot be read (Input/output error); check the path and its permissions",
    )
    assert made.pairs == 1


def test_the_hash_is_of_the_bytes_that_were_cut_whatever_becomes_of_the_file(root, tmp_path, monkeypatch):
    path, original = root / "ir/a.png", cutting.images.luminance
    content = path.read_bytes()
    for other in [*root.glob("ir/[!a].*"), *root.glob("vi/[!a].*")]:
        other.unlink()  # another pair might be cut before this one is read

    def replaced(image):
        path.write_bytes(b"another picture by now")
        return original(image)

    monkeypatch.setattr(cutting.images, "luminance", replaced)
    prepare([root], tmp_path / "p.h5", patch=16)
    hashes = [source["infrared_sha256"] for source in PatchFile(tmp_path / "p.h5").sources]
    assert hashlib.sha256(content).hexdigest() in hashes


def test_a_root_that_cannot_be_searched_is_named_and_not_the_output(root, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "is_dir", refusing(Path.is_dir, root))
    with pytest.raises(InputError, match=rf"^{re.escape(str(root))}: cannot be read \(Input/output error\); check"):
        prepare([root], tmp_path / "p.h5", patch=16)
    assert not (tmp_path / "p.h5").exists()


def test_the_smallest_patch_is_the_smallest_that_training_takes():
    assert options.MIN_PATCH == training_patches.MIN_PATCH


def test_ambiguous_names_count_as_failed(root, tmp_path):
    images.write(root / "ir/a.bmp", np.zeros((40, 70), np.uint8))
    made = prepare([root], tmp_path / "p.h5", patch=16)
    assert made.pairs == 1
    assert "one name fits more than one file; rename or move some of them" in str(made.failed[0])


def test_floating_point_beyond_the_unit_range_is_refused(tmp_path):
    images.write(tmp_path / "s/ir/a.tif", np.full((16, 16), 300, np.float32))
    images.write(tmp_path / "s/vi/a.png", np.zeros((16, 16), np.uint8))
    with pytest.raises(
        InputError, match=r"no patch .* from 1 pairs: .*a.tif: float images must lie in .0, 1., not .*; scale"
    ):
        prepare([tmp_path / "s"], tmp_path / "p.h5", patch=16)


def test_nothing_is_written_when_no_patch_fits(root, tmp_path):
    with pytest.raises(
        InputError, match=r"no patch could be cut from 2 pairs: .*b.png: 32x33 is smaller than a patch of 64x64"
    ):
        prepare([root], tmp_path / "p.h5", patch=64)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_an_existing_file_is_kept_unless_told_otherwise(root, tmp_path):
    out = tmp_path / "p.h5"
    out.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        prepare([root], out, patch=16)
    assert out.read_bytes() == b"precious"
    prepare([root], out, patch=16, overwrite=True)
    assert len(PatchFile(out)) == 12


def test_an_interrupted_run_leaves_the_old_file(root, tmp_path):
    out = prepare([root], tmp_path / "p.h5", patch=16).path
    before = out.read_bytes()

    def interrupt(title, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare([root], out, patch=32, overwrite=True, progress=interrupt)
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.h5", "set"]


@pytest.mark.parametrize(("patch", "stride"), [(15, 1), (16, 0)])
def test_a_patch_or_stride_that_is_too_small_is_refused(root, tmp_path, patch, stride):
    with pytest.raises(
        SizeError, match=f"patch {patch} with stride {stride}: the patch must be at least 16, the stride 1"
    ):
        prepare([root], tmp_path / "p.h5", patch=patch, stride=stride)


def test_a_source_without_pairs_stops_before_anything_is_written(root, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(PairingError, match="empty: no folders of pairs found"):
        prepare([root, tmp_path / "empty"], tmp_path / "p.h5", patch=16)
    assert not (tmp_path / "p.h5").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "count", "left_out"),
    [("RoadScene", 1143, ["Thumbs.db: no picture"]), ("TNO", 219, ["fused: its pictures are in no pair"])],
)
def test_real_sets_give_the_patches_that_their_sizes_allow(shared, tmp_path, folder, count, left_out):
    made = prepare([shared / "data" / folder], tmp_path / "p.h5")
    sizes = [(entry["height"], entry["width"]) for entry in PatchFile(made.path).sources]
    assert made.shape[0] == count == sum((h // 128) * (w // 128) for h, w in sizes)
    assert (made.failed, [line.rpartition("/")[2] for line in made.left_out]) == ((), left_out)


def test_at_most_so_many_patches_of_a_pair_come_from_all_over_it(root, tmp_path):
    made = prepare([root], tmp_path / "p.h5", patch=16, stride=9, per_pair=4)
    index = PatchFile(made.path).index
    assert [int((index["source"] == number).sum()) for number in (0, 1)] == [4, 4]
    rows, columns = (index[axis][index["source"] == 0] for axis in "yx")
    assert len(set(rows)) > 1
    assert columns.max() - columns.min() >= 18


def test_other_exposures_are_more_patches_of_the_same_pairs(root, tmp_path):
    plain = read_all(prepare([root], tmp_path / "1.h5", patch=16, depth="8").path)
    made = prepare([root], tmp_path / "2.h5", patch=16, exposures=2, depth="8")
    patches, infrared, _ = read_all(made.path)
    assert (made.pairs, len(patches)) == (2, 3 * len(plain[0]))
    assert [source["exposure"] for source in patches.sources] == [0, 1, 2] * 2
    of_first = [infrared[patches.index["source"] == number] for number in range(3)]
    np.testing.assert_array_equal(of_first[0], plain[1][: len(of_first[0])])
    assert not np.array_equal(of_first[1], of_first[2])


def test_every_nth_pair_by_name_is_held_out_and_said(tmp_path, rng):
    for name in "abcdefg":
        for side in ("ir", "vi"):
            images.write(tmp_path / "s" / side / f"{name}.png", rng.integers(0, 256, (16, 16), np.uint8))
    made = prepare([tmp_path / "s"], tmp_path / "p.h5", patch=16, hold_out=3)
    assert [source["name"] for source in PatchFile(made.path).sources] == list("abdeg")
    assert made.left_out == (f"{tmp_path / 's'}: 2 of 7 pairs held out",)


def test_what_is_all_flat_is_told_so(root, tmp_path):
    with pytest.raises(InputError, match=r"no patch could be cut from 2 pairs: 12 patches are flat"):
        prepare([root], tmp_path / "p.h5", patch=16, min_gradient=254)


def test_the_infrared_of_a_thermal_camera_is_its_temperatures(tmp_path, monkeypatch):
    """The file's picture that everybody sees is another, and here smaller than a patch."""
    images.write(tmp_path / "set" / "ir" / "a.jpg", np.zeros((8, 8), np.uint8))
    images.write(tmp_path / "set" / "vi" / "a.png", np.zeros((16, 16), np.uint8))
    temperatures = np.arange(256, dtype=np.uint16).reshape(16, 16)
    monkeypatch.setattr("mmdrfuse.images.formats.flir.is_radiometric", lambda content: True)
    monkeypatch.setattr("mmdrfuse.images.formats.flir.decode", lambda content, name, side: temperatures)
    patches = PatchFile(prepare([tmp_path / "set"], tmp_path / "p.h5", patch=16).path)
    np.testing.assert_array_equal(patches.batch(np.array([0]))[0][0], temperatures)
