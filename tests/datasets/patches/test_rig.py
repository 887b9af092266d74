"""Patches and samples of two cameras that are not aligned come from what both see."""

import numpy as np
import pytest

from mmdrfuse import datasets, images
from mmdrfuse.datasets import PatchFile
from mmdrfuse.datasets.patches.sample import sample_groups
from mmdrfuse.errors import SizeError

RIG = """\
mmdrfuse_rig: 1
matrix: [[1, 0, 30], [0, 1, 20], [0, 0, 1]]
infrared: {width: 64, height: 48}
visible: {width: 128, height: 96}
"""


@pytest.fixture
def folder(tmp_path, rng):
    """Pairs whose infrared is the visible's part at row 20 and column 30, upside down in brightness."""
    for number in range(2):
        visible = rng.integers(0, 256, (96, 128), np.uint8)
        images.write(tmp_path / "set" / "vi" / f"{number}.png", visible)
        images.write(tmp_path / "set" / "ir" / f"{number}.png", 255 - visible[20:68, 30:94])
    (tmp_path / "rig.yaml").write_text(RIG)
    return tmp_path


def test_patches_come_from_what_both_cameras_see(folder):
    out = folder / "p.h5"
    report = datasets.prepare([folder / "set"], out, patch=16, stride=16, rig=folder / "rig.yaml")
    assert report.shape == (2 * 3 * 4, 16, 16)
    patches = PatchFile(out).load()
    assert patches.options["rig"]["sha256"]
    infrared, visible = patches.batch(np.arange(len(patches)))
    np.testing.assert_array_equal(infrared, 255 - visible)


def test_a_rig_for_other_pictures_names_the_pair(folder):
    (folder / "rig.yaml").write_text(RIG.replace("width: 64", "width: 60"))
    with pytest.raises(Exception, match=r"60x48.*64x48"):
        datasets.prepare([folder / "set"], folder / "p.h5", patch=16, rig=folder / "rig.yaml")


def test_samples_come_from_what_both_cameras_see(folder):
    (samples,) = sample_groups([folder / "set"], pictures=2, size=48, rig=folder / "rig.yaml").values()
    for infrared, visible in samples:
        np.testing.assert_array_equal(infrared, 255 - visible)
    with pytest.raises(SizeError, match="rig"):
        sample_groups([folder / "set"], pictures=2, size=48, failed=lambda error: None)
