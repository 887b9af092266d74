"""The loop: mirrored batches for the network alone, and no waiting for the device."""

import numpy as np
import pytest
import torch
from torch import nn

from mmdrfuse import models
from mmdrfuse.losses.backbones.vgg19 import VGG19
from mmdrfuse.models.student import Output, Student
from mmdrfuse.training.frozen import frozen_outputs
from mmdrfuse.training.loop import train_steps
from mmdrfuse.training.memory import RefreshMemory
from mmdrfuse.training.patches import FLIPS, Shard, draw_batch
from mmdrfuse.training.supervision import Supervision

CPU = torch.device("cpu")


class Copy(nn.Module):
    """Return the infrared image, and store the inputs."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))
        self.inputs = []

    def forward(self, infrared, visible):
        self.inputs.append((infrared, visible))
        return Output(infrared * self.factor, visible * self.factor)


@pytest.fixture
def walked(toy, small):
    """Return a function that does the steps and returns the arguments of the supervision."""

    def go(network, steps=12, **changes):
        calls = []

        def supervision(batch, output, *, first_visit):
            calls.append((batch, output))
            return {"total": output.fused.sum()}

        supervision.refreshed = {}
        recipe = small(epochs=steps, batch=7, **changes)
        optimiser = torch.optim.SGD(network.parameters(), lr=0.0)
        list(train_steps(network, supervision, optimiser, Shard(toy()), recipe=recipe, start=0, device=CPU))
        return calls

    return go


def test_only_the_network_sees_mirrored_patches(walked, toy):
    network = Copy()
    calls = walked(network, rate=1e-30)
    flips = [draw_batch(step, count=7, batch=7, seed=0, flips=True)[1] for step in range(12)]
    assert set(flips) == set(FLIPS)
    for flip, (infrared, visible), (batch, output) in zip(flips, network.inputs, calls, strict=True):
        assert torch.equal(infrared, batch.infrared.flip(flip))
        assert torch.equal(visible, batch.visible.flip(flip))
        assert np.array_equal(batch.infrared[:, 0], toy().infrared[batch.indices] / np.float32(255))
        torch.testing.assert_close(output, Output(batch.infrared, batch.visible))


def test_mirroring_does_not_change_the_outputs_of_a_symmetric_student(walked):
    """A student with symmetric kernels has the same output for a mirrored patch."""
    student = Student()
    with torch.no_grad():
        for conv in (student.conv1, student.conv2):
            conv.weight[:] = conv.weight.mean(dim=(2, 3), keepdim=True)
    mirrored, straight = (walked(student, rate=1e-30, flips=flips) for flips in (True, False))
    for (_, a), (_, b) in zip(mirrored, straight, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", ["default", "paper"])
def test_a_step_reads_no_number_from_the_device(toy, teacher, small, tmp_path, name):
    """The meta device has no values, so reading one would fail."""
    nowhere, recipe = torch.device("meta"), small(name=name, features="vgg19", epochs=2, batch=7, cache=0)
    with nowhere:
        features, student = VGG19().eval().requires_grad_(False), Student()
    patches = Shard(toy())
    network = models.build(teacher).to(nowhere)
    memory = RefreshMemory(patches.shape, dtype=torch.uint8, device=nowhere, folder=tmp_path)
    frozen = frozen_outputs(
        recipe, tmp_path, patches.shape, teacher=network, features=features, device=nowhere, resume=False
    )
    supervision = Supervision(recipe, features=features, memory=memory, frozen=frozen)
    optimiser = torch.optim.Adam(student.parameters())
    steps = list(train_steps(student, supervision, optimiser, patches, recipe=recipe, start=0, device=nowhere))
    assert [step.epoch for step in steps] == [0, 1]
    assert all(value.device == nowhere for step in steps for value in step.terms.values())
    with pytest.raises((RuntimeError, NotImplementedError)):
        steps[0].terms["total"].item()
