"""Medical slices: a shift and a turn by mutual information."""

import sys

import numpy as np
import pytest
from scipy import ndimage

from mmdrfuse.datasets import scene
from mmdrfuse.errors import ChoiceError, MissingExtraError, UnknownNameError
from mmdrfuse.registration import estimate
from mmdrfuse.registration.geometry import warped
from mmdrfuse.registration.mutual_information import NEEDED, shared
from mmdrfuse.registration.projective import centre, corners, similarity_about, transformed
from mmdrfuse.registration.slices import looks_medical

SIDE = 128
POSES = (5, 3, 2), (5, 3, 2), (-6, 3, 2)
"""Right, down and turn of a set whose last slice is off."""


@pytest.fixture
def needs_itk():
    pytest.importorskip("SimpleITK", reason="needs the extra medical")


def head(seed):
    """Return two machines' slices of one head: an ellipse of tissues, whose values on both sides have no order."""
    rng = np.random.default_rng(seed)
    rows, columns = (np.mgrid[:SIDE, :SIDE] - SIDE / 2) / SIDE
    within = np.hypot(100 * rows / (32 + 5 * (seed % 3)), 100 * columns / (36 - 5 * (seed % 3))) < 1
    noise = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), 5)
    tissues = np.digitize(noise, np.quantile(noise, [0.3, 0.6, 0.85]))
    functional = np.where(within, np.array([70, 230, 120, 180])[tissues], 0)
    anatomical = np.where(within, np.array([200, 150, 60, 110])[tissues], 0)
    return ndimage.gaussian_filter(functional, 2.0).astype(np.uint8), anatomical.astype(np.uint8)


def displaced(slice_, right, down, turn):
    """Return a slice through another pose, and the matrix back."""
    middle = centre(slice_.shape)
    matrix = similarity_about(1.0, np.deg2rad(turn), middle, middle + np.array([right, down]))
    return warped(slice_, np.linalg.inv(matrix), *slice_.shape), matrix


def error(found, matrix):
    points = corners((SIDE, SIDE))
    return np.linalg.norm(transformed(found, points) - transformed(matrix, points), axis=1).mean()


@pytest.mark.parametrize("pose", [(0, 0, 0), (7, -5, 4), (-8, 8, -5)])
def test_a_known_pose_is_found_to_a_pixel(needs_itk, pose):
    functional, anatomical = head(1)
    moving, matrix = displaced(functional, *pose)
    found = estimate(moving, anatomical, method="mutual-information")
    assert (found.accepted, found.method, found.model) == (True, "mutual-information", "similarity")
    assert error(found.matrix, matrix) < 1
    assert found.matrix[:2, :2] @ found.matrix[:2, :2].T == pytest.approx(np.eye(2), abs=1e-6)


def test_slices_of_other_sizes_are_of_one_width(needs_itk):
    functional, anatomical = head(1)
    found = estimate(functional[::2, ::2], anatomical, method="mutual-information")
    assert found.accepted
    assert found.matrix[:2] == pytest.approx(np.array([[2, 0, 0.0], [0, 2, 0.0]]), abs=1.0)


@pytest.mark.parametrize("case", ["another head", "constant", "noise", "one point"])
def test_wrong_slices_are_refused(needs_itk, rng, case):
    functional, anatomical = head(1)
    point = np.zeros_like(anatomical)
    point[64, 64] = 255
    noise = rng.integers(0, 255, anatomical.shape, np.uint8)
    other = {"another head": head(2)[1], "constant": anatomical * 0, "noise": noise, "one point": point}[case]
    found = estimate(functional, other, method="mutual-information")
    assert (found.accepted, found.reason in ("flat", "no agreement")) == (False, True)


@pytest.mark.slow
def test_a_set_has_one_pose_and_names_the_slice_that_is_off(needs_itk):
    heads = [head(seed) for seed in range(3)]
    moving = [displaced(functional, *pose) for (functional, _), pose in zip(heads, POSES, strict=True)]
    found = estimate([one for one, _ in moving], [one for _, one in heads], method="mutual-information")
    assert (found.accepted, found.disagreeing) == (True, (2,))
    assert error(found.matrix, moving[0][1]) < 1


@pytest.mark.slow
def test_auto_asks_it_for_slices_that_the_field_refuses(shared, needs_itk):
    from mmdrfuse.images import luminance, read

    folder = shared / "data" / "Harvard" / "PET-MRI" / "train"
    functional, anatomical = (luminance(read(folder / side / "41042.png")) for side in ("PET", "MRI"))
    assert not estimate(functional, anatomical, method="field").accepted
    found = estimate(functional, anatomical)
    assert (found.accepted, found.method) == (True, "mutual-information")
    assert error(found.matrix, np.eye(3)) < 3


def test_scenes_are_no_slices():
    one = scene(0)
    assert not looks_medical([one.infrared], [one.visible])
    functional, anatomical = head(0)
    assert looks_medical([functional], [anatomical[::2, ::2]])
    assert looks_medical([functional.astype(float)], [np.stack([anatomical] * 3, axis=2)])


@pytest.mark.slow
def test_without_simpleitk_it_is_refused_and_auto_goes_without(monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    functional, _ = head(0)
    with pytest.raises(MissingExtraError, match=r"needs SimpleITK.*\[medical\]"):
        estimate(functional, head(1)[1], method="mutual-information")
    assert estimate(functional, head(1)[1]).method == "field"


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"method": "mutual-information", "model": "affine"}, ChoiceError), ({"method": "mi"}, UnknownNameError),
        ({"model": "rigid"}, UnknownNameError),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused(options, kind):
    with pytest.raises(kind):
        estimate(*head(0), **options)


def test_shared_information_is_between_nothing_and_all(rng):
    values = rng.integers(0, 16, 5000)
    assert shared(values, (values * 7) % 16) == pytest.approx(1)
    assert shared(values, rng.integers(0, 16, 5000)) < 0.05
    assert shared(values[:9], values[:9]) == 0
    assert NEEDED > 0
