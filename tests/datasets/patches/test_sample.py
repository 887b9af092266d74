"""Gathering: whose pictures, which pieces of them, in which light."""

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import sample_groups
from mmdrfuse.errors import MMDRFuseError, TrainingError, UnknownNameError


@pytest.fixture
def root(tmp_path, rng):
    """Six pairs, each of one level per side: 10·n + side."""
    for number in range(1, 7):
        for offset, side in enumerate(("ir", "vi")):
            picture = np.full((50, 60), 10 * number + offset, np.uint8)
            picture[0, 0] = 0
            images.write(tmp_path / "s" / side / f"{number}.png", picture)
    return tmp_path / "s"


def test_all_pairs_give_a_piece_before_any_gives_a_second(root):
    (pieces,) = sample_groups([root], pictures=6, size=20).values()
    assert sorted(int(piece.infrared.max()) // 10 for piece in pieces) == list(range(1, 7))
    assert {piece.infrared.shape for piece in pieces} == {(20, 20)}


def test_the_two_sides_of_a_piece_belong_together(root):
    (pieces,) = sample_groups([root], pictures=12, size=20).values()
    for infrared, visible in pieces:
        assert int(visible.max()) == int(infrared.max()) + 1


def test_pairs_held_out_give_nothing(root):
    (pieces,) = sample_groups([root], pictures=12, size=20, hold_out=3).values()
    assert {int(piece.infrared.max()) // 10 for piece in pieces} == {1, 2, 4, 5}


def test_a_quarter_of_the_rest_is_left_out_too(root):
    seen = []
    for quarter in (1, 2, 3, 4):
        (pieces,) = sample_groups([root], pictures=12, size=20, hold_out=3, quarter=quarter).values()
        seen.append({int(piece.infrared.max()) // 10 for piece in pieces})
    assert seen == [{2, 4, 5}, {1, 4, 5}, {1, 2, 5}, {1, 2, 4}]


def test_smaller_pictures_stay_whole_and_lights_are_groups_of_their_own(root):
    groups = sample_groups([root], pictures=2, size=200, lights=("night", "haze"))
    assert list(groups) == ["s", "night", "haze"]
    assert {piece.visible.shape for pieces in groups.values() for piece in pieces} == {(50, 60)}


def test_the_seed_decides(root):
    first, again, other = (
        sample_groups([root], pictures=4, size=20, lights=("haze",), seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first["haze"], again["haze"])
    assert not np.array_equal(first["haze"], other["haze"])


def test_unknown_lights_and_sizes_that_differ_are_named(root):
    with pytest.raises(UnknownNameError, match="light 'dawn'"):
        sample_groups([root], lights=("dawn",))
    images.write(root / "ir/1.png", np.zeros((40, 60), np.uint8))
    with pytest.warns(UserWarning, match=r"1\.png is 60x40 .* a pair must be registered"):
        sample_groups([root])


def test_groups_say_of_which_source_in_which_light_and_how_many(root):
    groups = {"s": {"pictures": 3}, "late": {"of": "s", "light": "dusk", "share": 0.5, "pictures": 4}}
    made = sample_groups([root], size=200, groups=groups)
    assert {name: len(pieces) for name, pieces in made.items()} == {"s": 3, "late": 4}
    plain = {piece.visible.tobytes() for piece in sample_groups([root], size=200, pictures=6)["s"]}
    assert [piece.visible.tobytes() in plain for piece in made["late"]] == [True, True, False, False]


def test_large_pictures_that_count_whole_are_halved_or_cut_in_turns(tmp_path, rng):
    for side in ("ir", "vi"):
        images.write(tmp_path / "s" / side / "1.png", rng.integers(0, 256, (601, 500), np.uint8))
    whole = images.read(tmp_path / "s/ir/1.png")
    first, second = sample_groups([tmp_path / "s"], uncut=True, groups={"s": {"pictures": 2, "pieces": 64}})["s"]
    assert (first.infrared.shape, second.infrared.shape) == ((300, 250), (64, 64))
    assert first.infrared[0, 0] == np.rint(whole[:2, :2].mean())


def test_mirrored_pictures_hold_the_same_pixels(root):
    plain, mirrored = (sample_groups([root], size=200, mirror=mirror)["s"] for mirror in (False, True))
    corners = {tuple(np.argwhere(piece.visible == 0)[0]) for piece in mirrored}
    assert len(corners) > 1
    assert all(
        np.array_equal(np.sort(a.visible, None), np.sort(b.visible, None)) for a, b in zip(plain, mirrored, strict=True)
    )


def test_a_source_with_nothing_left_is_named(root):
    for number in range(2, 7):
        (root / f"ir/{number}.png").unlink()
        (root / f"vi/{number}.png").unlink()
    with pytest.raises(TrainingError, match="s: all of its pairs are held out"):
        sample_groups([root], hold_out=1)


def test_a_pair_that_cannot_be_used_is_named_once_and_the_rest_is_drawn(root):
    first, *others = sorted((root / "ir").iterdir())
    first.write_bytes(b"no picture")
    errors = []
    groups = sample_groups([root], pictures=12, size=20, lights=("night",), failed=errors.append)
    assert all(groups.values())
    assert len(errors) == 1
    assert str(first) in str(errors[0])
    for other in others:
        other.write_bytes(b"no picture")
    with pytest.raises(MMDRFuseError, match="not a picture"):
        sample_groups([root], failed=errors.append)
