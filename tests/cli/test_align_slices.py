"""``mmdrfuse align --method mutual-information``: medical slices."""

import json
import sys

import numpy as np
import pytest
from scipy import ndimage

from mmdrfuse import images
from mmdrfuse.registration.geometry import warped
from mmdrfuse.registration.projective import similarity_about
from mmdrfuse.registration.rig import read

MATRIX = similarity_about(1.0, np.deg2rad(3), np.array([63.5, 63.5]), np.array([67.5, 60.5]))


@pytest.fixture
def slices(tmp_path):
    """One head in two machines: an ellipse of tissues, whose values on both sides have no order."""
    rng = np.random.default_rng(1)
    rows, columns = (np.mgrid[:128, :128] - 64) / 128
    noise = ndimage.gaussian_filter(rng.normal(size=(128, 128)), 4)
    tissues = np.digitize(noise, np.quantile(noise, [0.3, 0.6, 0.85])) + 1
    tissues[np.hypot(rows / 0.36, columns / 0.3) >= 1] = 0
    sides = {"pet": np.array([0, 70, 230, 120, 180]), "mri": np.array([0, 200, 150, 60, 110])}
    pet, mri = (values[tissues].astype(np.uint8) for values in sides.values())
    images.write(tmp_path / "pet.png", warped(pet, np.linalg.inv(MATRIX), 128, 128))
    images.write(tmp_path / "mri.png", mri)
    return tmp_path


def test_the_rig_says_how_it_was_found(run, slices):
    pytest.importorskip("SimpleITK", reason="needs the extra medical")
    done = run(
        "align", slices / "pet.png", slices / "mri.png", "-o", slices / "rig.yaml", "--method", "mutual-information",
        "--json", slices / "found.json",
    )  # fmt: skip
    assert (done.exit_code, "by mutual information" in done.stdout) == (0, True), done.stderr
    assert np.reshape(read(slices / "rig.yaml").matrix, (3, 3)) == pytest.approx(MATRIX, abs=1)
    assert 'method: "mutual-information"' in (slices / "rig.yaml").read_text()
    assert json.loads((slices / "found.json").read_text())["method"] == "mutual-information"


@pytest.mark.parametrize(("option", "code"), [("--model=shift", 2), ("--method=information", 2), ("", 1)])
def test_what_cannot_be_done_is_refused_in_a_sentence(run, slices, monkeypatch, option, code):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    options = ["--method", "mutual-information", *filter(None, [option])]
    refused = run("align", slices / "pet.png", slices / "mri.png", "-o", slices / "rig.yaml", *options)
    assert (refused.exit_code, (slices / "rig.yaml").exists()) == (code, False), refused.stderr
    assert ("[medical]" in refused.stderr) is (not option)
