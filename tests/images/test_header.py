"""Sizes and types of pictures from their headers: common formats are not decoded."""

import numpy as np
import pytest
from PIL import Image

from mmdrfuse import images
from mmdrfuse.errors import InputError
from mmdrfuse.images.formats.tiff import PageReader
from mmdrfuse.images.header import header, peek


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.webp", "a.tif"])
@pytest.mark.parametrize("shape", [(20, 31), (20, 31, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_header_tells_what_decoding_would(tmp_path, rng, name, shape, dtype):
    if dtype == np.uint16 and name not in ("a.png", "a.tif"):
        pytest.skip("the format holds 8 bits")
    images.write(tmp_path / name, rng.integers(0, np.iinfo(dtype).max, shape, dtype))
    decoded = images.read(tmp_path / name)
    assert header(tmp_path / name) == (20, 31, decoded.dtype)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.webp", "a.tif"])
def test_common_formats_are_not_decoded(tmp_path, monkeypatch, name):
    images.write(tmp_path / name, np.zeros((20, 31), np.uint8))
    monkeypatch.setattr(Image.Image, "load", None)
    monkeypatch.setattr(PageReader, "block", None)
    assert peek(tmp_path / name) == header(tmp_path / name) == (20, 31, np.uint8)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such file"), (b"\x89PNG", "damaged or unreadable picture")]
)
def test_an_unreadable_file_is_named(tmp_path, content, message):
    if content:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.png: {message}"):
        header(tmp_path / "a.png")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_the_size_is_that_of_the_picture_as_exif_turns_it(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    Image.new("L", (31, 20)).save(tmp_path / name, exif=exif)
    seen = peek(tmp_path / name)
    assert (seen.height, seen.width) == images.read(tmp_path / name).shape[:2]
