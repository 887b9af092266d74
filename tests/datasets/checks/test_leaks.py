"""Near-duplicates between splits: copies are found, other scenes are not."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from mmdrfuse import images
from mmdrfuse.datasets import find_pairs
from mmdrfuse.datasets.checks.alignment import downsampled
from mmdrfuse.datasets.checks.leaks import MIN_LIKENESS, leaks, split_of, thumbnail


@pytest.fixture
def scene(rng):
    def make():
        return (ndimage.gaussian_filter(rng.random((120, 160)), 6) * 1500 % 256).astype(np.uint8)

    return make


def saved_again(picture):
    """Make a copy as somebody might have kept it: smaller, brighter, JPEG."""
    small = Image.fromarray(picture).resize((picture.shape[1] * 3 // 5, picture.shape[0] * 3 // 5))
    file = io.BytesIO()
    small.point(lambda value: min(255, int(value * 1.1 + 5))).save(file, "JPEG", quality=50)
    return np.asarray(Image.open(file))


def thumbnails(*pictures):
    return tuple(thumbnail(downsampled(picture)[0]) for picture in pictures)


@pytest.mark.parametrize(
    ("name", "split"),
    [("train/010001", "train"), ("night/Test/7", "test"), ("a/val/b/c", "val"), ("trainer/7", None), ("train", None)],
)
def test_the_split_is_a_folder_in_the_name(name, split):
    assert split_of(name) == split


def test_a_copy_in_another_split_is_found_and_the_smaller_split_names_it(scene):
    first, second, third = ((scene(), scene()) for _ in range(3))
    found = leaks(
        {
            "train/a": thumbnails(*first),
            "train/b": thumbnails(*second),
            "test/c": thumbnails(*map(saved_again, second)),
            "other/d": thumbnails(*third),
        }
    )
    assert [(leak.pair, leak.other) for leak in found] == [("test/c", "train/b")]
    assert MIN_LIKENESS <= found[0].likeness <= 1


def test_both_sides_must_be_alike(scene):
    infrared, visible, other = scene(), scene(), scene()
    assert leaks({"train/a": thumbnails(infrared, visible), "test/b": thumbnails(infrared, other)}) == []


def test_a_copy_within_a_split_is_no_leak(scene):
    both = thumbnails(scene(), scene())
    assert leaks({"train/a": both, "train/b": both}) == []


def test_three_splits_are_compared_with_each_other(scene):
    both = thumbnails(scene(), scene())
    found = leaks({"train/a": both, "val/b": both, "test/c": both})
    assert len(found) == 3


@pytest.mark.parametrize("picture", [np.zeros((60, 60), np.float32), np.ones((8, 8), np.float32)])
def test_flat_and_tiny_pictures_resemble_nothing(picture):
    both = thumbnail(picture), thumbnail(picture)
    assert leaks({"train/a": both, "test/b": both}) == []


def test_real_pictures_resemble_their_copies_alone(shared):
    pairs = find_pairs(shared / "data" / "RoadScene")[1].pairs[:40]
    lumas = {
        pair.name: [images.luminance(images.read(path)) for path in (pair.infrared, pair.visible)] for pair in pairs
    }
    marks = {f"train/{name}": thumbnails(*both) for name, both in lumas.items()}
    marks |= {f"test/{name}": thumbnails(*map(saved_again, both)) for name, both in list(lumas.items())[:10]}
    assert [leak.other for leak in leaks(marks)] == [f"train/{pair.name}" for pair in pairs[:10]]
