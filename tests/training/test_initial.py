"""The initial weights of networks."""

import pytest
import torch

from mmdrfuse import models
from mmdrfuse.errors import TrainingError
from mmdrfuse.models.student import Student
from mmdrfuse.models.teacher import Teacher
from mmdrfuse.training.initial import initial_network


def squares():
    """Every pair of 33 grey levels, as a picture of one pixel's neighbours each: (33², 1, 3, 3)."""
    levels = torch.linspace(0, 1, 33)
    infrared, visible = (grid.flatten().view(-1, 1, 1, 1) for grid in torch.meshgrid(levels, levels, indexing="ij"))
    return infrared.expand(-1, 1, 3, 3), visible.expand(-1, 1, 3, 3)


def test_a_student_starts_close_to_the_maximum(small):
    infrared, visible = squares()
    with torch.no_grad():
        error = (
            initial_network(small(start="max"), None)(infrared, visible).fused - torch.maximum(infrared, visible)
        ).abs()
    assert error.mean() < 0.02
    assert error.max() < 0.065
    assert error[0].max() == 0  # black stays black


def test_a_student_starts_with_its_teachers_last_layer(small, teacher):
    network = models.build(teacher)
    student = initial_network(small(start="teacher"), network)
    assert torch.equal(student.conv2.weight, network.d0.weight)
    assert torch.equal(student.conv2.bias, network.d0.bias)
    assert student.conv2.weight.data_ptr() != network.d0.weight.data_ptr()


@pytest.mark.parametrize(("network", "kind"), [("student", Student), ("teacher", Teacher)])
def test_the_seed_alone_decides_a_random_start(small, weights_of, network, kind):
    one, two, other = (initial_network(small(network, start="random", seed=seed), None) for seed in (0, 0, 1))
    assert isinstance(one, kind)
    assert torch.equal(weights_of(one), weights_of(two))
    assert not torch.equal(weights_of(one), weights_of(other))


def test_torchs_generator_is_not_changed(small):
    before = torch.random.get_rng_state()
    initial_network(small(start="random", seed=9), None)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("network", "start", "message"),
    [
        ("teacher", "max", "a teacher can only start at random, not at 'max'"),
        ("student", "teacher", "there is no teacher"),
    ],
)
def test_an_impossible_start_is_refused(small, network, start, message):
    with pytest.raises(TrainingError, match=message):
        initial_network(small(network, start=start), None)
