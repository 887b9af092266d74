"""PNG files that other programs read back to the bit."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from mmdrfuse.images import png
from mmdrfuse.images.png import encode

sides = st.integers(1, 9)
shapes = st.one_of(st.tuples(sides, sides), st.tuples(sides, sides, st.just(3)))


def decoded(content):
    with Image.open(io.BytesIO(content)) as image:
        image.verify()  # lengths and checksums of the chunks
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


@given(shapes.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_eight_bits_come_back_as_they_were(image):
    np.testing.assert_array_equal(decoded(encode(image)), image)


@given(st.tuples(sides, sides).flatmap(lambda shape: arrays(np.uint16, shape)))
def test_sixteen_bits_come_back_as_they_were(image):
    np.testing.assert_array_equal(decoded(encode(image)), image)


@pytest.mark.parametrize("step", [(slice(None, None, 2),), (slice(None), slice(None, None, -1))])
def test_views_come_back_as_they_were(step, rng):
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


def test_pictures_that_lie_otherwise_in_memory_come_out_the_same(rng):
    turned = rng.integers(0, 65536, (5, 8)).astype(np.uint16).T
    np.testing.assert_array_equal(decoded(encode(turned)), turned)
