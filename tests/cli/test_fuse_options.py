"""Every option on every path through ``fuse``: it is honoured, or refused with exit code 2; never passed over."""

import io
import json

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from mmdrfuse import images

SPEC = "48x32@10:gray8"
SHAPE = 32, 48


@pytest.fixture
def sides(rng):
    """A thermal side of one channel, and a visible one of colour that leaves the range where it gets brighter."""
    thermal = rng.integers(60, 200, SHAPE).astype(np.uint8)
    coloured = np.stack([np.full(SHAPE, 250), rng.integers(0, 120, SHAPE), np.full(SHAPE, 5)], axis=-1)
    return thermal, coloured.astype(np.uint8)


def pictures(folder, sides):
    for name, side in zip(("ir", "vi"), sides, strict=True):
        images.write(folder / name / "a.png", side)
    return [folder / "ir" / "a.png", folder / "vi" / "a.png"]


def picture(folder, sides):
    return [*pictures(folder, sides), folder / "out.png"], None


def a_folder(folder, sides):
    pictures(folder, sides)
    return [folder / "ir", folder / "vi", folder / "out"], None


def table(folder, sides):
    pictures(folder, sides)
    (folder / "pairs.csv").write_text("infrared,visible\nir/a.png,vi/a.png\n")
    return [folder / "pairs.csv", folder / "out"], None


def blocks(folder, sides):
    for name, side in zip(("ir", "vi"), sides, strict=True):
        tifffile.imwrite(folder / f"{name}.tif", side, tile=(16, 16))
    return [folder / "ir.tif", folder / "vi.tif", folder / "out.tif"], None


def pipes(folder, sides):
    paths = pictures(folder, sides)
    return ["-", paths[1], "-"], paths[0].read_bytes()


def video(folder, sides):
    av = pytest.importorskip("av", reason="needs PyAV, the extra [video]")
    for name, side in zip(("ir", "vi"), sides, strict=True):
        with av.open(str(folder / f"{name}.mkv"), "w") as container:
            stream = container.add_stream("ffv1", rate=10)
            stream.width, stream.height = SHAPE[1], SHAPE[0]
            stream.pix_fmt = "gray" if side.ndim == 2 else "yuv420p"
            for _ in range(2):
                frame = av.VideoFrame.from_ndarray(side, format="gray" if side.ndim == 2 else "rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    return [folder / "ir.mkv", folder / "vi.mkv", folder / "out.mkv"], None


def raw_files(folder, sides):
    (folder / "ir.gray").write_bytes(sides[0].tobytes())
    (folder / "vi.gray").write_bytes(sides[1][..., 1].tobytes())
    return [folder / "ir.gray", folder / "vi.gray", folder / "out.gray", "--raw", SPEC], None


def raw_pipes(folder, sides):
    raw_files(folder, sides)
    return ["-", folder / "vi.gray", "-", "--raw", SPEC], sides[0].tobytes()


RIG = """mmdrfuse_rig: 1
matrix: [[0.8, 0, 5], [0, 0.8, 3], [0, 0, 1]]
infrared: {{width: {width}, height: {height}}}
visible: {{width: {width}, height: {height}}}
"""

PATHS = (picture, a_folder, table, blocks, pipes, video, raw_files, raw_pipes)
GREY = (raw_files, raw_pipes)
FILMS = (video, *GREY)

CHANGES = {
    ("--range", "fixed:0.2,0.6"): (),
    ("--weights", "day", "--range", "minmax"): (raw_pipes,),
    ("--range", "percentile"): (raw_pipes,),
    ("--ir-range", "80..150"): (),
    ("--ir-range", "p10..p90"): (raw_pipes,),
    ("--transform", "MATRIX"): (),
    ("--rig", "RIG"): (),
    ("--rig", "RIG", "--outside", "crop"): (),
    ("--rig", "RIG", "--pair-shift"): FILMS,
    ("--transform", "MATRIX", "--outside", "black"): (),
    ("--color", "gray"): (),
    ("--color", "hue"): FILMS,
    ("--weights", "medical"): (),
    ("--format", "jpg"): (picture, blocks, *FILMS),
    ("--format", "jpg", "--quality", "20"): (picture, blocks, *FILMS),
    ("--quality", "20"): PATHS,
}
"""Options that change what comes out, and the paths that refuse them."""

SAME = {
    ("--workers", "1"): (),
    ("--engine", "torch"): (),
    ("--overwrite",): (),
    ("--resume",): (picture, blocks, pipes, *FILMS),
    ("--page", "1"): FILMS,
    ("--size-policy", "fit-ir"): (),
}
"""Options that change nothing here, and the paths that refuse them."""


def run(path, sides, folder, *options):
    """Give the exit code, and everything that came out."""
    from mmdrfuse.cli import main

    folder.mkdir()
    arguments, given = path(folder, sides)
    (folder / "matrix.csv").write_text("1,0,5\n0,1,-3\n0,0,1\n")
    height, width = sides[0].shape[:2]
    (folder / "rig.yaml").write_text(RIG.format(width=width, height=height))
    files = {"MATRIX": folder / "matrix.csv", "RIG": folder / "rig.yaml"}
    options = [files.get(option, option) for option in options]
    command = ["fuse", *map(str, [*arguments, *options])]
    result = CliRunner().invoke(main, command, input=io.BytesIO(given) if given else None)
    files = sorted(file for file in folder.rglob("out*") if file.is_file()) + sorted((folder / "out").glob("[!m]*"))
    return result, [*map(content, files), result.stdout_bytes]


def content(file):
    """Read a file; of a video the frames, as its container has a number of its own each time."""
    if file.suffix != ".mkv":
        return file.read_bytes()
    from mmdrfuse.images.video.files import VideoSource

    return [[plane.tobytes() for plane in (frame.luma, *frame.chroma)] for frame in VideoSource(file).frames()]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("options", CHANGES)
def test_an_option_changes_the_result_or_is_refused(sides, tmp_path, path, options):
    plain, before = run(path, sides, tmp_path / "plain")
    assert plain.exit_code == 0, plain.stderr
    result, after = run(path, sides, tmp_path / "asked", *options)
    if path in CHANGES[options]:
        assert (result.exit_code, result.stdout_bytes) == (2, b""), result.stderr
        assert [file.name for file in (tmp_path / "asked").rglob("out*") if file.is_file()] == []
        return
    assert result.exit_code == 0, result.stderr
    grey = path in GREY and options[0] == "--color"  # which has no colour to lose
    assert (after == before) is grey


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("options", SAME)
def test_an_option_that_changes_nothing_here_is_taken_or_refused(sides, tmp_path, path, options):
    _, before = run(path, sides, tmp_path / "plain")
    result, after = run(path, sides, tmp_path / "asked", *options)
    if path in SAME[options]:
        assert (result.exit_code, result.stdout_bytes) == (2, b""), result.stderr
        return
    assert result.exit_code == 0, result.stderr
    if options != ("--engine", "torch"):  # which rounds otherwise here and there
        assert after == before


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("options", [(), ("--range", "percentile"), ("--color", "hue"), ("--quality", "9")])
def test_a_dry_run_writes_nothing_and_ends_as_the_run_does(sides, tmp_path, path, options):
    real, _ = run(path, sides, tmp_path / "real", *options)
    dry, _ = run(path, sides, tmp_path / "dry", *options, "--dry-run")
    assert dry.exit_code == real.exit_code
    assert [file.name for file in (tmp_path / "dry").rglob("out*")] == []
    assert dry.stdout.startswith("write ") is (real.exit_code == 0)


@pytest.mark.parametrize("path", [path for path in PATHS if path not in (pipes, raw_pipes)])
def test_a_dry_run_promises_no_replacing_that_is_refused(sides, tmp_path, path):
    from mmdrfuse.cli import main

    run(path, sides, tmp_path / "x")
    arguments = ["fuse", *map(str, path(tmp_path / "x", sides)[0])]
    for options, code in (((), 1), (("--overwrite",), 0)):
        dry = CliRunner().invoke(main, [*arguments, *options, "--dry-run"])
        assert (dry.exit_code, dry.stdout.startswith("replace ")) == (code, code == 0), dry.stderr
        assert CliRunner().invoke(main, [*arguments, *options]).exit_code == code


def test_the_manifest_has_the_preparation_as_one_object(sides, tmp_path):
    run(a_folder, sides, tmp_path / "x", "--ir-range", "80..150", "--transform", "MATRIX")
    (line,) = (tmp_path / "x" / "out" / "manifest.jsonl").read_text().splitlines()
    assert json.loads(line)["preparation"] == {
        "size_policy": "error", "transform": [1, 0, 5, 0, 1, -3, 0, 0, 1], "infrared_range": [80, 150], "page": 0,
        "outside": "visible", "sizes": [], "rig": "", "rig_sha256": "", "pair_shift": [], "pair_shift_evidence": 0,
    }  # fmt: skip
