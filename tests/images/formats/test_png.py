"""PNG files that other programs read back to the bit."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from mmdrfuse.errors import InputError
from mmdrfuse.images import decode
from mmdrfuse.images.formats import png
from mmdrfuse.images.formats.png import chunk, encode

sides = st.integers(1, 9)
shapes = st.one_of(st.tuples(sides, sides), st.tuples(sides, sides, st.just(3)))


def decoded(content):
    with Image.open(io.BytesIO(content)) as image:
        image.verify()  # lengths and checksums of the chunks
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


@given(shapes.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_eight_bits_survive_writing_and_reading(image):
    np.testing.assert_array_equal(decoded(encode(image)), image)


@given(st.tuples(sides, sides).flatmap(lambda shape: arrays(np.uint16, shape)))
def test_sixteen_bits_survive_writing_and_reading(image):
    np.testing.assert_array_equal(decoded(encode(image)), image)


@pytest.mark.parametrize("step", [(slice(None, None, 2),), (slice(None), slice(None, None, -1))])
def test_views_survive_writing_and_reading(step, rng):
    image = rng.integers(0, 256, (8, 10, 3)).astype(np.uint8)[step]
    np.testing.assert_array_equal(decoded(encode(image)), image)


def test_sixteen_bits_of_colour_keep_their_upper_byte():
    image = np.array([[[0x1234, 0xABCD, 0xFF00]]], np.uint16)
    assert decoded(encode(image)).tolist() == [[[0x12, 0xAB, 0xFF]]]  # Pillow reads eight bits of colour


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (200, 31, 3)])
def test_pixels_are_the_same_with_and_without_isal(shape, rng, monkeypatch):
    image = rng.integers(0, 256, shape).astype(np.uint8)
    fast = encode(image)
    monkeypatch.setattr(png, "isal_zlib", None)
    for content in (fast, encode(image)):
        np.testing.assert_array_equal(decoded(content), image)


def test_content_is_one_zlib_stream_of_the_rows_filtered_by_up():
    content = encode(np.array([[10, 20], [13, 19]], np.uint8))
    start = content.index(b"IDAT")
    length = int.from_bytes(content[start - 4 : start], "big")
    assert list(zlib.decompress(content[start + 4 : start + 4 + length])) == [2, 10, 20, 2, 3, 255]


def test_other_layouts_in_memory_give_the_same_file(rng):
    turned = rng.integers(0, 65536, (5, 8)).astype(np.uint16).T
    np.testing.assert_array_equal(decoded(encode(turned)), turned)


IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)
ANCILLARY = {
    b"tEXt": b"Comment\0hello", b"zTXt": b"Comment\0\0" + zlib.compress(b"hello"), b"iTXt": b"Title\0\0\0\0\0hello",
    b"iCCP": b"ICC\0\0" + zlib.compress(bytes(200)), b"eXIf": b"II*\0\x08\0\0\0\0\0\0\0\0\0", b"tIME": bytes(7),
    b"pHYs": bytes(9), b"gAMA": bytes(4), b"cHRM": bytes(32), b"tRNS": bytes(2), b"sBIT": b"\x08", b"xyZw": b"unknown",
}  # fmt: skip


def with_chunk(added, place=33):
    content = encode(IMAGE)
    return content[:place] + added + content[place:]


@pytest.mark.parametrize("damage", ["checksum", "content", "empty", "none"])
@pytest.mark.parametrize("kind", ANCILLARY)
def test_damage_outside_the_pixels_is_ignored(kind, damage):
    content = {"content": b"\xff" * 20, "empty": b""}.get(damage, ANCILLARY[kind])
    added = bytearray(chunk(kind, content))
    added[-1] ^= damage == "checksum"
    np.testing.assert_array_equal(decode(with_chunk(bytes(added)), "a.png").image, IMAGE)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"tEXt"])
def test_long_texts_are_ignored(kind):
    text = b"Comment\0\0" + (zlib.compress(bytes(3 << 20)) if kind == b"zTXt" else b"\0\0\0" + b"x" * (3 << 20))
    np.testing.assert_array_equal(decode(with_chunk(chunk(kind, text)), "a.png").image, IMAGE)


@pytest.mark.parametrize("place", [17, 30, 45])  # in IHDR, in its checksum, in IDAT
def test_damaged_pixels_are_an_error_that_says_so(place):
    content = bytearray(encode(IMAGE))
    content[place] ^= 8
    with pytest.raises(InputError, match=r"a\.png: damaged"):
        decode(bytes(content), "a.png")


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt"])
def test_the_orientation_in_a_text_of_imagemagick_counts(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    text = f"\nexif\n{len(exif.tobytes()):8}\n{exif.tobytes().hex()}\n".encode()
    content = zlib.compress(text) if kind == b"zTXt" else text
    added = chunk(kind, b"Raw profile type exif\0" + b"\0" * (kind == b"zTXt") + content)
    np.testing.assert_array_equal(decode(with_chunk(added), "a.png").image, np.rot90(IMAGE, -1))
