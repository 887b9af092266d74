"""What a network costs is counted by its definition."""

import numpy as np
import pytest

from mmdrfuse.models import Checkpoint
from mmdrfuse.models.checkpoints import SHAPES
from mmdrfuse.pipeline.efficiency import efficiency, multiply_adds


def checkpoint(network):
    arrays = {}
    for layer, (outputs, inputs) in SHAPES[network].items():
        arrays[f"{layer}.weight"] = np.zeros((outputs, inputs, 3, 3), np.float32)
        arrays[f"{layer}.bias"] = np.zeros(outputs, np.float32)
    return Checkpoint("zeros", network, arrays, {}, "0" * 64)


def test_student_takes_108_multiply_adds_a_pixel():
    assert multiply_adds(checkpoint("student"), 1280, 1024) == 108 * 1280 * 1024


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_multiply_adds_are_those_that_torch_counts(network):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from mmdrfuse.models import build

    weights = checkpoint(network)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        build(weights)(*torch.zeros(2, 1, 1, 24, 36))
    assert 2 * multiply_adds(weights, 36, 24) == counter.get_total_flops()


def test_teacher_has_its_size_and_runs_in_torch():
    measured = efficiency(checkpoint("teacher"), width=8, height=8, repeat=1)
    assert (measured.parameters, measured.network) == (556_489, "teacher")
    assert measured.kilobytes == pytest.approx(2173.8, abs=0.1)
    assert measured.pairs_per_second is None
