"""What a network costs is counted by its definition."""

import sys

import numpy as np
import pytest

from mmdrfuse import models
from mmdrfuse.errors import UnknownNameError
from mmdrfuse.models import Checkpoint
from mmdrfuse.models.checkpoints import SHAPES
from mmdrfuse.pipeline.efficiency import efficiency, multiply_adds
from mmdrfuse.pipeline.peers import PEERS, load_peers


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


@pytest.mark.slow
def test_peers_fuse_the_same_picture_and_say_how_near_they_are():
    measured = efficiency(models.read("day"), width=37, height=24, repeat=1, peers=PEERS)
    assert {*measured.milliseconds, *measured.missing} == {"engine", *PEERS}
    for name, row in measured.milliseconds.items():
        if name not in ("engine", "FFmpeg blend"):
            assert (row["at_most"] <= 1, row["differing"] <= 0.01) == (True, True), name


def test_ffmpegs_blend_is_the_larger_level(rng):
    pytest.importorskip("av")
    pair = rng.integers(0, 256, (2, 18, 33), np.uint8)
    found, _ = load_peers(["FFmpeg blend"], models.read("day"), width=33, height=18, threads=1)
    for _ in range(3):
        np.testing.assert_array_equal(found["FFmpeg blend"](*pair), pair.max(axis=0))


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "cv2", "openvino"])
def test_a_peer_that_is_not_installed_is_named_and_the_rest_goes_on(package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    _, missing = load_peers(PEERS, models.read("day"), width=33, height=18, threads=1)
    assert package in missing.values()


def test_a_peer_that_does_not_exist_has_near_misses():
    with pytest.raises(UnknownNameError, match="unknown peer 'openvino': did you mean OpenVINO"):
        load_peers(["openvino"], models.read("day"), width=8, height=8, threads=1)
