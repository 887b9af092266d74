"""One pair of arrays to one picture."""

import numpy as np
import pytest

from mmdrfuse import fuse, models
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import InputError, SizeError, UnknownNameError
from mmdrfuse.pipeline import Fuser

GREY, COLOUR = (6, 8), (6, 8, 3)


def image(shape, rng, dtype=np.uint8):
    return rng.integers(0, np.iinfo(dtype).max, shape).astype(dtype)


@pytest.mark.parametrize(
    ("infrared", "visible", "result"),
    [(GREY, GREY, GREY), (GREY, COLOUR, COLOUR), (COLOUR, GREY, COLOUR), (COLOUR, COLOUR, COLOUR)],
)
def test_result_has_the_colour_of_the_coloured_side(infrared, visible, result, rng):
    assert fuse(image(infrared, rng), image(visible, rng)).shape == result


def test_visible_colour_wins_where_both_have_some(rng):
    infrared, visible = (image(COLOUR, rng) // 4 + 80 for _ in range(2))
    fused = Fuser(BASELINES["mean"])(infrared, visible).image.astype(int)
    np.testing.assert_array_equal(
        (fused[..., 0] - fused[..., 2])[2:], (visible[..., 0].astype(int) - visible[..., 2])[2:]
    )


def test_gray_drops_the_colour(rng):
    assert Fuser(BASELINES["max"], color="gray")(image(GREY, rng), image(COLOUR, rng)).image.shape == GREY


def test_grey_stored_as_three_channels_gives_grey(rng):
    stored = np.repeat(image(GREY, rng)[..., None], 3, axis=2)
    np.testing.assert_array_equal(fuse(stored, stored), fuse(stored[..., 0], stored[..., 0]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_maximum_of_stored_integers_is_exact(dtype, rng):
    infrared, visible = image(GREY, rng, dtype), image(GREY, rng, dtype)
    np.testing.assert_array_equal(Fuser(BASELINES["max"])(infrared, visible).image, np.maximum(infrared, visible))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_result_has_the_dtype_of_the_sources(dtype, rng):
    source = np.asarray(rng.random(GREY) * (1 if np.dtype(dtype).kind == "f" else 255), dtype)
    assert fuse(source, source).dtype == dtype


def test_minmax_records_the_limits_and_reaches_both_ends(rng):
    fused = Fuser(BASELINES["mean"], "minmax")(image(GREY, rng), image(GREY, rng))
    assert (fused.image.min(), fused.image.max()) == (0, 255)
    assert 0 < fused.limits[0] < fused.limits[1] < 1


def test_inputs_are_left_as_they_were(rng):
    infrared, visible = image(GREY, rng), image(COLOUR, rng)
    before = infrared.copy(), visible.copy()
    fuse(infrared, visible)
    np.testing.assert_array_equal(infrared, before[0])
    np.testing.assert_array_equal(visible, before[1])


def test_sizes_that_differ_are_both_named():
    with pytest.raises(SizeError, match="infrared is 8x6 and visible 6x8 pixels"):
        fuse(np.zeros((6, 8), np.uint8), np.zeros((8, 6), np.uint8))


def test_too_small_is_named():
    with pytest.raises(SizeError, match="1x4 pixels are too small"):
        fuse(np.zeros((4, 1), np.uint8), np.zeros((4, 1), np.uint8))


@pytest.mark.parametrize("choice", [{"range": None}, {"range": 3}, {"weights": None}, {"weights": 3}])
def test_choices_of_another_type_are_unknown_names(choice):
    with pytest.raises(UnknownNameError, match=f"unknown {next(iter(choice))}"):
        fuse(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), **choice)


def test_unknown_weights_get_the_nearest_name_as_a_hint():
    with pytest.raises(UnknownNameError, match="unknown weights 'ivf': did you mean ivif"):
        fuse(np.zeros(GREY, np.uint8), np.zeros(GREY, np.uint8), weights="ivf")


def test_weights_written_anew_are_read_anew(tmp_path, rng):
    path, source = tmp_path / "own.safetensors", image(GREY, rng)
    shipped = models.read("ivif")
    models.write(path, shipped.arrays, {})
    first = fuse(source, source, weights=path)
    models.write(path, {name: 0 * array for name, array in shipped.arrays.items()}, {})
    assert first.any()
    assert not fuse(source, source, weights=path).any()


@pytest.mark.parametrize(
    ("image", "reason"),
    [([[0]], "not a list"), (None, "not a NoneType"), (np.zeros(4), r"not a ndarray of shape \(4,\)"),
     (np.zeros((4, 4, 4)), r"not a ndarray of shape \(4, 4, 4\)")],
)  # fmt: skip
def test_an_argument_that_is_no_image_is_named(image, reason):
    with pytest.raises(InputError, match=f"infrared must be a NumPy array.*{reason}"):
        fuse(image, np.zeros((4, 4)))


def test_signed_integers_are_refused():
    with pytest.raises(InputError, match="not int64"):
        fuse(np.zeros(GREY, int), np.zeros(GREY, int))
