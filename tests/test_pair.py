"""A pair as it is fused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdrfuse.errors import InputError, MMDRFuseError, SizeError
from mmdrfuse.pair import Preparation
from mmdrfuse.pipeline import Pair
from mmdrfuse.registration.geometry import SIZE_POLICIES


def test_the_default_preparation_changes_nothing(rng):
    sides = rng.integers(0, 9, (4, 5), np.uint8), rng.integers(0, 9, (4, 5, 3), np.uint8)
    prepared = Preparation()(*sides)
    assert (prepared.infrared is sides[0], prepared.visible is sides[1]) == (True, True)


def test_the_infrared_is_warped_first_and_stretched_second():
    infrared = np.array([[100, 200], [300, 400]], np.uint16)
    preparation = Preparation(transform=(1, 0, 1, 0, 1, 0, 0, 0, 1), infrared_range=(100, 300))
    prepared = preparation(infrared, np.zeros((2, 3), np.uint8))
    assert prepared.infrared.tolist() == [[0, 0, 0.5], [0, 1, 1]]


def test_preparations_can_be_sorted():
    some = [Preparation(infrared_range=(1, 2)), Preparation(), Preparation("fit-ir", transform=(1.0,) * 9)]
    assert sorted(some) == [Preparation(), some[0], some[2]]


@pytest.mark.parametrize(
    ("infrared", "error", "reason"),
    [(np.zeros((3, 3)), SizeError, "infrared is 3x3"), (np.full((4, 5), np.nan), InputError, "no numbers")],
)
def test_errors_name_the_files(infrared, error, reason, tmp_path):
    pair = Pair("a", tmp_path / "a.png", tmp_path / "b.png", Preparation(infrared_range=(0.0, 1.0)))
    with pytest.raises(error, match=rf"a\.png \+ .*b\.png: .*{reason}"):
        pair.prepared(infrared, np.zeros((4, 5)))


@given(
    st.sampled_from(SIZE_POLICIES), st.booleans(), st.tuples(st.integers(2, 9), st.integers(2, 9)),
    st.tuples(st.integers(2, 9), st.integers(2, 9)),
)  # fmt: skip
def test_size_predicts_the_size_of_the_prepared_sides(policy, moved, infrared, visible):
    preparation = Preparation(policy, (1.0, 0, 0, 0, 1, 0, 0, 0, 1) if moved else ())
    sides = [np.zeros(size, np.uint8) for size in (infrared, visible)]
    try:
        expected = preparation.size(infrared, visible)
    except SizeError as error:
        with pytest.raises(SizeError, match=error.message):
            preparation(*sides)
        return
    prepared = preparation(*sides)
    assert prepared.infrared.shape == prepared.visible.shape == expected
    chroma = preparation.along(np.zeros(visible), expected, infrared, visible)
    assert chroma.shape == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"size_policy": "stretch"},
        {"transform": (1.0, 2.0)},
        {"infrared_range": (1.0,)},
        {"pair_shift": (1.0,)},
        {"page": -1},
    ],
)
def test_impossible_preparations_are_refused(wrong):
    with pytest.raises(MMDRFuseError):
        Preparation(**wrong)


def test_the_chosen_page_is_read(tmp_path):
    from PIL import Image

    for name, values in (("ir", (1, 2)), ("vi", (3, 4))):
        pages = [Image.fromarray(np.full((3, 4), value, np.uint8)) for value in values]
        pages[0].save(tmp_path / f"{name}.tif", save_all=True, append_images=pages[1:])
    pair = Pair("a", tmp_path / "ir.tif", tmp_path / "vi.tif", Preparation(page=2))
    assert [int(picture.image.max()) for picture in pair.load()] == [2, 4]
