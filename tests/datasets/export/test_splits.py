"""A set is divided as its makers did, by shares of whole scenes, or by a table."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdrfuse.datasets import LAYOUTS
from mmdrfuse.datasets.export.splits import by_shares, from_file, is_shares, official
from mmdrfuse.errors import InputError


@pytest.mark.parametrize(
    ("layout", "name", "split"),
    [
        ("llvip", "train/010101", "train"),
        ("llvip", "test/190001", "test"),
        ("folders", "day/Validation/7", "val"),
        ("folders", "day/7", None),
        ("kaist", "set05/V000/I00001", "train"),
        ("kaist", "set06/V000/I00001", "test"),
        ("kaist", "set11/V001/I00001", "test"),
    ],
)
def test_official_split_is_that_of_the_folders_or_the_makers(layout, name, split):
    assert official(LAYOUTS[layout], [name]).get(name) == split


def test_shares_are_those_asked_for():
    splits = by_shares("8:1:1", {str(number): str(number) for number in range(200)}, seed=0)
    assert Counter(splits.values()) == {"train": 160, "val": 20, "test": 20}
    assert by_shares("8:1:1", {str(number): str(number) for number in range(200)}, seed=1) != splits


@given(st.lists(st.integers(1, 30), min_size=3, max_size=12), st.integers(0, 5))
def test_scenes_stay_whole_and_every_split_has_one(sizes, seed):
    scenes = {f"{scene}/{number}": str(scene) for scene, size in enumerate(sizes) for number in range(size)}
    splits = by_shares("8:1:1", scenes, seed)
    assert set(splits.values()) == {"train", "val", "test"}
    assert len({(scenes[name], split) for name, split in splits.items()}) == len(sizes)
    assert by_shares("8:1:1", scenes, seed) == splits


def test_two_shares_are_training_and_test():
    assert set(by_shares("1:1", {"a": "a", "b": "b"}, 0).values()) == {"train", "test"}


def test_too_few_scenes_are_named():
    with pytest.raises(InputError, match=r"2: 0100, 0101.*3 splits"):
        by_shares("8:1:1", {"1": "0100", "2": "0101", "3": "0100"}, 0)


@pytest.mark.parametrize(("text", "shares"), [("8:1:1", True), ("0.7:0.3", True), ("a.csv", False), ("8", False)])
def test_shares_are_told_from_files(text, shares):
    assert is_shares(text) == shares


@pytest.mark.parametrize(
    ("content", "reason"), [("a,b\n", "name,split"), ("name,split\nx,maybe\n", ":2: 'maybe'"), ("", "name,split")]
)
def test_table_of_splits_that_cannot_be_used_is_named(tmp_path, content, reason):
    (tmp_path / "s.csv").write_text(content)
    with pytest.raises(InputError, match=reason) as caught:
        from_file(tmp_path / "s.csv")
    assert "s.csv" in str(caught.value)


def test_a_picture_in_two_splits_is_refused(tmp_path):
    (tmp_path / "s.csv").write_text("name,split\na,train\na,train\na,val\n")
    with pytest.raises(InputError, match=r"s\.csv:4: a is in train and in val"):
        from_file(tmp_path / "s.csv")


def test_shares_of_nothing_are_refused():
    with pytest.raises(InputError, match="0:0:0: no share is above 0"):
        by_shares("0:0:0", {"1": "1"}, 0)
