"""All 16 bits of colour come out of a PNG, however it is laid out."""

import struct
import zlib

import numpy as np
import pytest

from mmdrfuse.errors import InputError
from mmdrfuse.images import read
from mmdrfuse.images.formats.png import chunk, encode

PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""Adam7, as the standard's table gives it: first row and column, steps of rows and columns."""
TYPES = {2: 4, 3: 2, 4: 6}


def filtered(part, kind):
    """Filter the rows of a part by the equations of section 9 of the standard, byte by byte."""
    rows = part.astype(">u2").reshape(len(part), -1).view(np.uint8).astype(int)
    stride = 2 * part.shape[2]
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    left, corner = (np.hstack([np.zeros((len(rows), stride), int), side[:, :-stride]]) for side in (rows, above))
    estimate = left + above - corner
    distances = np.abs(np.stack([estimate - left, estimate - above, estimate - corner]))
    paeth = np.choose(distances.argmin(axis=0), [left, above, corner])
    guess = (0 * rows, left, above, (left + above) // 2, paeth)[kind]
    return b"".join(bytes([kind]) + bytes(row) for row in ((rows - guess) % 256).astype(np.uint8))


def png(image, kind, *, interlaced=False):
    height, width, channels = image.shape
    header = struct.pack(">IIBBBBB", width, height, 16, TYPES[channels], 0, 0, int(interlaced))
    parts = [image[top::down, left::right] for top, left, down, right in (PASSES if interlaced else ((0, 0, 1, 1),))]
    data = zlib.compress(b"".join(filtered(part, kind) for part in parts if part.size))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_every_layout_keeps_all_bits_and_drops_transparency(tmp_path, rng, channels, kind, interlaced):
    image = rng.integers(0, 65536, (11, 13, channels)).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(png(image, kind, interlaced=interlaced))
    expected = image[..., 0] if channels == 2 else image[..., :3]
    np.testing.assert_array_equal(read(tmp_path / "a.png"), expected)


def test_written_files_are_read_back(tmp_path, rng):
    image = rng.integers(0, 65536, (6, 5, 3)).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(encode(image))
    np.testing.assert_array_equal(read(tmp_path / "a.png"), image)


@pytest.mark.parametrize("kept", [34, 60, 300])
def test_a_truncated_file_is_named(tmp_path, rng, kept):
    content = png(rng.integers(0, 65536, (11, 13, 3)).astype(np.uint16), 4)
    (tmp_path / "a.png").write_bytes(content[:kept])
    with pytest.raises(InputError, match=r"a\.png: (damaged|not a picture)"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("at", [20, 80])
def test_a_flipped_bit_is_an_error(tmp_path, rng, at):
    content = bytearray(png(rng.integers(0, 65536, (11, 13, 3)).astype(np.uint16), 0))
    content[at] ^= 4
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png: (damaged|not a picture)"):
        read(tmp_path / "a.png")
