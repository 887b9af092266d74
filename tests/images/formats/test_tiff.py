"""TIFF files of every depth, layout and page; tifffile writes them, or reads what is written here."""

import contextlib
import importlib.util
import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from mmdrfuse.errors import InputError, MissingExtraError
from mmdrfuse.images import Metadata, decode, encode

LAYOUTS = [
    (np.uint8, (7, 9), {}), (np.uint16, (7, 9), {"byteorder": ">"}), (np.float32, (7, 9), {}),
    (np.uint16, (7, 9), {"bigtiff": True}), (np.uint8, (7, 9, 3), {"photometric": "rgb"}),
    (np.uint16, (7, 9, 3), {"photometric": "rgb"}), (np.uint16, (7, 9, 3), {"photometric": "rgb", "byteorder": ">"}),
    (np.uint16, (7, 9, 3), {"photometric": "rgb", "compression": "zlib", "predictor": 2}),
    (np.uint16, (40, 50, 3), {"photometric": "rgb", "tile": (16, 16)}),
    (np.float32, (7, 9, 3), {"photometric": "rgb"}), (np.float32, (40, 50), {"tile": (16, 16)}),
]  # fmt: skip


def made(shape, dtype, rng):
    return rng.random(shape, dtype=np.float32) if dtype == np.float32 else rng.integers(0, 65536, shape).astype(dtype)


def tiff(image, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("dtype", "shape", "options"), LAYOUTS)
def test_every_layout_keeps_its_values(rng, dtype, shape, options):
    image = made(shape, dtype, rng)
    got = decode(tiff(image, **options), "a.tif").image
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_separate_planes_become_pixels(rng, dtype):
    planes = made((3, 7, 9), dtype, rng)
    got = decode(tiff(planes, photometric="rgb", planarconfig="separate"), "a.tif").image
    np.testing.assert_array_equal(got, np.moveaxis(planes, 0, -1))


def test_transparency_is_dropped_from_16_bits(rng):
    image = made((7, 9, 4), np.uint16, rng)
    np.testing.assert_array_equal(decode(tiff(image, photometric="rgb"), "a.tif").image, image[..., :3])


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_precisions_become_single(rng, dtype):
    image = rng.random((7, 9)).astype(dtype)
    got = decode(tiff(image), "a.tif").image
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, image.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.uint16, np.float64])
def test_a_page_of_several_must_be_chosen(rng, dtype):
    pages = (rng.random((3, 7, 9)) * 1000).astype(dtype)
    content = tiff(pages, photometric="minisblack")
    np.testing.assert_array_equal(
        decode(content, "a.tif", page=3).image, pages[2].astype(decode(content, "a", page=3).image.dtype)
    )
    for page in (None, 0, 4):
        with pytest.raises(InputError, match=r"a\.tif: holds 3 pages") as caught:
            decode(content, "a.tif", page=page)
        assert caught.value.cure == "page"


def test_a_file_without_pages_is_named():
    with pytest.raises(InputError, match=r"a\.tif") as caught:
        decode(b"II*\0\xff\xff\xff\xff", "a.tif")
    assert caught.value.cure is None


def test_a_single_page_needs_no_number_and_accepts_any(rng):
    image = made((7, 9), np.uint16, rng)
    np.testing.assert_array_equal(decode(tiff(image), "a.tif", page=7).image, image)


@pytest.mark.parametrize(("dtype", "shape"), [(np.uint16, (40, 50, 3)), (np.float32, (40, 50, 3))])
def test_a_truncated_file_is_named(rng, dtype, shape):
    content = tiff(made(shape, dtype, rng), photometric="rgb")
    with pytest.raises(InputError, match=r"a\.tif: damaged or unreadable"):
        decode(content[: len(content) // 2], "a.tif")


def test_compression_that_needs_another_package_names_it_and_the_file(rng):
    if importlib.util.find_spec("imagecodecs"):
        pytest.skip("imagecodecs is installed")
    content = bytearray(tiff(made((7, 9, 3), np.uint16, rng), photometric="rgb", compression="zlib"))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        place = file.pages.first.tags["Compression"].valueoffset
    content[place : place + 2] = (34887).to_bytes(2, "little")
    with pytest.raises(MissingExtraError, match=r"a\.tif: a TIFF compressed as LERC needs imagecodecs: .*\[tiff\]"):
        decode(bytes(content), "a.tif")


@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_written_files_are_read_by_another_program(rng, dtype, shape):
    image = made(shape, dtype, rng)
    with tifffile.TiffFile(io.BytesIO(encode(image, ".tif"))) as file:
        page = file.pages[0]
        np.testing.assert_array_equal(page.asarray(), image)
        assert page.photometric.name == ("RGB" if len(shape) == 3 else "MINISBLACK")


def test_metadata_has_the_tags_that_other_programs_read(rng):
    exif = Image.Exif()
    exif[0x0110] = "Camera 7"
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 14.5)}
    icc = bytes(16) + b"RGB " + bytes(108)
    content = encode(made((7, 9, 3), np.uint16, rng), ".tiff", metadata=Metadata(exif.tobytes(), icc))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tags = file.pages[0].tags
        assert tags["Model"].value == "Camera 7"
        assert tags["GPSTag"].value["GPSLatitudeRef"] == "N"
        assert tags["InterColorProfile"].value == icc


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_min_is_white_is_inverted(rng, dtype):
    image = rng.integers(0, np.iinfo(dtype).max, (7, 9)).astype(dtype)
    got = decode(tiff(image, photometric="miniswhite"), "a.tif").image
    np.testing.assert_array_equal(got, np.iinfo(dtype).max - image)


def test_values_beyond_single_precision_become_infinite():
    assert decode(tiff(np.full((7, 9), 1e300)), "a.tif").image.max() == np.inf


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"bigtiff": True}])
@pytest.mark.parametrize("kind", ["u1", "u2", "f8"])
@pytest.mark.filterwarnings("ignore")
def test_damage_anywhere_is_an_input_error_or_a_picture(rng, kind, options):
    sound = tiff(made((20, 30, 3), np.uint16, rng).astype(kind), photometric="rgb", **options)
    for _ in range(40):
        content = bytearray(sound)
        for place in rng.integers(0, min(400, len(sound)), 2):
            content[place] = rng.integers(256)
        with contextlib.suppress(InputError, MissingExtraError):
            assert decode(bytes(content), "a.tif").image.ndim in (2, 3)
