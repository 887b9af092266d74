"""Raw frames: the format's name, and frames from files and pipes."""

import io
import os
import sys
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mmdrfuse.errors import InputError, MMDRFuseError
from mmdrfuse.images.video.frames import PIPE, Frame, RawFormat, RawSource, raw_writing

FORMAT = RawFormat(4, 3, Fraction(10))


def films(rng, count):
    return rng.integers(0, 256, (count, 3, 4)).astype(np.uint8)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("640x512@30:gray8", Fraction(30)),
        ("640x512@29.97:gray8", Fraction(2997, 100)),
        ("640x512@30000/1001:gray8", Fraction(30000, 1001)),
    ],
)
def test_raw_formats_are_parsed(text, rate):
    assert RawFormat.parse(text) == RawFormat(640, 512, rate)


@pytest.mark.parametrize(
    "text",
    ["640x512", "640x512@30", "640x512@30:rgb24", "1x512@30:gray8", "640x512@0:gray8", "640x512@30/0:gray8",
     "640x512@30/000:gray8", "640x512@0/1:gray8", f"{'9' * 5000}x512@30:gray8", "٦٤x٦٤@30:gray8"],
)  # fmt: skip
def test_invalid_raw_formats_are_an_error(text):
    with pytest.raises(MMDRFuseError, match=r"expected WxH@FPS:gray8 .* such as 640x512@30:gray8"):
        RawFormat.parse(text)


def test_frames_of_a_file_come_at_their_rate(rng, tmp_path):
    film = films(rng, 5)
    (tmp_path / "film.gray").write_bytes(film.tobytes())
    source = RawSource(tmp_path / "film.gray", FORMAT)
    frames = list(source.frames())
    np.testing.assert_array_equal([frame.luma for frame in frames], film)
    assert [frame.time for frame in frames] == [Fraction(number, 10) for number in range(5)]
    assert source.layout.count == 5
    assert source.repeatable


def test_a_named_pipe_is_read_once(rng, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    film = films(rng, 3)
    threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(film.tobytes(),)).start()
    source = RawSource(tmp_path / "pipe", FORMAT)
    assert not source.repeatable
    assert source.layout.count is None
    np.testing.assert_array_equal([frame.luma for frame in source.frames()], film)


def test_standard_input_is_read(rng, monkeypatch):
    film = films(rng, 2)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(film.tobytes())))
    np.testing.assert_array_equal([frame.luma for frame in RawSource(PIPE, FORMAT).frames()], film)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(12 + 5), r"ends within frame 2, after 5 of 12 bytes; are its frames really 4x3"),
        (b"", "holds no frame; is what should feed it running"),
        (None, "film.gray: cannot be read"),
    ],
)
def test_truncated_and_empty_streams_are_an_error(content, message, tmp_path):
    path = tmp_path / "film.gray"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(RawSource(path, FORMAT).frames())


def test_a_closed_standard_input_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input is closed"):
        list(RawSource(PIPE, FORMAT).frames())


def test_frames_larger_than_the_memory_are_an_error(tmp_path):
    (tmp_path / "film.gray").write_bytes(bytes(12))
    huge = RawFormat(10**9, 10**9, Fraction(10))
    with pytest.raises(InputError, match=r"film\.gray: needs more memory than there is"):
        list(RawSource(tmp_path / "film.gray", huge).frames())


def test_written_frames_are_read_back(rng, tmp_path):
    film = films(rng, 3)
    path = Path(tmp_path / "film.gray")
    with path.open("wb") as file, raw_writing(file) as write:
        for luma in film:
            write(Frame(Fraction(0), np.asfortranarray(luma)))
    np.testing.assert_array_equal([frame.luma for frame in RawSource(path, FORMAT).frames()], film)
