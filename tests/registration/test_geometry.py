"""Two pictures on one grid."""

import numpy as np
import pytest

from mmdrfuse.errors import InputError, SizeError, UnknownNameError
from mmdrfuse.registration.geometry import SIZE_POLICIES, cropped, one_size, read_matrix, resized, warped


def picture(shape, rng, dtype=np.uint8):
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype)


@pytest.mark.parametrize(("policy", "size"), [("fit-ir", (12, 20)), ("fit-vis", (7, 9)), ("crop-common", (7, 9))])
def test_each_policy_gives_both_sides_its_size(policy, size, rng):
    sides = picture((7, 9), rng), picture((12, 20, 3), rng)
    assert [side.shape[:2] for side in one_size(*sides, policy)] == [size, size]


@pytest.mark.parametrize("policy", SIZE_POLICIES)
def test_equal_sizes_stay_unchanged(policy, rng):
    sides = picture((7, 9), rng), picture((7, 9, 3), rng)
    assert all(found is given for found, given in zip(one_size(*sides, policy), sides, strict=True))


def test_sizes_that_differ_are_named_and_a_policy_cures_it():
    with pytest.raises(SizeError, match=r"infrared is 9x7 and visible 20x12 pixels.*fit-ir.*crop-common"):
        one_size(np.zeros((7, 9)), np.zeros((12, 20)), "error")


def test_an_unknown_policy_is_named_with_a_near_miss():
    with pytest.raises(UnknownNameError, match="did you mean"):
        one_size(np.zeros((7, 9)), np.zeros((7, 9)), "fit_ir")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_resizing_keeps_depth_channels_and_constants(dtype):
    image = np.full((5, 6, 3), np.iinfo(dtype).max - 1, dtype)
    for height, width in ((11, 4), (3, 17)):
        found = resized(image, height, width)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, np.full((height, width, 3), np.iinfo(dtype).max - 1))


def test_halving_averages_without_aliasing():
    stripes = np.tile(np.array([0, 200], np.uint8), (8, 8))
    assert np.ptp(resized(stripes, 4, 8)[:, 1:-1].astype(int)) <= 1


def test_cropping_is_about_the_centre():
    assert cropped(np.arange(25).reshape(5, 5), 3, 2).tolist() == [[6, 7], [11, 12], [16, 17]]


def test_shift_moves_pixels_by_whole_pixels(rng):
    image = picture((6, 8, 3), rng)
    moved = warped(image, (1, 0, 2, 0, 1, 1, 0, 0, 1), 6, 8)
    np.testing.assert_array_equal(moved[1:, 2:], image[:-1, :-2])
    assert not moved[0].any()
    assert not moved[:, :2].any()


def test_bilinear_values_are_those_of_the_equation():
    image = np.array([[0, 100], [200, 300]], np.uint16)
    assert warped(image, (2, 0, 0, 0, 2, 0, 0, 0, 1), 3, 3).tolist() == [[0, 50, 100], [100, 150, 200], [200, 250, 300]]


@pytest.mark.parametrize("factor", [1, -3])
def test_projective_matrices_agree_with_a_pixel_by_pixel_map(factor, rng):
    image, matrix = picture((9, 11), rng), np.array([[1.1, 0.1, -1], [0.05, 0.9, 2], [0.01, -0.004, 1]])
    found = warped(image, tuple((factor * matrix).ravel()), 8, 12)
    for x, y in ((3, 3), (7, 5), (9, 6)):
        across, down, scale = np.linalg.inv(matrix) @ (x, y, 1)
        u, v = across / scale, down / scale
        corner = image[int(v) : int(v) + 2, int(u) : int(u) + 2].astype(float)
        expected = [1 - v % 1, v % 1] @ corner @ [1 - u % 1, u % 1]
        assert found[y, x] == pytest.approx(expected, abs=0.5001)


def test_pixels_beyond_the_horizon_are_black():
    image = np.full((4, 4), 9, np.uint8)
    # x' = x/(1 − x/8): what is left of the picture's plane at infinity comes from behind the camera
    assert not warped(image, (1, 0, 0, 0, 1, 0, -0.125, 0, 1), 4, 30)[:, 20:].any()


def test_a_quarter_turn_is_exact(rng):
    image = picture((5, 7, 3), rng, np.uint16)
    turned = warped(image, (0, -1, 4, 1, 0, 0, 0, 0, 1), 7, 5)  # (x, y) → (4 − y, x)
    np.testing.assert_array_equal(turned, np.rot90(image, -1))


def test_a_shear_is_the_one_worked_out_by_hand():
    image = np.array([[0, 40, 80], [100, 140, 180]], np.uint8)
    # x' = x + y/2: the second row moves by half a pixel, so its ends are half outside
    assert warped(image, (1, 0.5, 0, 0, 1, 0, 0, 0, 1), 2, 4).tolist() == [[0, 40, 80, 0], [50, 120, 160, 90]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_warping_keeps_the_dtype_and_rounds_whole_numbers(dtype):
    found = warped(np.array([[1, 2]], dtype), (1, 0, 0.25, 0, 1, 0, 0, 0, 1), 1, 2)
    assert found.dtype == dtype
    assert found.tolist() == ([[0.75, 1.75]] if dtype == np.float32 else [[1, 2]])


def test_the_line_at_infinity_may_cross_pixels():
    image = np.full((4, 4), 9, np.uint8)
    matrix = np.linalg.inv([[1, 0, 0], [0, 1, 0], [-0.25, 0, 1]])  # w = 0 at x' = 4 of the result
    found = warped(image, tuple(matrix.ravel()), 4, 6)
    assert (found[0, :2] == 9).all()
    assert not found[:, 4:].any()


@pytest.mark.parametrize(
    "text",
    ["1,0,5\n0,1,-3.5\n0,0,1\n", "1 0 5\n0 1 -3.5\n0 0 1", "1\t0\t5 # x\n0\t1\t-35e-1\n0\t0\t1",
     "[[1, 0, 5], [0, 1, -3.5], [0, 0, 1]]",
     "# of the rig\nmatrix:\n  - [1, 0, 5]\n  - [0, 1, -3.5]\n  - [0.0, 0, 1e0]\n",
     "---\n- - 1\n  - 0\n  - 5\n- - 0\n  - 1\n  - -3.5\n- - 0\n  - 0\n  - 1\n"],
)  # fmt: skip
def test_matrices_are_read_from_csv_and_yaml(text, tmp_path):
    (tmp_path / "m").write_text(text)
    assert read_matrix(tmp_path / "m") == (1, 0, 5, 0, 1, -3.5, 0, 0, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [("1,2,3", "holds 3 numbers; give nine"), ("a b c d e f g h i", "holds 'a'; give nine"), ("", "holds 0 numbers"),
     ("1,2,3,2,4,6,0,0,1", "the matrix has no inverse"), ("1,0,0,0,1,0,0,0,nan", "holds 'nan'"),
     ("1,0,0,0,1,0,0,0,1e999", "a number is too large"), ("[[1,0,0],[0,1,0],[0,0,true]]", "holds 'True'")],
)  # fmt: skip
def test_an_invalid_matrix_is_an_error_that_says_what_it_holds(text, said, tmp_path):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(InputError, match=rf"m\.csv: {said}"):
        read_matrix(tmp_path / "m.csv")


def test_keys_of_a_matrix_that_come_twice_are_named_with_the_line(tmp_path):
    (tmp_path / "m.yaml").write_text("matrix: [1]\nmatrix: [2]")
    with pytest.raises(InputError, match=r"m\.yaml, line 2: 'matrix' comes twice"):
        read_matrix(tmp_path / "m.yaml")


def test_an_unreadable_matrix_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        read_matrix(tmp_path / "none.csv")
