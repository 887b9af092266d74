"""A matrix is found where it is known exactly, moves with the pictures, and is refused where there is none."""

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from mmdrfuse.errors import InputError, UnknownNameError
from mmdrfuse.registration import estimate, measure
from mmdrfuse.registration.geometry import warped
from mmdrfuse.registration.projective import centre, distance, from_corners, similarity_about
from mmdrfuse.registration.residuals import drift, lengths

SIZE = 192, 256
NEAR: dict[str, Any] = {"view": (0.9, 1.1), "rotation": 4}
"""A short search."""


def a_scene(seed):
    """Blocks and discs of any brightness: edges in all directions."""
    rng = np.random.default_rng(seed)
    height, width = SIZE
    down, across = np.mgrid[:height, :width]
    picture = np.full(SIZE, 120.0)
    for _ in range(60):
        y, x, long, wide = rng.uniform(0, [height, width, 45, 45])
        turn = rng.uniform(0, np.pi)
        u = (across - x) * np.cos(turn) + (down - y) * np.sin(turn)
        v = (down - y) * np.cos(turn) - (across - x) * np.sin(turn)
        inside = np.hypot(u, v) < long / 2 if rng.random() < 0.3 else (np.abs(u) < long / 2) & (np.abs(v) < wide / 2)
        picture[inside] = rng.uniform(0, 255)
    return ndimage.gaussian_filter(picture, 0.7)


def another_light(picture, rng):
    """What a camera of another kind sees: dark for bright, softer, with noise."""
    return 255 - ndimage.gaussian_filter(picture, 1.0) + rng.normal(0, 4, picture.shape)


MATRICES = {
    "shift": np.array([[1, 0, 7.3], [0, 1, -5.6], [0, 0, 1.0]]),
    "similarity": similarity_about(0.92, np.deg2rad(4), centre(SIZE), centre(SIZE) + np.array([6, -4])),
    "homography": from_corners(
        np.array([[0, 0], [255, 0], [255, 191], [0, 191.0]]), np.array([[9, 4], [248, -7], [262, 200], [-4, 184.0]])
    ),
}


def seen_through(matrix, picture):
    """The picture of a camera whose matrix onto ``picture`` is given."""
    return warped(picture, np.linalg.inv(matrix), *picture.shape, edge=True)


@pytest.fixture(scope="module")
def found():
    """What is found of one scene that was moved by each matrix."""
    scene = a_scene(4)
    other = another_light(scene, np.random.default_rng(0))
    return {kind: estimate(seen_through(matrix, other), scene, **NEAR) for kind, matrix in MATRICES.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", MATRICES)
def test_an_exact_matrix_is_found(kind, found):
    assert found[kind].accepted
    assert distance(found[kind].matrix, MATRICES[kind], SIZE) < 0.6


@pytest.mark.slow
def test_the_answer_moves_with_the_picture(found):
    moved = found["shift"].matrix @ np.linalg.inv(MATRICES["shift"]) @ MATRICES["similarity"]
    assert distance(moved, found["similarity"].matrix, SIZE) < 0.6


@pytest.mark.slow
def test_the_simplest_sufficient_model_is_chosen(found):
    assert found["shift"].model == "shift"
    assert found["similarity"].model == "similarity"
    assert found["homography"].model == "homography"


def test_a_narrower_view_of_more_pixels_is_found(rng):
    scene = a_scene(3)
    matrix = similarity_about(0.6, 0.0, centre((240, 320)), centre(SIZE) + np.array([10, 6]))
    infrared = warped(another_light(scene, rng).astype(np.float32), np.linalg.inv(matrix), 240, 320, edge=True)
    found = estimate(infrared, scene)
    assert found.accepted
    assert found.view == pytest.approx(0.75, abs=0.01)
    assert distance(found.matrix, matrix, (240, 320)) < 0.8


def test_a_model_that_is_given_holds(rng):
    scene = a_scene(4)
    found = estimate(another_light(seen_through(MATRICES["shift"], scene), rng), scene, model="shift", **NEAR)
    np.testing.assert_allclose(found.matrix[:2, :2], np.eye(2), atol=1e-9)


def corner(picture):
    """The upper left part: enough to find a right pair, in half the time."""
    return picture[:128, :160]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("picture", "reasons"),
    [
        (np.full(SIZE, 90, np.uint8), ["flat"]),
        (np.zeros((20, 300)), ["too small"]),
        (np.zeros((1, 1)), ["too small"]),
        (np.tile(np.linspace(0, 255, 160), (128, 1)), ["no agreement", "implausible"]),
        (corner(a_scene(5)), ["no agreement", "implausible"]),
    ],
    ids=["constant", "low", "one pixel", "ramp", "another scene"],
)
def test_what_shows_no_place_in_common_is_refused(picture, reasons):
    found = estimate(picture, corner(a_scene(7)), **NEAR)
    assert not found.accepted
    assert found.reason in reasons


@pytest.mark.slow
def test_pairs_of_a_set_that_disagree_are_named(rng):
    scenes = [a_scene(seed) for seed in range(10, 15)]
    knocked = similarity_about(1.06, 0.0, centre(SIZE), centre(SIZE) + np.array([9, 0]))
    matrices = [MATRICES["shift"]] * 4 + [MATRICES["shift"] @ knocked]
    infrared = [another_light(seen_through(matrix, scene), rng) for matrix, scene in zip(matrices, scenes, strict=True)]
    found = estimate(infrared, scenes, **NEAR)
    assert found.accepted
    assert distance(found.matrix, MATRICES["shift"], SIZE) < 0.5
    assert found.disagreeing == (4,)
    assert max(found.residuals[:4]) < 1.5
    assert lengths(measure(infrared[3:], scenes[3:], found.matrix)) == pytest.approx(found.residuals[3:])


@pytest.mark.parametrize(
    ("infrared", "visible", "options"),
    [
        ([], [], {}),
        ([np.zeros(SIZE)], [np.zeros(SIZE)] * 2, {}),
        ([np.zeros(SIZE), np.zeros((64, 64))], [np.zeros(SIZE)] * 2, {}),
        (np.full(SIZE, np.nan), np.zeros(SIZE), {}),
        (np.zeros((4, 4, 4)), np.zeros(SIZE), {}),
        (np.zeros((0, 5)), np.zeros(SIZE), {}),
        (np.zeros(SIZE), np.zeros(SIZE), {"view": (1.2, 0.4)}),
        (np.zeros(SIZE), np.zeros(SIZE), {"rotation": -1}),
    ],
)
def test_bad_input_is_one_error(infrared, visible, options):
    with pytest.raises(InputError):
        estimate(infrared, visible, **options)


def test_an_unknown_model_is_named():
    with pytest.raises(UnknownNameError, match="homography"):
        estimate(np.zeros(SIZE), np.zeros(SIZE), model="homografy")


def test_drift_is_what_the_end_of_a_recording_is_off_its_beginning():
    still, moved = np.zeros((4, 2)), np.tile([3.0, 4.0], (4, 1))
    assert drift([still, still, None, still, moved, moved]) == pytest.approx(5)
    assert drift([still, still]) is None
    assert drift([None, still, moved]) is None
