"""Rig files are read strictly, written whole, and serve pictures of other sizes."""

import numpy as np
import pytest

from mmdrfuse.errors import InputError, MMDRFuseError, OutputError, SizeError
from mmdrfuse.registration import Registration
from mmdrfuse.registration.projective import distance
from mmdrfuse.registration.rig import Rig, read, record_of, write

MATRIX = (1.3, 0.01, 200.0, -0.02, 1.25, 30.0, 1e-5, -2e-5, 1.0)
RIG = Rig(MATRIX, (640, 512), (1280, 720))
GOOD = """\
mmdrfuse_rig: 1
matrix:
  - [1, 0, 5]
  - [0, 1, -3]
  - [0, 0, 1]
infrared: {width: 64, height: 48}
visible: {width: 128, height: 96}
"""


def a_registration(**changes):
    values = {
        "matrix": np.reshape(MATRIX, (3, 3)), "model": "homography", "accepted": True, "reason": "", "confidence": 12.3,
        "needed": 8.0, "height": 20.0, "view": 0.66, "halves": 0.4, "residuals": (1.0, None, 40.0),
        "infrared": (640, 512), "visible": (1280, 720),
    }  # fmt: skip
    return Registration(**values | changes)


def test_what_is_written_is_read_again(tmp_path):
    found = a_registration(halves=float("inf"))
    sources = ["a folder: 'quoted' \"twice\"", "übrig\n", "caf\udce9"]
    record = record_of(found, date="2026-01-01", command="align", sources=sources)
    write(tmp_path / "rig.yaml", Rig.of(found), record)
    again = read(tmp_path / "rig.yaml")
    assert (again.matrix, again.infrared, again.visible) == (MATRIX, (640, 512), (1280, 720))
    text = (tmp_path / "rig.yaml").read_text()
    assert "pairs: {used: 2, of: 3, disagree: 1}" in text
    assert "halves: null" in text


def test_an_existing_rig_is_kept(tmp_path):
    (tmp_path / "rig.yaml").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        write(tmp_path / "rig.yaml", RIG)
    assert (tmp_path / "rig.yaml").read_text() == "mine"
    write(tmp_path / "rig.yaml", RIG, overwrite=True)
    assert read(tmp_path / "rig.yaml").matrix == MATRIX


def test_the_least_that_a_rig_file_needs(tmp_path):
    (tmp_path / "rig.yaml").write_text(GOOD + "model:\nconfidence: null\n")
    rig = read(tmp_path / "rig.yaml")
    assert (rig.matrix[2], rig.infrared, rig.visible) == (5, (64, 48), (128, 96))


@pytest.mark.parametrize("text", ["1 0 5\n0 1 -3\n0 0 1\n", "1,0,5,0,1,-3,0,0,1", "matrix: [[1,0,5],[0,1,-3],[0,0,1]]"])
def test_a_plain_matrix_is_a_rig_for_any_size(tmp_path, text):
    (tmp_path / "m.txt").write_text(text)
    rig = read(tmp_path / "m.txt")
    assert rig.matrix_for((7, 5), (300, 20)) == (1, 0, 5, 0, 1, -3, 0, 0, 1)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("rig: 1", "rig: 2"), GOOD.replace("rig: 1", "rig: true"), GOOD.replace("[0, 0, 1]", "[0, 0, 0]"),
        GOOD.replace("[1, 0, 5]", "[-1, 0, 5]"), GOOD.replace("[1, 0, 5]", "[1, 0]"), GOOD.replace("5]", ".nan]"),
        GOOD.replace("5]", "x]"), GOOD.replace("5]", "true]"), GOOD.replace("5]", "9" * 400 + "]"),
        GOOD.replace("  - [0, 0, 1]\n", ""), GOOD.replace("width: 64", "width: 0"), GOOD.replace("64", "6.4"),
        GOOD.replace("{width: 64, height: 48}", "64x48"), GOOD.replace("infrared", "infra"), GOOD + "matrix: 1\n",
        "mmdrfuse_rig: 1", "mmdrfuse_rig: [", "", "{}", "[]", "mmdrfuse_rig", "a: &a [x]\nb: [*a, *a]\nmmdrfuse_rig: 1",
        "-1 0 5 0 1 -3 0 0 1",
    ],
)  # fmt: skip
def test_a_file_that_is_no_rig_is_one_error_that_names_it(tmp_path, text):
    (tmp_path / "rig.yaml").write_text(text)
    with pytest.raises(InputError, match=r"rig\.yaml"):
        read(tmp_path / "rig.yaml")


def test_pictures_of_another_size_get_a_scaled_matrix():
    half = np.reshape(RIG.matrix_for((320, 256), (1280, 720)), (3, 3))
    # Pixel (0, 0) of the half picture lies between (0, 0) and (1, 1) of the whole one.
    doubled = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
    assert distance(half, np.reshape(MATRIX, (3, 3)) @ doubled, (256, 320)) < 1e-9
    there_and_back = Rig(RIG.matrix_for((427, 341), (960, 540)), (427, 341), (960, 540)).matrix_for(
        (640, 512), (1280, 720)
    )
    np.testing.assert_allclose(np.array(there_and_back) / there_and_back[8], MATRIX, rtol=1e-6)


def test_pictures_of_another_aspect_are_refused_with_both_sizes():
    with pytest.raises(SizeError, match=r"640x512.*640x480"):
        RIG.matrix_for((640, 480), (1280, 720))


def test_what_names_a_rig():
    array = np.reshape(MATRIX, (3, 3))
    assert Rig.of(array).matrix == Rig.of(list(MATRIX)).matrix == Rig.of(a_registration()).matrix == MATRIX
    for wrong in (np.eye(2), np.zeros((3, 3)), np.full((3, 3), np.nan), a_registration(accepted=False, reason="flat")):
        with pytest.raises(MMDRFuseError):
            Rig.of(wrong)
