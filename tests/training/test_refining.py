"""Refining: what it promises it keeps, and what it measures is what the metrics say."""

import numpy as np
import pytest
import torch

from mmdrfuse import images, metrics
from mmdrfuse.datasets import scene
from mmdrfuse.errors import TrainingError
from mmdrfuse.losses.fidelity import GOALS, NAMES
from mmdrfuse.training import recipe
from mmdrfuse.training.initial import initial_network
from mmdrfuse.training.refining import Group, refine


def pictures(seeds, side=64):
    """Night streets as tensors, and as the arrays that they are of."""
    made = [scene(seed, height=side, width=side) for seed in seeds]
    arrays = [(one.infrared, images.luminance(one.visible)) for one in made]
    return [
        [torch.from_numpy(side.copy())[None, None] / 255 for side in sides] for sides in zip(*arrays, strict=True)
    ], arrays


@pytest.fixture
def student():
    return initial_network(recipe("default", "student", start="max"), None)


def test_every_round_falls_short_by_no_more_than_the_one_before(student):
    (infrared, visible), _ = pictures((0, 1))
    rounds = list(refine(student, {"night": Group(infrared, visible, {})}, steps=0, rounds=4))
    shortfalls = [state.shortfall for state in rounds]
    assert shortfalls == sorted(shortfalls, reverse=True)
    assert shortfalls[-1] < 0.8 * shortfalls[0]


def test_the_descent_comes_closer_to_the_goals(student):
    (infrared, visible), _ = pictures((0, 1, 2))
    start, after = refine(student, {"night": Group(infrared, visible, {"SD": 1.4})}, steps=20, rounds=0)
    assert (start.number, after.number) == (0, 1)
    assert after.shortfall < 0.9 * start.shortfall


def test_where_it_says_the_student_stands_is_what_the_metrics_say(student):
    (infrared, visible), arrays = pictures((2, 3))
    *_, state = refine(student, {"night": Group(infrared, visible, {"SD": 1.3})}, steps=2, rounds=2)
    goals = dict(zip(NAMES, GOALS, strict=True)) | {"SD": 1.3}
    with torch.no_grad():
        fused = [
            student(a, b).fused[0, 0].mul(255).round().clamp(0, 255).byte().numpy()
            for a, b in zip(infrared, visible, strict=True)
        ]
    most = [np.maximum(*pair) for pair in arrays]
    found = [
        [
            metrics.evaluate(picture, *pair, metrics=NAMES, protocol="cddfuse")
            for picture, pair in zip(made, arrays, strict=True)
        ]
        for made in (fused, most)
    ]
    for name in NAMES:
        ours, best = (np.mean([row[name] for row in rows]) for rows in found)
        assert state.ahead["night"][name] == pytest.approx(ours / (goals[name] * best) - 1, abs=5e-3)


def test_goals_that_are_reached_leave_the_weights_alone(student):
    (infrared, visible), _ = pictures((0,))
    before = [weight.clone() for weight in student.parameters()]
    states = list(refine(student, {"g": Group(infrared, visible, dict.fromkeys(NAMES, 0.1))}, steps=0, rounds=2))
    assert states[-1].shortfall == 0
    for old, new in zip(before, student.parameters(), strict=True):
        torch.testing.assert_close(old, new)


def test_the_same_pictures_give_the_same_weights():
    (infrared, visible), _ = pictures((4,))
    found = []
    for _ in range(2):
        network = initial_network(recipe("default", "student", start="max"), None)
        list(refine(network, {"g": Group(infrared, visible, {})}, steps=3, rounds=2))
        found.append(torch.nn.utils.parameters_to_vector(network.parameters()))
    assert torch.equal(*found)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({}, "needs groups of pictures"),
        ({"g": Group([], [], {})}, "at least one picture in each"),
        ({"g": Group([torch.zeros(1, 1, 48, 48)], [torch.zeros(1, 1, 48, 48)], {"PSNR": 1.0})}, "a goal for 'PSNR'"),
    ],
)
def test_what_cannot_be_refined_on_is_refused(student, groups, message):
    with pytest.raises(TrainingError, match=message):
        next(refine(student, groups))
