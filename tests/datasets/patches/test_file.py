"""The file of patches: what goes in comes out, in any order, and damage is noticed."""

import hashlib
import json
import multiprocessing
import os
import pickle
import zlib

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdrfuse.datasets.patches.file import PatchFile
from mmdrfuse.datasets.patches.structure import FORMAT_VERSION
from mmdrfuse.datasets.patches.write import PackedPatches, PatchWriter
from mmdrfuse.errors import PatchFileError, UnknownNameError

SIZE = (12, 16)


def blocks(rng, counts=(3, 4), size=SIZE):
    """Random patches: (infrared, visible, corners) for each pair."""
    return [
        (*(rng.integers(0, 256, (count, *size), np.uint8) for _ in range(2)), rng.integers(0, 99, (count, 2)))
        for count in counts
    ]


def write(path, parts, size=SIZE, *, splits=(0, 0), dtype=np.uint8):
    with PatchWriter(path, size, {"patch": 12, "note": "ü"}, dtype=dtype) as writer:
        for number, (part, split) in enumerate(zip(parts, splits, strict=False)):
            writer.add(PackedPatches.of(*part, split=split), {"name": f"pair {number}"})
    return path


@pytest.fixture
def parts(rng):
    return blocks(rng)


@pytest.fixture
def file(tmp_path, parts):
    return write(tmp_path / "p.h5", parts)


def whole(parts, side):
    return np.concatenate([part[side] for part in parts])


def test_patches_come_back_in_the_order_asked_for(file, parts):
    indices = np.array([6, 0, 3, 3, 2])
    infrared, visible = PatchFile(file).batch(indices)
    np.testing.assert_array_equal(infrared, whole(parts, 0)[indices])
    np.testing.assert_array_equal(visible, whole(parts, 1)[indices])
    assert infrared.dtype == visible.dtype == np.uint8


def test_batches_from_memory_are_the_same(file):
    indices = np.array([4, 1, 1])
    for read, loaded in zip(PatchFile(file).batch(indices), PatchFile(file).load().batch(indices), strict=True):
        np.testing.assert_array_equal(read, loaded)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_patches_survive_the_round_trip(tmp_path_factory, count, height, width, seed):
    parts = blocks(np.random.default_rng(seed), (count,), (height, width))
    file = PatchFile(write(tmp_path_factory.mktemp("h5") / "p.h5", parts, (height, width)))
    for side, patches in enumerate(file.batch(np.arange(count))):
        np.testing.assert_array_equal(patches, whole(parts, side))


def test_the_file_is_plain_hdf5_that_any_reader_opens(file, parts):
    with h5py.File(file) as plain:
        np.testing.assert_array_equal(plain["infrared"][:], whole(parts, 0))
        np.testing.assert_array_equal(plain["visible"][2:5], whole(parts, 1)[2:5])
        assert plain["visible"].chunks == (1, *SIZE)
        assert plain.attrs["format"] == "mmdrfuse-patches"
        assert json.loads(plain.attrs["options"])["patch"] == 12


def test_what_the_file_tells_about_itself(file, parts):
    patches = PatchFile(file)
    assert (len(patches), patches.shape, patches.nbytes) == (7, (7, *SIZE), 2 * 7 * 12 * 16)
    assert patches.options == {"patch": 12, "note": "ü"}
    assert patches.sources == [{"name": "pair 0"}, {"name": "pair 1"}]
    assert patches.index["source"].tolist() == [0, 0, 0, 1, 1, 1, 1]
    np.testing.assert_array_equal(np.stack([patches.index["y"], patches.index["x"]], 1), whole(parts, 2))


def test_the_same_patches_give_the_same_bytes(file, parts, tmp_path):
    assert write(tmp_path / "again.h5", parts).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("side", [0, 1, 2])
def test_the_fingerprint_tells_any_other_content(file, parts, tmp_path, side):
    assert PatchFile(write(tmp_path / "same.h5", parts)).fingerprint == PatchFile(file).fingerprint
    parts[1][side].flat[5] += 1
    assert PatchFile(write(tmp_path / "other.h5", parts)).fingerprint != PatchFile(file).fingerprint


def test_verify_finds_a_changed_patch(file):
    PatchFile(file).verify()
    with h5py.File(file, "r+") as plain:
        plain["visible"][3, 0, 0] ^= 1
    with pytest.raises(PatchFileError, match="the content does not fit the fingerprint; prepare"):
        PatchFile(file).verify()


@pytest.mark.parametrize("indices", [[7], [0, -1]])
def test_an_index_outside_is_refused(file, indices):
    with pytest.raises(IndexError, match=r"has patches 0..6, and the indices are -?\d"):
        PatchFile(file).batch(np.array(indices))


def test_no_index_gives_no_patches(file):
    assert PatchFile(file).batch(np.array([], int))[0].shape == (0, *SIZE)


@pytest.mark.parametrize(("split", "indices"), [("train", [3, 4, 5, 6]), ("validation", [0, 1, 2]), ("all", range(7))])
@pytest.mark.parametrize("loaded", [False, True])
def test_a_split_is_seen_as_if_there_were_no_other(tmp_path, parts, split, indices, loaded):
    patches = PatchFile(write(tmp_path / "p.h5", parts, splits=(1, 0)), split)
    patches = patches.load() if loaded else patches
    infrared, visible = patches.batch(np.arange(len(indices))[::-1])
    np.testing.assert_array_equal(infrared, whole(parts, 0)[indices][::-1])
    np.testing.assert_array_equal(visible, whole(parts, 1)[indices][::-1])
    assert (len(patches), patches.shape, len(patches.index)) == (len(indices), (len(indices), *SIZE), len(indices))
    with pytest.raises(IndexError, match=f"has patches 0..{len(indices) - 1}, and the indices are"):
        patches.batch(np.array([len(indices)]))


def test_training_sees_the_training_split_alone_and_each_split_has_its_fingerprint(tmp_path, parts):
    path = write(tmp_path / "p.h5", parts, splits=(1, 0))
    fingerprints = {split: PatchFile(path, split).fingerprint for split in ("train", "validation", "all")}
    assert len(set(fingerprints.values())) == 3
    assert PatchFile(path).fingerprint == pickle.loads(pickle.dumps(PatchFile(path))).fingerprint
    assert PatchFile(path).fingerprint == fingerprints["train"]
    with h5py.File(path) as plain:
        assert plain.attrs["fingerprint"] == fingerprints["all"]


def test_a_split_that_is_unknown_or_empty_is_refused(file):
    with pytest.raises(UnknownNameError, match="unknown split 'valid': did you mean validation"):
        PatchFile(file, "valid")
    with pytest.raises(PatchFileError, match="none of its 7 patches are for validation; choose a share"):
        PatchFile(file, "validation")


def test_sixteen_bits_survive_the_round_trip(tmp_path, rng):
    parts = [(*rng.integers(0, 65536, (2, 3, *SIZE), np.uint16), np.zeros((3, 2), int))]
    patches = PatchFile(write(tmp_path / "p.h5", parts, dtype=np.uint16))
    patches.verify()
    np.testing.assert_array_equal(patches.batch(np.arange(3))[0], parts[0][0])
    assert (patches.dtype, patches.nbytes) == (np.uint16, 2 * 3 * 12 * 16 * 2)


def test_a_file_of_the_first_version_is_read_and_verified(file, parts):
    with h5py.File(file, "r+") as plain:
        index = plain["index"][:][["source", "y", "x"]]
        old = np.array(index.tolist(), [("source", "<i4"), ("y", "<i4"), ("x", "<i4")])
        del plain["index"]
        plain["index"] = old
        sides = [hashlib.sha256(plain[side][:].tobytes()).digest() for side in ("infrared", "visible")]
        plain.attrs["fingerprint"] = hashlib.sha256(b"".join([*sides, hashlib.sha256(old).digest()])).hexdigest()
        plain.attrs["format_version"] = 1
    patches = PatchFile(file)
    patches.verify()
    assert (len(patches), set(patches.index["scale"]), set(patches.index["split"])) == (7, {1}, {0})
    np.testing.assert_array_equal(patches.batch(np.arange(7))[0], whole(parts, 0))


def _sum(patches, indices, queue):
    queue.put((int(patches.batch(indices)[0].sum()), patches._handle[0] == os.getpid()))


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_an_open_file_can_be_handed_to_workers(file, method):
    patches, indices = PatchFile(file), np.array([5, 2])
    expected = int(patches.batch(indices)[0].sum())
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    worker = context.Process(target=_sum, args=(patches, indices, queue))
    worker.start()
    assert queue.get(timeout=30) == (expected, True)
    worker.join()


def test_pickling_takes_the_path_alone(file):
    patches = PatchFile(file).load()
    assert len(pickle.dumps(patches)) < 500
    assert pickle.loads(pickle.dumps(patches)).fingerprint == patches.fingerprint


def test_a_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(PatchFileError, match=r"gone.h5: no such file; prepare the patches first"):
        PatchFile(tmp_path / "gone.h5")


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_refused(file, keep):
    content = file.read_bytes()
    file.write_bytes(content[: int(keep if keep >= 1 else keep * len(content))])
    with pytest.raises(PatchFileError, match=r"no HDF5 file, or an incomplete one .*; prepare"):
        PatchFile(file)


def test_a_foreign_hdf5_is_refused(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as foreign:
        foreign["infrared"] = np.zeros((2, 3, 3), np.uint8)
    with pytest.raises(PatchFileError, match="HDF5, but no file of training patches; prepare"):
        PatchFile(tmp_path / "f.h5")


def _newer(plain):
    plain.attrs["format_version"] = FORMAT_VERSION + 1


def _no_version(plain):
    del plain.attrs["format_version"]


def _no_visible(plain):
    del plain["visible"]


def _bad_options(plain):
    plain.attrs["options"] = "{"


def _fewer_visible(plain):
    plain["visible"].resize(5, axis=0)


def _short_index(plain):
    index = plain["index"][:4]
    del plain["index"]
    plain["index"] = index


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_newer, r"format version 3, and mmdrfuse [\d.]+ reads up to 2; update mmdrfuse, or prepare"),
        (_no_version, r"damaged .*format_version"),
        (_no_visible, r"damaged: visible is missing"),
        (_bad_options, r"damaged .*\(Expecting property name"),
        (
            _fewer_visible,
            r"infrared \(7, 12, 16\) and visible \(5, 12, 16\) are not patches of one size",
        ),
        (_short_index, r"7 patches, but \(4,\) in the index"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused(file, change, message):
    with h5py.File(file, "r+") as plain:
        change(plain)
    with pytest.raises(PatchFileError, match=message):
        PatchFile(file)


def test_a_damaged_patch_is_named_when_it_is_read(file):
    with h5py.File(file, "r+") as plain:
        plain["infrared"].id.write_direct_chunk((4, 0, 0), b"not deflate")
    patches = PatchFile(file)
    patches.batch(np.array([3]))
    with pytest.raises(PatchFileError, match=r"infrared patch 4 \(.*\); prepare"):
        patches.batch(np.array([3, 4]))


def _elsewhere(plain):
    del plain["visible"]
    plain["visible"] = h5py.ExternalLink("other.h5", "visible")


def _soft(plain):
    del plain["visible"]
    plain["visible"] = h5py.SoftLink("/infrared")


def _group(plain):
    del plain["visible"]
    plain.create_group("visible")


def _virtual(plain):
    layout = h5py.VirtualLayout(plain["index"].shape, plain["index"].dtype)
    layout[:] = h5py.VirtualSource("other.h5", "index", plain["index"].shape, plain["index"].dtype)
    del plain["index"]
    plain.create_virtual_dataset("index", layout)


def _outside(plain):
    count, kind = plain["index"].shape, plain["index"].dtype
    del plain["index"]
    plain.create_dataset("index", count, kind, external=[("/etc/passwd", 0, 10**6)])


def _objects(plain):
    count = len(plain["sources"])
    del plain["sources"]
    plain.create_dataset("sources", data=["{}"] * count, dtype=h5py.string_dtype())


def _huge_table(plain):
    kind = plain["index"].dtype
    del plain["index"]
    plain.create_dataset("index", (7,), np.dtype([*kind.descr[:-1], ("split", "u1", (2**27,))]))


def _huge_sources(plain):
    del plain["sources"]
    plain.create_dataset("sources", (2,), "S1000000", chunks=(1,), compression="gzip")


def _claimed(plain):
    for side in ("infrared", "visible"):
        plain[side].resize(2**40, axis=0)


def _beyond(plain):
    index = plain["index"][:]
    index["source"][3] = 2
    plain["index"][:] = index


def _other_filter(plain):
    patches = plain["visible"][:]
    del plain["visible"]
    plain.create_dataset("visible", data=patches, chunks=(1, *SIZE), compression="gzip", shuffle=True)


@pytest.mark.parametrize(
    "change",
    [
        _elsewhere, _soft, _group, _virtual, _outside, _objects, _huge_table, _huge_sources, _claimed, _beyond,
        _other_filter,
    ],
)  # fmt: skip
def test_a_file_that_points_elsewhere_or_claims_what_it_has_not_is_refused(file, change):
    with h5py.File(file, "r+") as plain:
        change(plain)
    with pytest.raises(PatchFileError, match=f"{file}: damaged"):
        PatchFile(file, split="all")


def test_a_patch_that_would_unpack_to_gigabytes_is_refused(file):
    bomb = zlib.compress(bytes(10**7), 1)
    with h5py.File(file, "r+") as plain:
        plain["infrared"].id.write_direct_chunk((2, 0, 0), bomb)
    with pytest.raises(PatchFileError, match="infrared patch 2 is larger compressed than plain"):
        PatchFile(file).verify()


def test_a_folder_is_no_file_of_patches(tmp_path):
    with pytest.raises(PatchFileError, match=f"{tmp_path}: is a folder"):
        PatchFile(tmp_path)
