"""Which pairs are for validation, and which patches are drawn."""

from collections import Counter

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import PatchFile, prepare
from mmdrfuse.errors import InputError, SizeError


@pytest.fixture
def root(tmp_path, rng):
    """LLVIP in small: five recordings of 2, 3, 4, 5 and 6 frames, each frame of 4 patches."""
    for recording, frames in enumerate((2, 3, 4, 5, 6), 1):
        for frame in range(frames):
            for side in ("infrared", "visible"):
                picture = rng.integers(0, 256, (32, 32), np.uint8)
                images.write(tmp_path / "LLVIP" / side / "train" / f"{recording:02}01{frame:02}.png", picture)
    return tmp_path / "LLVIP"


def recordings(path, split):
    patches = PatchFile(path, split)
    return Counter(patches.sources[number]["name"].split("/")[1][:4] for number in patches.index["source"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("share", "most"), [(0.1, 2), (0.3, 6), (0.5, 10)])
def test_frames_of_one_recording_are_never_on_both_sides(root, tmp_path, share, most, seed):
    out = prepare([root], tmp_path / "p.h5", patch=16, validation=share, seed=seed).path
    train, validation = recordings(out, "train"), recordings(out, "validation")
    assert not train.keys() & validation.keys()
    assert 0 < sum(validation.values()) <= 4 * most
    assert train + validation == recordings(out, "all")


def test_the_seed_decides_which_scenes_are_for_validation(root, tmp_path):
    found = [
        recordings(prepare([root], tmp_path / f"{n}.h5", patch=16, validation=0.35, seed=seed).path, "validation")
        for n, seed in enumerate((1, 1, 2, 3, 4, 5))
    ]
    assert found[0] == found[1]
    assert len({tuple(one) for one in found}) > 1


def test_the_smallest_scene_is_taken_where_none_fits(root, tmp_path):
    made = prepare([root], tmp_path / "p.h5", patch=16, validation=0.01)
    assert (made.validation, recordings(made.path, "validation")) == (8, {"0101": 8})


def test_a_single_scene_cannot_be_split(root, tmp_path):
    for side in ("infrared", "visible"):
        for path in (root / side / "train").glob("0[2-5]*"):
            path.unlink()
    with pytest.raises(InputError, match=r"all 2 pairs are of one scene, '0101', .* leave whole pairs out"):
        prepare([root], tmp_path / "p.h5", patch=16, validation=0.5)


def drawn(path):
    """Name each patch by its pair and place."""
    patches = PatchFile(path)
    return [(patches.sources[row["source"]]["name"], int(row["y"]), int(row["x"])) for row in patches.index]


@pytest.mark.parametrize("workers", [1, 4])
def test_drawn_patches_are_some_of_all_in_their_order_whatever_the_workers(root, tmp_path, workers):
    every = drawn(prepare([root], tmp_path / "1.h5", patch=16).path)
    some = drawn(prepare([root], tmp_path / "2.h5", patch=16, max_patches=31, seed=3, workers=workers).path)
    other = drawn(prepare([root], tmp_path / "3.h5", patch=16, max_patches=31, seed=4).path)
    assert some == [one for one in every if one in set(some)]
    assert len(some) == len(other) == 31
    assert some != other


def test_every_patch_is_as_likely_to_be_drawn_as_any_other(root, tmp_path):
    times = Counter()
    for seed in range(24):
        times.update(drawn(prepare([root], tmp_path / f"{seed}.h5", patch=16, max_patches=20, seed=seed).path))
    counts = np.array([*times.values(), *[0] * (80 - len(times))])  # each 24 · 20 / 80 = 6 times, ± 2.1
    assert counts.mean() == 6
    assert 1.4 < counts.std() < 2.8


@pytest.mark.parametrize(
    ("weights", "most", "expected"),
    [((1, 1), None, (16, 16)), ((4, 1), None, (64, 16)), ((10, 1), None, (80, 8)), ((3, 1), 40, (30, 10))],
)
def test_sources_give_patches_in_proportion_to_their_weights(root, tmp_path, rng, weights, most, expected):
    for side in ("ir", "vi"):
        images.write(tmp_path / "small" / side / "a.png", rng.integers(0, 256, (64, 64), np.uint8))
    out = tmp_path / "p.h5"
    prepare([root, tmp_path / "small"], out, patch=16, weights=weights, max_patches=most)
    patches = PatchFile(out)
    assert Counter(patches.sources[n]["set"] for n in patches.index["source"]) == dict(enumerate(expected))


def test_weights_that_cannot_be_kept_are_refused(root, tmp_path, rng):
    with pytest.raises(SizeError, match="2 weights for 1 sets: give one for each"):
        prepare([root], tmp_path / "p.h5", patch=16, weights=(1, 2))
    for side in ("ir", "vi"):
        images.write(tmp_path / "small" / side / "a.png", rng.integers(0, 256, (8, 8), np.uint8))
    with pytest.raises(InputError, match="set 2 has no patches"):
        prepare([root, tmp_path / "small"], tmp_path / "p.h5", patch=16, weights=(1, 2))


def test_a_pair_that_cannot_be_read_is_told_even_if_patches_are_drawn(root, tmp_path):
    (root / "visible/train/030100.png").write_bytes(b"broken")
    made = prepare([root], tmp_path / "p.h5", patch=16, max_patches=10)
    assert "030100.png: not a picture" in str(made.failed[0])
    assert made.shape[0] == 10


def test_a_pair_of_two_sets_is_on_one_side(root, tmp_path):
    table = tmp_path / "all.csv"
    names = [path.name for path in sorted((root / "infrared" / "train").iterdir())]
    lines = [f"LLVIP/infrared/train/{name},LLVIP/visible/train/{name}" for name in names]
    table.write_text("\n".join(["infrared,visible", *lines]))
    out = prepare([root, table], tmp_path / "p.h5", patch=16, validation=0.3).path
    seen = [
        {patches.sources[number]["infrared_sha256"] for number in patches.index["source"]}
        for patches in (PatchFile(out, "train"), PatchFile(out, "validation"))
    ]
    assert all(seen)
    assert not seen[0] & seen[1]
