"""``mmdrfuse fuse`` on videos and raw frames."""

import io
from fractions import Fraction

import numpy as np
import pytest
from click.testing import CliRunner

from mmdrfuse import fuse

SPEC = "16x12@10:gray8"


@pytest.fixture
def films(rng, tmp_path):
    """Raw films of both sides, 5 frames of 16×12."""
    made = {name: rng.integers(0, 256, (5, 12, 16)).astype(np.uint8) for name in ("ir", "vi")}
    for name, film in made.items():
        (tmp_path / f"{name}.gray").write_bytes(film.tobytes())
    return tmp_path, made


def video(path, size=(64, 48)):
    av = pytest.importorskip("av", reason="needs PyAV, the extra [video]")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height = size
        for number in range(5):
            frame = av.VideoFrame(*size, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([100]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_raw_frames_give_what_python_gives(run, films):
    folder, made = films
    result = run("fuse", folder / "ir.gray", folder / "vi.gray", folder / "out.gray", "--raw", SPEC)
    assert result.exit_code == 0, result.stderr
    assert f"wrote {folder / 'out.gray'}: 5 frames, " in result.stderr
    frames = np.frombuffer((folder / "out.gray").read_bytes(), np.uint8).reshape(5, 12, 16)
    np.testing.assert_array_equal(frames[3], fuse(made["ir"][3], made["vi"][3], weights="day"))


def test_raw_frames_go_through_standard_input_and_output(films):
    from mmdrfuse.cli import main

    folder, made = films
    arguments = ["fuse", str(folder / "ir.gray"), "-", "-", "--raw", SPEC]
    result = CliRunner().invoke(main, arguments, input=io.BytesIO(made["vi"].tobytes()))
    assert result.exit_code == 0, result.stderr
    frames = [fuse(*pair, weights="day") for pair in zip(made["ir"], made["vi"], strict=True)]
    assert result.stdout_bytes == np.stack(frames).tobytes()


def test_videos_are_known_by_their_names(run, tmp_path):
    for name in ("ir.mp4", "vi.mkv"):
        video(tmp_path / name)
    arguments = ("fuse", tmp_path / "ir.mp4", tmp_path / "vi.mkv", tmp_path / "out.mp4")
    planned = run(*arguments, "--dry-run")
    made_of = f"{tmp_path / 'ir.mp4'} (64x48, 10 frames/s, 5 frames)"
    assert planned.stdout.startswith(f"write {tmp_path / 'out.mp4'} (64x48, 5 frames) from {made_of}, ")
    assert not (tmp_path / "out.mp4").exists()
    result = run(*arguments, "--range", "percentile", "--color", "gray")
    assert result.exit_code == 0, result.stderr
    assert "5 frames" in result.stderr
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert "exists already" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ir.gray", "vi.gray", "out.gray", "--raw", "16x12"), "expected WxH@FPS:gray8"),
        (("-", "-", "out.gray", "--raw", SPEC), "are both -"),
        (("ir.mp4", "vi.png", "out.mp4"), "only one of ir.mp4 and vi.png is; raw frames need --raw"),
        (("ir.mp4", "out.mp4"), "expected IR VIS OUT"),
        (("ir.mp4", "vi.mp4", "out.mp4", "--resume"), "--resume is for pictures, not for videos"),
        (("ir.mp4", "vi.mp4", "out.mp4", "--page", "2"), "page 2 is for pictures"),
    ],
)
def test_wrong_usage_is_explained(run, arguments, message):
    result = run("fuse", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_missing_raw_frames_are_one_clear_sentence(run, films, options):
    folder, _ = films
    result = run("fuse", folder / "none.gray", folder / "vi.gray", folder / "out.gray", "--raw", SPEC, *options)
    assert (result.exit_code, "none.gray: no such file" in result.stderr) == (1, True)


def test_missing_videos_are_one_clear_sentence(run, tmp_path):
    pytest.importorskip("av", reason="needs PyAV, the extra [video]")
    result = run("fuse", tmp_path / "ir.mp4", tmp_path / "vi.mp4", tmp_path / "out.mp4")
    assert result.exit_code == 1
    assert "mp4: cannot be read as a video (No such file or directory)" in result.stderr
