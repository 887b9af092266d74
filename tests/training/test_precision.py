"""Less precise and compiled forwards: close to the plain one, in float32 outside, and part of the recipe."""

import shutil

import numpy as np
import pytest
import torch

from mmdrfuse import models, training
from mmdrfuse.errors import TrainingError
from mmdrfuse.models.student import Output, Student
from mmdrfuse.models.teacher import Teacher
from mmdrfuse.training.precision import MixedPrecision, compile_network

CPU = torch.device("cpu")


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.rand(2, 1, 16, 16, generator=generator) for _ in range(2))


@pytest.mark.parametrize("build", [Student, Teacher])
def test_bfloat16_is_close_and_stays_inside(pair, build):
    torch.manual_seed(0)
    network = build()
    plain, mixed = network(*pair), MixedPrecision(network, "cpu")(*pair)
    assert isinstance(mixed, Output)
    for exact, rounded in zip(plain, mixed, strict=True):
        assert rounded.dtype == torch.float32
        assert 0 < (rounded - exact).abs().max() < 0.02 * exact.abs().max()
    mixed.fused.sum().backward()
    assert all(parameter.grad.dtype == torch.float32 for parameter in network.parameters())


def test_features_keep_their_options_in_bfloat16(pair):
    def features(image, *, maps):
        return [image] * maps

    assert len(MixedPrecision(features, "cpu")(pair[0], maps=3)) == 3


def test_a_run_with_amp_ends_near_the_exact_one_and_says_so(small, toy, teacher, tmp_path):
    arrays = {}
    for amp in (False, True):
        folder = tmp_path / str(amp)
        list(training.train(small(amp=amp), toy(), folder, teacher=teacher, device="cpu"))
        saved = models.read(folder / "student.safetensors")
        arrays[amp] = np.concatenate([value.ravel() for value in saved.arrays.values()])
        assert saved.card["recipe"]["amp"] is amp
    assert 0 < np.abs(arrays[True] - arrays[False]).max() < 0.05
    with pytest.raises(TrainingError, match=r"recipe\.amp: was True, now False"):
        training.train(small(), toy(), folder, teacher=teacher, device="cpu", resume=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on the CPU")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Guards may run slower:RuntimeWarning")  # torch says so of Python 3.13.0 alone
def test_a_compiled_student_gives_what_the_plain_one_gives(pair):
    torch.manual_seed(0)
    student = Student()
    plain = student(*pair)
    with torch.no_grad():  # the way back takes as long to compile again
        fast = compile_network(student, (2, 16, 16), CPU)
        compiled_maps = fast(*pair)
    for exact, maps in zip(plain, compiled_maps, strict=True):
        torch.testing.assert_close(maps, exact, rtol=0, atol=1e-5)


def test_no_compiler_is_said_before_the_run(monkeypatch):
    def fail(*arguments):
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\nmore")

    network = Student()
    monkeypatch.setattr(network, "compile", lambda: monkeypatch.setattr(network, "forward", fail))
    with pytest.raises(TrainingError, match=r"cannot compile .*\(InvalidCxxCompiler.*found\); train without compile"):
        compile_network(network, (2, 16, 16), CPU)
