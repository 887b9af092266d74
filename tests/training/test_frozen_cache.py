"""The cache of frozen outputs: computed once, stored in a file of a known size, the same after a resume."""

import numpy as np
import pytest
import torch

from mmdrfuse.errors import DiskFullError, TrainingError
from mmdrfuse.training.frozen_cache import FrozenCache, reserve_file
from mmdrfuse.training.patches import load_batch

CPU = torch.device("cpu")


def two_maps(infrared, visible):
    """Compute a map of full size, and one of half the size with three channels."""
    halves = torch.nn.functional.avg_pool2d(torch.cat([infrared, visible, infrared * 7 - visible], dim=1), 2)
    return torch.maximum(infrared, visible), halves


@pytest.fixture
def cache(toy, tmp_path):
    """Return a function that makes a cache of two maps of the toy's patches."""

    def make(*, dtype="float32", file="a.bin", resume=False):
        made = FrozenCache(two_maps, toy().shape, dtype=dtype, device=CPU)
        if file:
            made.open(tmp_path / file, resume=resume)
        return made

    return make


def batch(toy, *indices):
    return load_batch(toy(), np.array(indices), device=CPU)


def never(infrared, visible):
    raise RuntimeError("computed again")


@pytest.mark.parametrize(("dtype", "error"), [("float32", 0.0), ("float16", 2**-11)])
def test_cached_outputs_do_not_depend_on_the_batch(cache, toy, dtype, error):
    made = cache(dtype=dtype)
    for pair in ((4, 1), (0, 2)):
        made(batch(toy, *pair), first_visit=True)
    made.function = never
    both = batch(toy, 2, 4)
    for cached, expected in zip(made(both, first_visit=False), two_maps(both.infrared, both.visible), strict=True):
        assert cached.shape == expected.shape
        assert ((cached - expected).abs() <= error * expected.abs()).all()


def test_the_first_outputs_are_not_rounded(cache, toy):
    both = batch(toy, 5, 0)
    first = cache(dtype="float16")(both, first_visit=True)
    assert all(torch.equal(a, b) for a, b in zip(first, two_maps(both.infrared, both.visible), strict=True))


def test_a_resumed_run_reads_the_cached_outputs(cache, toy):
    first = cache()(batch(toy, 4, 1), first_visit=True)
    again = cache(resume=True)(batch(toy, 4, 1), first_visit=False)
    assert all(torch.equal(a, b) for a, b in zip(again, first, strict=True))


def test_without_a_file_each_visit_computes(cache, toy):
    made = cache(file=None)
    assert made(batch(toy, 3), first_visit=False)[0].shape == (1, 1, 16, 16)
    made.function = never
    with pytest.raises(RuntimeError, match="computed again"):
        made(batch(toy, 3), first_visit=False)


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("float16", 2)])
def test_the_file_has_the_computed_size(cache, tmp_path, dtype, size):
    made = cache(dtype=dtype)
    assert made.size == (tmp_path / "a.bin").stat().st_size == 7 * (16 * 16 + 3 * 8 * 8) * size


@pytest.mark.parametrize("content", [None, b"short"])
def test_a_missing_or_short_file_is_named(cache, tmp_path, content):
    if content is not None:
        (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(TrainingError, match=r"a\.bin: ") as caught:
        cache(resume=True)
    assert caught.value.cure == "anew"


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_reported_before_the_run(cache, tmp_path):
    with pytest.raises(DiskFullError, match=r"0\.0 MB are needed: .*a\.bin: .*No space left on device"):
        cache()
    assert not list(tmp_path.iterdir())


def test_a_reserved_file_has_its_size_at_once(tmp_path):
    reserve_file(tmp_path / "b.bin", 12345)
    assert (tmp_path / "b.bin").stat().st_size == 12345
