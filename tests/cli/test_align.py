"""``mmdrfuse align``: rigs are written where they are believed, and nothing where they are not."""

import json

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import scene
from mmdrfuse.registration.geometry import warped
from mmdrfuse.registration.projective import centre, distance, similarity_about
from mmdrfuse.registration.rig import read

IR, VIS = (192, 256), (240, 320)
MATRIX = similarity_about(0.95, np.deg2rad(2), centre(IR), centre(VIS) + np.array([6.0, -4.0]))


def a_pair(seed, matrix=MATRIX):
    """A street in the light of both cameras, with different views."""
    made = scene(seed, height=VIS[0], width=VIS[1])
    # The made-up infrared has few edges in common with the picture at night: another light of the visible has more.
    negative = 255 - images.luminance(made.visible) // 2
    moved = warped(negative.astype(np.float32), np.linalg.inv(matrix), *IR, edge=True)
    return np.rint(moved).astype(np.uint8), made.visible


@pytest.fixture(scope="module")
def rig_folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rig")
    for seed in range(3):
        infrared, visible = a_pair(seed)
        images.write(folder / "ir" / f"{seed}.png", infrared)
        images.write(folder / "vi" / f"{seed}.png", visible)
    other = scene(9, height=VIS[0], width=VIS[1]).infrared
    images.write(folder / "other.png", other[:192, :256][::-1, ::-1].copy())
    return folder


@pytest.fixture(scope="module")
def rig(rig_folders):
    from click.testing import CliRunner

    from mmdrfuse.cli import main

    target = rig_folders / "rig.yaml"
    sides = [str(rig_folders / side) for side in ("ir", "vi")]
    result = CliRunner().invoke(main, ["align", *sides, "-o", str(target)])
    assert result.exit_code == 0, result.stderr
    return target


@pytest.mark.slow
def test_a_rig_is_found_and_proved(rig):
    found = read(rig)
    assert distance(np.reshape(found.matrix, (3, 3)), MATRIX, IR) < 1
    assert (found.infrared, found.visible) == ((256, 192), (320, 240))
    assert images.read(rig.with_suffix(".png")).ndim == 3
    assert "mmdrfuse align" in rig.read_text()


def test_the_rig_fuses_and_fits(run, rig, rig_folders, tmp_path):
    sides = rig_folders / "ir", rig_folders / "vi"
    assert run("fuse", *sides, tmp_path / "out", "--rig", rig).exit_code == 0
    assert images.read(tmp_path / "out" / "0.png").shape[:2] == VIS
    result = run("align", *sides, "--check", rig)
    assert (result.exit_code, "3 of 3 agree" in result.stdout) == (0, True), result.stderr


def test_a_rig_that_no_longer_fits_is_told_by_its_pairs(run, rig_folders, tmp_path):
    rig = tmp_path / "knocked.txt"
    moved = np.array([[1, 0, 12.0], [0, 1, 0], [0, 0, 1]]) @ MATRIX
    rig.write_text(" ".join(map(str, moved.ravel())))
    result = run("align", rig_folders / "ir", rig_folders / "vi", "--check", rig, "--json", "-")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [pair["residual"] for pair in found["pairs"]] == pytest.approx([12] * 3, abs=2)


@pytest.mark.slow
def test_different_scenes_are_refused_with_a_reason_and_nothing_is_written(run, rig_folders, tmp_path):
    target = tmp_path / "rig.yaml"
    result = run("align", rig_folders / "other.png", rig_folders / "vi" / "0.png", "-o", target, "--json", "-")
    assert result.exit_code == 1
    assert "--view" in result.stderr
    document = json.loads(result.stdout)
    assert f"[{document['reason']}]" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_each_pair_gets_a_matrix_of_its_own(run, rig_folders, tmp_path):
    sides = rig_folders / "ir", rig_folders / "vi"
    assert run("align", *sides, "-o", tmp_path / "rigs.csv", "--each").exit_code == 0
    header, *lines = (tmp_path / "rigs.csv").read_text().splitlines()
    assert (len(header.split(",")), len(lines)) == (10, 3)
    matrix = np.array(lines[0].split(",")[1:], float).reshape(3, 3)
    assert distance(matrix, MATRIX, IR) < 1.5


def test_points_marked_by_hand_give_a_rig(run, rig_folders, tmp_path):
    table = tmp_path / "points.csv"
    infrared = np.array([[0, 0], [250, 3], [240, 180], [4, 190], [120, 90.0]])
    visible = infrared @ MATRIX[:2, :2].T + MATRIX[:2, 2]
    rows = [",".join(map(str, (*one, *other))) for one, other in zip(infrared, visible, strict=True)]
    table.write_text("\n".join(["infrared_x,infrared_y,visible_x,visible_y", *rows]))
    pair = rig_folders / "ir" / "0.png", rig_folders / "vi" / "0.png"
    result = run("align", *pair, "-o", tmp_path / "rig.yaml", "--points", table, "--model", "similarity")
    assert result.exit_code == 0, result.stderr
    np.testing.assert_allclose(read(tmp_path / "rig.yaml").matrix, MATRIX.ravel(), atol=1e-6)

    table.write_text("1,1,2,2\n2,2,3,3\n3,3,4,4\n4,4,5,5\n")
    result = run("align", *pair, "-o", tmp_path / "line.yaml", "--points", table)
    assert (result.exit_code, "points.csv" in result.stderr) == (1, True)


@pytest.mark.slow
def test_videos_are_aligned_by_frames_drawn_over_them(run, tmp_path):
    av = pytest.importorskip("av")
    sides = [a_pair(seed) for seed in range(2) for _ in range(4)]
    for name, frames in (("ir", [one for one, _ in sides]), ("vi", [images.luminance(other) for _, other in sides])):
        with av.open(str(tmp_path / f"{name}.mkv"), "w") as container:
            stream = container.add_stream("ffv1", rate=10)
            stream.height, stream.width = frames[0].shape
            stream.pix_fmt = "gray"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
            container.mux(stream.encode())
    target = tmp_path / "rig.yaml"
    result = run("align", tmp_path / "ir.mkv", tmp_path / "vi.mkv", "-o", target, "--pairs", "2")
    assert result.exit_code == 0, result.stderr
    assert distance(np.reshape(read(target).matrix, (3, 3)), MATRIX, IR) < 1.5


@pytest.mark.parametrize(
    "options",
    [
        (), ("-o", "x.yaml", "--check", "RIG"), ("--check", "RIG", "--each"), ("-o", "x", "--view", "2..1"),
        ("-o", "x", "--pairs", "0"), ("-o", "x", "--each", "--proof", "y.png"), ("-o", "x", "--view", "wide"),
    ],
)  # fmt: skip
def test_wrong_usage(run, rig, rig_folders, options):
    named = [rig if option == "RIG" else option for option in options]
    assert run("align", rig_folders / "ir", rig_folders / "vi", *named).exit_code == 2


def test_an_existing_rig_is_kept(run, rig, rig_folders):
    before = rig.read_bytes()
    result = run("align", rig_folders / "ir", rig_folders / "vi", "-o", rig)
    assert (result.exit_code, "--overwrite" in result.stderr) == (1, True)
    assert rig.read_bytes() == before


def test_mixed_sizes_name_two_pictures_and_the_cure(run, rig_folders, tmp_path):
    for seed in range(2):
        infrared, visible = a_pair(seed)
        images.write(tmp_path / "ir" / f"{seed}.png", infrared[: 192 - seed])
        images.write(tmp_path / "vi" / f"{seed}.png", visible)
    result = run("align", tmp_path / "ir", tmp_path / "vi", "-o", tmp_path / "rig.yaml")
    assert result.exit_code == 1
    assert "256x191" in result.stderr
    assert "--each" in result.stderr
