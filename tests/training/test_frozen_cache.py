"""What never changes: asked for once, kept in a file of a known size, the same after a resume."""

import numpy as np
import pytest
import torch

from mmdrfuse.errors import DiskFullError, TrainingError
from mmdrfuse.training.frozen_cache import Kept, reserve
from mmdrfuse.training.patches import load

CPU = torch.device("cpu")


def two_maps(infrared, visible):
    """A map of full size, and one of half the size and three channels."""
    halves = torch.nn.functional.avg_pool2d(torch.cat([infrared, visible, infrared * 7 - visible], dim=1), 2)
    return torch.maximum(infrared, visible), halves


@pytest.fixture
def kept(toy, tmp_path):
    def make(*, dtype="float32", file="a.bin", resume=False):
        made = Kept(two_maps, toy().shape, dtype=dtype, device=CPU)
        if file:
            made.open(tmp_path / file, resume=resume)
        return made

    return make


def batch(toy, *indices):
    return load(toy(), np.array(indices), device=CPU)


def never(infrared, visible):
    raise RuntimeError("asked again")


@pytest.mark.parametrize(("dtype", "error"), [("float32", 0.0), ("float16", 2**-11)])
def test_what_was_said_comes_from_the_file_in_any_company(kept, toy, dtype, error):
    made = kept(dtype=dtype)
    for pair in ((4, 1), (0, 2)):
        made(batch(toy, *pair), first_visit=True)
    made.ask = never
    both = batch(toy, 2, 4)
    for ours, said in zip(made(both, first_visit=False), two_maps(both.infrared, both.visible), strict=True):
        assert ours.shape == said.shape
        assert ((ours - said).abs() <= error * said.abs()).all()


def test_the_first_answer_is_not_rounded(kept, toy):
    both = batch(toy, 5, 0)
    first = kept(dtype="float16")(both, first_visit=True)
    assert all(torch.equal(a, b) for a, b in zip(first, two_maps(both.infrared, both.visible), strict=True))


def test_a_resumed_run_finds_what_was_said(kept, toy):
    first = kept()(batch(toy, 4, 1), first_visit=True)
    again = kept(resume=True)(batch(toy, 4, 1), first_visit=False)
    assert all(torch.equal(a, b) for a, b in zip(again, first, strict=True))


def test_without_a_file_each_visit_asks(kept, toy):
    made = kept(file=None)
    assert made(batch(toy, 3), first_visit=False)[0].shape == (1, 1, 16, 16)
    made.ask = never
    with pytest.raises(RuntimeError, match="asked again"):
        made(batch(toy, 3), first_visit=False)


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("float16", 2)])
def test_the_file_has_the_size_that_was_said(kept, toy, tmp_path, dtype, size):
    made = kept(dtype=dtype)
    assert made.size == (tmp_path / "a.bin").stat().st_size == 7 * (16 * 16 + 3 * 8 * 8) * size


def test_what_is_gone_is_missed(kept, tmp_path):
    message = r"a\.bin: what was kept of the run's first part is gone; begin anew with overwrite=True"
    with pytest.raises(TrainingError, match=message):
        kept(resume=True)
    (tmp_path / "a.bin").write_bytes(b"short")
    with pytest.raises(TrainingError, match=message):
        kept(resume=True)


@pytest.mark.usefixtures("full_disk")
def test_no_room_is_said_before_the_run(kept, tmp_path):
    with pytest.raises(
        DiskFullError, match=r"0\.0 MB are needed: .*a\.bin: the disk is full \(No space left on device\)"
    ):
        kept()
    assert not list(tmp_path.iterdir())


def test_a_reserved_file_has_its_size_at_once(tmp_path):
    reserve(tmp_path / "b.bin", 12345)
    assert (tmp_path / "b.bin").stat().st_size == 12345
