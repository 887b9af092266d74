"""The patches of each step, and their values on the device."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmdrfuse.training.patches import FLIPS, describe, draw_batch, load_batch

CPU = torch.device("cpu")


def drawn(steps, **changes):
    options = {"count": 10, "batch": 4, "seed": 0, "flips": True, **changes}
    return [draw_batch(step, **options) for step in steps]


def test_every_epoch_visits_every_patch_once_in_an_order_of_its_own():
    first, second = (np.concatenate([indices for indices, _ in drawn(steps)]) for steps in (range(3), range(3, 6)))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first.tolist() != second.tolist()


def test_the_last_batch_of_an_epoch_holds_the_rest():
    assert [len(indices) for indices, _ in drawn(range(6))] == [4, 4, 2, 4, 4, 2]


@pytest.mark.parametrize("changes", [{"seed": 1}, {}])
def test_a_step_depends_on_seed_and_number_alone(changes):
    again, others = drawn(range(6)), drawn(reversed(range(6)), **changes)[::-1]
    same = [np.array_equal(a, b) and flip == other for (a, flip), (b, other) in zip(again, others, strict=True)]
    assert all(same) is not bool(changes)


def test_all_four_mirrorings_occur_and_none_without_flips():
    assert {flip for _, flip in drawn(range(60))} == set(FLIPS)
    assert {flip for _, flip in drawn(range(60), flips=False)} == {()}


def test_a_batch_is_scaled_to_one_as_it_stands_in_the_file(toy):
    patches, indices = toy(), np.array([5, 2])
    batch = load_batch(patches, indices, device=CPU)
    expected = patches.infrared[indices][:, None] / np.float32(255)
    np.testing.assert_allclose(batch.infrared, expected, rtol=1e-6)
    assert batch.visible.shape == (2, 1, 16, 16)
    assert batch.positions.tolist() == [5, 2]


def test_sixteen_bits_are_scaled_to_one_too(toy):
    patches = toy()
    deep = SimpleNamespace(batch=lambda indices: tuple(side * np.uint16(257) for side in patches.batch(indices)))
    expected, scaled = (load_batch(source, np.array([5, 2]), device=CPU) for source in (patches, deep))
    np.testing.assert_allclose(scaled.infrared, expected.infrared, rtol=1e-6)
    np.testing.assert_allclose(scaled.visible, expected.visible, rtol=1e-6)


def test_the_description_tells_patches_apart(toy):
    assert describe(toy(3)) == {"patches": 3, "height": 16, "width": 16, "fingerprint": toy(3).fingerprint}
    assert describe(toy(3)) != describe(toy(3, seed=1))
