"""The compiled kernel against torch and against the definition written out in NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdrfuse.engine import fuse_stored, make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.engine.kernel import _tanh
from mmdrfuse.errors import InputError, MMDRFuseError, SizeError, UnknownNameError, WeightsError
from mmdrfuse.images import from_unit, to_unit
from mmdrfuse.models import Checkpoint
from mmdrfuse.models.checkpoints import SHAPES


def checkpoint(network="student", seed=0):
    """Weights of random numbers, large enough to reach both ends of tanh."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for layer, (outputs, inputs) in SHAPES[network].items():
        arrays[f"{layer}.weight"] = rng.normal(0, 0.4, (outputs, inputs, 3, 3)).astype(np.float32)
        arrays[f"{layer}.bias"] = rng.normal(0, 0.4, outputs).astype(np.float32)
    return Checkpoint("random", network, arrays, {}, "0" * 64)


def by_definition(arrays, infrared, visible):
    """The student in float64 with nothing but padding and sums."""

    def convolve(planes, weight, bias):
        padded = np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        return np.einsum("chwij,ocij->ohw", windows, weight.astype(np.float64)) + bias[:, None, None]

    sources = np.stack([infrared, visible]).astype(np.float64)
    hidden = np.maximum(convolve(sources, arrays["conv1.weight"], arrays["conv1.bias"]), 0)
    return np.tanh(convolve(hidden, arrays["conv2.weight"], arrays["conv2.bias"]))[0]


sizes = st.tuples(st.integers(2, 70), st.integers(2, 70))
contents = st.sampled_from(["random", "black", "white", "checkers"])


def plane(size, content, rng):
    fill = {"black": np.zeros, "white": np.ones, "random": rng.random}
    made = np.indices(size).sum(axis=0) % 2 if content == "checkers" else fill[content](size)
    return made.astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(size=sizes, contents=st.tuples(contents, contents), seed=st.integers(0, 9), threads=st.integers(1, 4))
def test_kernel_equals_the_definition_at_any_size_content_and_number_of_threads(size, contents, seed, threads):
    weights, rng = checkpoint(seed=seed), np.random.default_rng(seed)
    infrared, visible = (plane(size, content, rng) for content in contents)
    fused = make(weights, threads=threads)(infrared, visible)
    np.testing.assert_allclose(fused, by_definition(weights.arrays, infrared, visible), atol=2e-6)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    size=sizes, contents=st.tuples(contents, contents), seed=st.integers(0, 9), threads=st.integers(1, 4),
    dtypes=st.sampled_from([("u1", "u1", "u1"), ("u2", "u1", "u1"), ("u1", "u1", "u2")]),
)  # fmt: skip
def test_stored_values_are_those_of_the_definition_at_any_size_and_number_of_threads(
    size, contents, seed, threads, dtypes
):
    weights, rng = checkpoint(seed=seed), np.random.default_rng(seed)
    tops = [np.iinfo(dtype).max for dtype in dtypes]
    sources = [
        np.rint(plane(size, content, rng) * top).astype(dtype)
        for content, top, dtype in zip(contents, tops, dtypes, strict=False)
    ]
    fused = fuse_stored(make(weights, threads=threads), *sources, dtype=dtypes[2])
    exact = by_definition(weights.arrays, *(source / top for source, top in zip(sources, tops, strict=False)))
    scaled = np.clip(exact, 0, 1) * tops[2]
    assert fused.dtype == dtypes[2]
    # Half a level is rounding; the rest is float32, 2e-6 of the range.
    assert np.abs(fused - scaled).max() <= 0.5 + 2e-6 * tops[2]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_whole_picture_equals_tiles_with_a_halo_of_two(threads, rng):
    infrared, visible = rng.integers(0, 256, (2, 90, 61)).astype(np.uint8)
    whole = fuse_stored(make(checkpoint(), threads=threads), infrared, visible)
    for first in range(0, 90, 30):
        rows = slice(max(first - 2, 0), first + 32)
        tile = fuse_stored(make(checkpoint()), infrared[rows], visible[rows])
        inner = tile[first - rows.start :][:30]
        np.testing.assert_array_equal(inner, whole[first : first + 30])


@pytest.mark.parametrize("kind", ["cpu", "torch"])
@pytest.mark.parametrize("dtypes", [("u1", "u1", "u1"), ("u2", "f4", "u1"), ("f8", "u1", "u2"), ("u1", "u1", "f4")])
@pytest.mark.parametrize("limits", [(0, 1), (-0.2, 0.7), (0.3, 0.3)])
def test_one_pass_equals_its_three_steps_to_the_bit(kind, dtypes, limits, rng):
    scales = [np.iinfo(dtype).max if dtype[0] == "u" else 1 for dtype in dtypes]
    sources = [(rng.random((23, 18)) * scale).astype(dtype) for scale, dtype in zip(scales, dtypes, strict=False)][:2]
    engine = make(checkpoint(), kind=kind, threads=2)
    steps = from_unit(engine(*map(to_unit, sources)), *limits, dtypes[2])
    np.testing.assert_array_equal(fuse_stored(engine, *sources, low=limits[0], high=limits[1], dtype=dtypes[2]), steps)


def test_eight_bits_differ_from_torch_by_at_most_one_level_at_one_pixel_in_a_thousand(rng):
    sources = rng.integers(0, 256, (2, 400, 300)).astype(np.uint8)
    cpu, torch = (fuse_stored(make(checkpoint(), kind=kind), *sources).astype(int) for kind in ("cpu", "torch"))
    assert np.abs(cpu - torch).max() <= 1
    assert (cpu != torch).mean() <= 0.001


def test_planes_of_other_types_are_refused():
    planes = np.zeros((2, 4, 4), np.int32)
    with pytest.raises(InputError, match="must be uint8, uint16 or float"):
        fuse_stored(make(checkpoint()), *planes)


def test_the_number_of_threads_does_not_change_a_bit(rng):
    infrared, visible = rng.random((2, 131, 57), dtype=np.float32)
    one, three = (make(checkpoint(), threads=threads)(infrared, visible) for threads in (1, 3))
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_torch_engine_keeps_the_size(network, rng):
    infrared, visible = rng.random((2, 31, 18), dtype=np.float32)
    assert make(checkpoint(network), kind="torch")(infrared, visible).shape == (31, 18)


def test_kernel_and_torch_differ_by_float_rounding_alone(rng):
    infrared, visible = rng.random((2, 64, 49), dtype=np.float32)
    cpu, torch = (make(checkpoint(), kind=kind)(infrared, visible) for kind in ("cpu", "torch"))
    np.testing.assert_allclose(cpu, torch, atol=3e-6)  # sums of 18 and 36 products in another order


def test_the_released_student_reproduces_the_stored_output(shared):
    from mmdrfuse.models import read

    stored = np.load(shared / "oracle" / "losses.npz")
    engine = make(read(shared / "published" / "student.model"))
    for infrared, visible, fused in zip(stored["ir"], stored["vis"], stored["student"], strict=True):
        planes = (np.float32(source) / np.float32(255) for source in (infrared, visible))
        np.testing.assert_allclose(engine(*planes), fused[0], atol=1e-6)


def test_tanh_is_within_four_ten_millionths_everywhere():
    values = np.linspace(-20, 20, 4001, dtype=np.float32)
    ours = np.array([_tanh(value) for value in values])
    np.testing.assert_allclose(ours, np.tanh(values.astype(np.float64)), atol=4e-7)


@pytest.mark.parametrize(
    ("name", "expected"), [("max", 0.6), ("mean", 0.4), ("affine", 1.25 * (0.42 + 0.12) - 20 / 255)]
)
def test_each_baseline_equals_its_formula(name, expected):
    infrared, visible = np.full((2, 2), 0.6, np.float32), np.full((2, 2), 0.2, np.float32)
    np.testing.assert_allclose(BASELINES[name](infrared, visible), expected, rtol=1e-6)


def test_an_unknown_engine_is_named_with_a_near_miss():
    with pytest.raises(UnknownNameError, match="did you mean torch"):
        make(checkpoint(), kind="torhc")


def test_teacher_on_the_cpu_kernel_is_refused():
    with pytest.raises(WeightsError, match="is a teacher, which the cpu engine cannot run"):
        make(checkpoint("teacher"), kind="cpu")


def test_kernel_on_another_device_is_refused():
    with pytest.raises(MMDRFuseError, match="the cpu engine cannot run on device 'cuda'"):
        make(checkpoint(), kind="cpu", device="cuda")


def test_engines_accept_read_only_planes(rng):
    plane = rng.random((5, 6), dtype=np.float32)
    plane.flags.writeable = False
    assert make(checkpoint(), kind="torch")(plane, plane).shape == (5, 6)


def test_missing_device_is_one_clear_error():
    with pytest.raises(MMDRFuseError, match="device 'nonsense' cannot be used here"):
        make(checkpoint(), kind="torch", device="nonsense")


@pytest.mark.parametrize(
    ("shapes", "message"), [(((5, 4), (4, 5)), "planes of one size"), (((1, 9), (1, 9)), "9x1 pixels are too small")]
)
def test_sizes_that_cannot_be_fused_are_named(shapes, message):
    with pytest.raises(SizeError, match=message):
        make(checkpoint())(*(np.zeros(shape, np.float32) for shape in shapes))
