"""A pair as it is fused."""

import numpy as np
import pytest

from mmdrfuse.errors import InputError, SizeError
from mmdrfuse.pipeline import Pair
from mmdrfuse.pipeline.pairs import Preparation


def test_nothing_asked_for_changes_nothing(rng):
    sides = rng.integers(0, 9, (4, 5), np.uint8), rng.integers(0, 9, (4, 5, 3), np.uint8)
    assert all(found is given for found, given in zip(Preparation()(*sides), sides, strict=True))


def test_infrared_is_moved_onto_the_visible_then_put_into_its_range():
    infrared = np.array([[100, 200], [300, 400]], np.uint16)
    preparation = Preparation(transform=(1, 0, 1, 0, 1, 0, 0, 0, 1), infrared_range=(100, 300))
    found, _ = preparation(infrared, np.zeros((2, 3), np.uint8))
    assert found.tolist() == [[0, 0, 0.5], [0, 1, 1]]


def test_preparations_can_be_sorted():
    some = [Preparation(infrared_range=(1, 2)), Preparation(), Preparation("fit-ir", transform=(1.0,) * 9)]
    assert sorted(some) == [Preparation(), some[0], some[2]]


@pytest.mark.parametrize(
    ("infrared", "error", "said"),
    [(np.zeros((3, 3)), SizeError, "infrared is 3x3"), (np.full((4, 5), np.nan), InputError, "no numbers")],
)
def test_what_is_wrong_is_said_with_the_names(infrared, error, said, tmp_path):
    pair = Pair("a", tmp_path / "a.png", tmp_path / "b.png").within(0, 1)
    with pytest.raises(error, match=rf"a\.png \+ .*b\.png: .*{said}"):
        pair.prepared(infrared, np.zeros((4, 5)))


def test_page_of_files_with_several_is_the_chosen_one(tmp_path):
    from PIL import Image

    for name, values in (("ir", (1, 2)), ("vi", (3, 4))):
        pages = [Image.fromarray(np.full((3, 4), value, np.uint8)) for value in values]
        pages[0].save(tmp_path / f"{name}.tif", save_all=True, append_images=pages[1:])
    pair = Pair("a", tmp_path / "ir.tif", tmp_path / "vi.tif", Preparation(page=2))
    assert [int(picture.image.max()) for picture in pair.load()] == [2, 4]
