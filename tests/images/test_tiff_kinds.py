"""Every kind of TIFF becomes the pixels that it means, as a whole and in blocks, or is refused by its name."""

import io
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from mmdrfuse.errors import InputError
from mmdrfuse.images import decode, read
from mmdrfuse.images.formats.tiff_blocks import BlockReader, read_shape
from mmdrfuse.images.header import peek

HEIGHT, WIDTH = 37, 45
RNG = np.random.default_rng(5)


def values(kind, *channels):
    size = HEIGHT, WIDTH, *channels
    if np.dtype(kind).kind == "f":
        return RNG.random(size).astype(kind)
    return RNG.integers(0, np.iinfo(kind).max, size, endpoint=True).astype(kind)


GREY8, GREY16, FLOAT = values("u1"), values("u2"), values("f4")
RGB8, RGB16, RGBF = values("u1", 3), values("u2", 3), values("f4", 3)
ALPHA8, ALPHA16 = values("u1", 1), values("u2", 1)
MAP8, MAP16 = RNG.integers(0, 65536, (3, 256)).astype("u2"), RNG.integers(0, 65536, (3, 65536)).astype("u2")
CMYK16 = values("u2", 4)


def multiplied(image, alpha):
    return np.rint(image * (alpha / np.iinfo(image.dtype).max)).astype(image.dtype)


def unmultiplied(image, alpha):
    top = np.iinfo(image.dtype).max
    share = np.where(alpha > 0, top / np.maximum(alpha, 1), 0)
    return np.rint(np.clip(multiplied(image, alpha) * share, 0, top)).astype(image.dtype)


def planes(image):
    return np.ascontiguousarray(np.moveaxis(image, -1, 0))


def without_inks(inks):
    light = 1 - inks / np.iinfo(inks.dtype).max
    return np.rint(light[..., :3] * light[..., 3:] * np.iinfo(inks.dtype).max).astype(inks.dtype)


KINDS = {
    "grey 8": (GREY8, {}, GREY8),
    "grey 16, other byte order": (GREY16, {"byteorder": ">"}, GREY16),
    "grey 8 from white": (GREY8, {"photometric": "miniswhite"}, 255 - GREY8),
    "grey 16 from white": (GREY16, {"photometric": "miniswhite"}, 65535 - GREY16),
    "one bit": (GREY8 > 99, {}, (GREY8 > 99) * np.uint8(255)),
    "one bit from white": (GREY8 > 99, {"photometric": "miniswhite"}, (GREY8 <= 99) * np.uint8(255)),
    "half": (FLOAT.astype("f2"), {}, FLOAT.astype("f2").astype("f4")),
    "float": (FLOAT, {}, FLOAT),
    "double": (FLOAT.astype("f8"), {"byteorder": ">"}, FLOAT),
    "grey and transparency": (np.dstack([GREY8, ALPHA8]), {"extrasamples": ["unassalpha"]}, GREY8),
    "grey 16 and its transparency": (
        np.dstack([multiplied(GREY16[..., None], ALPHA16), ALPHA16]), {"extrasamples": ["assocalpha"]},
        unmultiplied(GREY16[..., None], ALPHA16)[..., 0],
    ),
    "RGB 8": (RGB8, {"photometric": "rgb"}, RGB8),
    "RGB 16": (RGB16, {"photometric": "rgb", "byteorder": ">"}, RGB16),
    "RGB float": (RGBF, {"photometric": "rgb"}, RGBF),
    "RGB 16 in planes": (planes(RGB16), {"photometric": "rgb", "planarconfig": "separate"}, RGB16),
    "RGB and transparency": (np.dstack([RGB8, ALPHA8]), {"photometric": "rgb", "extrasamples": ["unassalpha"]}, RGB8),
    "RGB and its transparency": (
        np.dstack([multiplied(RGB8, ALPHA8), ALPHA8]), {"photometric": "rgb", "extrasamples": ["assocalpha"]},
        unmultiplied(RGB8, ALPHA8),
    ),
    "three bands": (RGB8, {"photometric": "minisblack", "planarconfig": "contig"}, RGB8),
    "three bands in planes": (planes(RGB16), {"photometric": "minisblack", "planarconfig": "separate"}, RGB16),
    "palette": (GREY8, {"photometric": "palette", "colormap": MAP8}, (MAP8 >> 8).astype("u1").T[GREY8]),
    "palette of 16 bits": (GREY16, {"photometric": "palette", "colormap": MAP16}, MAP16.T[GREY16]),
    "CMYK 16": (CMYK16, {"photometric": "separated"}, without_inks(CMYK16)),
    "CMYK 8": (CMYK16.astype("u1"), {"photometric": "separated"}, without_inks(CMYK16.astype("u1"))),
}  # fmt: skip
"""What is written, how, and the pixels that it means, by formulas of their own."""

FORMS = {
    "strip": {}, "strips": {"rowsperstrip": 5}, "tiles": {"tile": (16, 32)},
    "deflated": {"compression": "zlib", "rowsperstrip": 8}, "deflated tiles": {"compression": "zlib", "tile": (32, 16)},
    "differences": {"compression": "zlib", "predictor": True, "tile": (16, 16)},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_and_its_blocks_have_the_files_pixels(tmp_path, kind, form):
    image, options, expected = KINDS[kind]
    if form == "differences" and (image.dtype.kind not in "u" or image.dtype == bool):
        pytest.skip("tifffile writes these with imagecodecs alone")
    tifffile.imwrite(tmp_path / "a.tif", image, **{"photometric": "minisblack"} | options, **FORMS[form], metadata=None)
    check(tmp_path / "a.tif", expected)


def check(path, expected, off=0):
    whole = read(path)
    assert (whole.dtype, whole.shape) == (expected.dtype, expected.shape)
    assert np.abs(whole.astype(float) - expected).max() <= off
    found = read_shape(path)
    assert (found.dtype, found[:2]) == (expected.dtype, expected.shape[:2])
    with BlockReader(path) as reader:
        np.testing.assert_array_equal(reader.block(0, HEIGHT, 0, WIDTH), whole)
        for top, left in ((0, 0), (15, 31), (33, 3)):
            block = reader.block(top, min(top + 19, HEIGHT), left, min(left + 17, WIDTH))
            np.testing.assert_array_equal(block, whole[top : top + 19, left : left + 17])


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate", "zstd", "lzma"])
@pytest.mark.parametrize("image", [GREY8, RGB8, GREY16], ids=["grey", "RGB", "16 bits"])
def test_compressions_of_pillow_need_no_other_package(tmp_path, compression, image):
    Image.fromarray(image).save(tmp_path / "a.tif", compression=compression, tiffinfo={278: 7})
    check(tmp_path / "a.tif", image)


@pytest.mark.parametrize("mode", ["L", "RGB", "YCbCr", "CMYK"])
@pytest.mark.parametrize("compression", ["jpeg", None, "tiff_lzw"])
def test_jpeg_and_its_colours_are_those_of_pillow(tmp_path, mode, compression):
    ramp = np.linspace(0, 255, HEIGHT * WIDTH * 3).reshape(HEIGHT, WIDTH, 3).astype("u1")
    Image.fromarray(ramp).convert(mode).save(tmp_path / "a.tif", compression=compression, tiffinfo={278: 16})
    with Image.open(tmp_path / "a.tif") as image:
        expected = np.asarray(image.convert("L" if mode == "L" else "RGB"))
    check(tmp_path / "a.tif", expected, off=1)


@pytest.mark.parametrize("compression", [1, 8])
def test_subsampled_chroma_is_upsampled(tmp_path, compression):
    luma = RNG.integers(0, 256, (16, 32)).astype("u1")
    blocks = luma.reshape(8, 2, 16, 2).swapaxes(1, 2).reshape(8, 16, 4)
    data = np.concatenate([blocks, np.full((8, 16, 2), 128, "u1")], axis=2)  # four of luma, and no colour
    content = data.tobytes() if compression == 1 else zlib.compress(data.tobytes())
    tifffile.imwrite(tmp_path / "a.tif", np.frombuffer(content, "u1")[None], photometric="minisblack", metadata=None,
                     extratags=[(530, 3, 2, (2, 2), True)])  # fmt: skip
    relabel(tmp_path / "a.tif", {256: 32, 257: 16, 258: (8, 8, 8), 259: compression, 262: 6, 277: 3, 278: 16})
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), np.stack([luma] * 3, axis=-1))


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "tiff_lzw", None])
def test_facsimile_is_black_on_white(tmp_path, compression):
    Image.fromarray(GREY8 > 99).save(tmp_path / "a.tif", compression=compression)
    check(tmp_path / "a.tif", (GREY8 > 99) * np.uint8(255))


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 10, 12, 14])
@pytest.mark.parametrize("samples", [1, 3])
def test_few_bits_reach_from_black_to_white(tmp_path, bits, samples):
    top, white = (1 << bits) - 1, 255 if bits <= 8 else 65535
    stored = RNG.integers(0, top, (HEIGHT, WIDTH, samples), endpoint=True)
    write_packed(tmp_path / "a.tif", stored, bits)
    expected = np.floor(stored * white / top + 0.5).astype("u1" if bits <= 8 else "u2")
    check(tmp_path / "a.tif", expected if samples == 3 else expected[..., 0])


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"compression": "zlib", "byteorder": ">"}])
def test_few_bits_in_whole_words_reach_white_too(tmp_path, options):
    stored = RNG.integers(0, 4096, (HEIGHT, WIDTH)).astype("u2")
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", metadata=None, **options)
    relabel(tmp_path / "a.tif", {258: 12})
    check(tmp_path / "a.tif", np.rint(stored / 4095 * 65535).astype("u2"))


def write_packed(path, stored, bits):
    """Write a file of one strip whose samples lie bit by bit, each row from a byte of its own."""
    rows = ["".join(f"{value:0{bits}b}" for value in row.ravel()) for row in stored]
    rows = [row.ljust(-(-len(row) // 8) * 8, "0") for row in rows]
    data = b"".join(int(row, 2).to_bytes(len(row) // 8, "big") for row in rows)
    carrier = np.frombuffer(data, np.uint8).reshape(1, -1)
    samples = stored.shape[2]
    tifffile.imwrite(path, carrier, photometric="minisblack", metadata=None)
    photometric = 2 if samples == 3 else 1
    relabel(path, {256: WIDTH, 257: HEIGHT, 258: bits, 262: photometric, 277: samples, 278: HEIGHT})


REFUSED = {
    "complex": (FLOAT.astype("c8"), {}, "complex"),
    "mask": (GREY8, {"photometric": "mask"}, "mask"),
    "Lab": (RGB8, {"photometric": "cielab"}, "L\\*a\\*b"),
    "mosaic": (GREY16, {"photometric": "cfa"}, "mosaic"),
    "volume": (np.stack([GREY8] * 3), {"volumetric": True}, "volume"),
    "four bands": (np.dstack([RGB8, ALPHA8]), {"planarconfig": "contig"}, "4 bands"),
    "five bands": (np.dstack([RGB8, ALPHA8, ALPHA8]), {"planarconfig": "contig"}, "5 bands"),
    "floats from white": (FLOAT, {"photometric": "miniswhite"}, "from white"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_kinds_without_a_clear_meaning_are_refused_by_name(tmp_path, kind):
    image, options, word = REFUSED[kind]
    tifffile.imwrite(tmp_path / "a.tif", image, **{"photometric": "minisblack"} | options, metadata=None)
    assert read_shape(tmp_path / "a.tif") is None
    with pytest.raises(InputError, match=rf"a\.tif: .*{word}"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "u4", "i8"])
def test_wide_integers_are_returned_to_a_caller_with_a_range(tmp_path, kind):
    image = RNG.integers(-100, 100, (HEIGHT, WIDTH)).astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack")
    with pytest.raises(InputError, match=rf"a\.tif: holds u?int\d+ values {image.min()}\.\.{image.max()}"):
        read(tmp_path / "a.tif")
    got = read(tmp_path / "a.tif", wide=True)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, image.astype(np.float32))
    assert read_shape(tmp_path / "a.tif") is None
    with BlockReader(tmp_path / "a.tif", wide=True) as reader:
        np.testing.assert_array_equal(reader.block(3, 20, 5, 40), got[3:20, 5:40])


@pytest.mark.parametrize(("kind", "narrow"), [("i1", "u1"), ("i2", "u2"), ("i4", "u2"), ("u4", "u2")])
def test_wide_integers_that_fit_are_narrowed(tmp_path, kind, narrow):
    image = RNG.integers(0, 100, (HEIGHT, WIDTH)).astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="minisblack")
    got = read(tmp_path / "a.tif")
    assert got.dtype == narrow
    np.testing.assert_array_equal(got, image)


def test_masks_and_smaller_copies_are_no_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(RGB8, photometric="rgb", tile=(16, 16))
        writer.write(GREY8 > 99, photometric="mask", subfiletype=4)
        writer.write(RGB8[::2, ::2], photometric="rgb", subfiletype=1)
        writer.write(GREY8 > 99, photometric="mask", subfiletype=5)
    check(tmp_path / "a.tif", RGB8)


def test_reversed_bit_order_is_read():
    buffer = io.BytesIO()
    Image.fromarray(GREY8).save(buffer, "TIFF", tiffinfo={266: 2})
    reversed_bits = np.packbits(np.unpackbits(GREY8[..., None], axis=2, bitorder="little"), axis=2)[..., 0]
    np.testing.assert_array_equal(decode(buffer.getvalue(), "a.tif").image, reversed_bits)


def test_differences_of_floating_point_are_undone(tmp_path):
    path, big_endian = tmp_path / "a.tif", np.ascontiguousarray(FLOAT.astype(">f4"))
    content = big_endian.view("u1").reshape(HEIGHT, WIDTH, 4).swapaxes(1, 2).reshape(HEIGHT, -1)  # first bytes first
    content = np.ascontiguousarray(content).view("i1")  # with a sign, so that the tag that says so is there
    tifffile.imwrite(path, content, photometric="minisblack", compression="zlib", predictor=True, metadata=None)
    relabel(path, {256: WIDTH, 258: 32, 317: 3, 339: 3})
    check(path, FLOAT)


def relabel(path, tags):
    with tifffile.TiffFile(path, mode="r+") as file:
        for code, value in tags.items():
            file.pages.first.tags[code].overwrite(value)


@pytest.mark.parametrize(("kind", "image", "options"), [
    (True, GREY8, {}), (True, GREY8 > 9, {}), (False, GREY16, {}), (False, RGB16, {"photometric": "rgb"}),
    (False, GREY8.astype("i1"), {}), (False, FLOAT, {}),
    (True, GREY8, {"photometric": "palette", "colormap": MAP8}), (False, CMYK16, {"photometric": "separated"}),
])  # fmt: skip
def test_the_header_says_whether_a_tiff_has_8_bits(tmp_path, kind, image, options):
    tifffile.imwrite(tmp_path / "a.tif", image, **{"photometric": "minisblack"} | options)
    undecoded = peek(tmp_path / "a.tif")
    assert (undecoded is not None and undecoded.dtype == np.uint8) is kind
