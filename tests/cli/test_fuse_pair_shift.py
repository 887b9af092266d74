"""``fuse --pair-shift``: pairs that are off their rig."""

import json

import numpy as np
import pytest

import mmdrfuse
from mmdrfuse import images
from mmdrfuse.datasets import scene
from mmdrfuse.errors import ChoiceError
from mmdrfuse.pipeline.fuse.manifest import read
from mmdrfuse.registration.geometry import warped
from mmdrfuse.registration.projective import translation
from mmdrfuse.registration.residuals import CLEAR

RIG = """mmdrfuse_rig: 1
matrix: [[1, 0, 3], [0, 1, 2], [0, 0, 1]]
infrared: {width: 320, height: 240}
visible: {width: 320, height: 240}
"""


@pytest.fixture(scope="module")
def sides():
    """A registered pair of 320×240 pixels."""
    one = scene(3)
    return images.luminance(one.infrared)[::2, ::2].copy(), one.visible[::2, ::2].copy()


def off(right, down):
    """Return the matrix that takes the infrared's pixels to those of a camera that is so far off the rig."""
    return tuple(np.linalg.inv(translation(3 + right, 2 + down)).ravel())


@pytest.fixture
def folder(sides, tmp_path):
    """Two pairs of one rig; the second one is off it."""
    for side in ("ir", "vi"):
        (tmp_path / side).mkdir()
    for name, shift in {"a": (0, 0), "b": (5, -2)}.items():
        images.write(tmp_path / "ir" / f"{name}.png", warped(sides[0], off(*shift), 240, 320))
        images.write(tmp_path / "vi" / f"{name}.png", sides[1])
    (tmp_path / "rig.yaml").write_text(RIG)
    return tmp_path


def test_the_manifest_has_each_shift_and_the_picture_follows_it(run, folder, sides):
    arguments = ("fuse", folder / "ir", folder / "vi", folder / "out", "--rig", folder / "rig.yaml")
    done = run(*arguments, "--pair-shift")
    assert (done.exit_code, "2 of 2 pairs moved" in done.stderr) == (0, True), done.stderr
    _, moved = read(folder / "out")
    assert moved.preparation.pair_shift == pytest.approx((5, -2), abs=0.5)
    assert moved.preparation.pair_shift_evidence > CLEAR

    prepared = moved.pair(folder / "out").sources()[0][20:-20, 20:-20].astype(float)
    assert np.abs(prepared - sides[0][20:-20, 20:-20]).mean() < 3  # 12 without the shift
    again = mmdrfuse.fuse(
        images.read(folder / "ir" / "b.png"), sides[1], weights="scenes", rig=folder / "rig.yaml", pair_shift=True
    )
    assert np.array_equal(again, images.read(folder / "out" / "b.png"))
    resumed = run(*arguments, "--pair-shift", "--resume")
    assert "0 pictures fused" in resumed.stderr
    assert "2 pictures fused" in run(*arguments, "--resume").stderr


def test_eval_scores_against_the_sources_as_they_were_moved(run, folder):
    run("fuse", folder / "ir", folder / "vi", folder / "out", "--rig", folder / "rig.yaml", "--pair-shift")
    lines = (folder / "out" / "manifest.jsonl").read_text().splitlines()

    def score():
        table = run("eval", folder / "out", "--metrics", "SSIM", "--json", "-")
        assert table.exit_code == 0, table.stderr
        return table.stdout

    moved = score()
    entries = [json.loads(line) for line in lines]
    for entry in entries:
        entry["preparation"]["pair_shift"] = []
    (folder / "out" / "manifest.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    assert score() != moved


def test_without_a_rig_there_is_nothing_to_be_off(run, folder, sides):
    refused = run("fuse", folder / "ir", folder / "vi", folder / "out", "--pair-shift")
    assert (refused.exit_code, "--rig" in refused.stderr, (folder / "out").exists()) == (2, True, False)
    with pytest.raises(ChoiceError, match="rig"):
        mmdrfuse.fuse(*sides, pair_shift=True)
