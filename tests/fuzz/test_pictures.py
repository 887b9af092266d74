"""A damaged picture is a picture, or one error that names it; it never takes more memory than there is."""

import io
import resource
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from mutations import TRIES, mutated
from PIL import Image

from mmdrfuse.errors import InputError, MMDRFuseError
from mmdrfuse.images import decode
from mmdrfuse.images.formats.tiff_blocks import BlockReader

pytestmark = pytest.mark.filterwarnings("ignore")  # what decoders remark about damage

MIB = 1 << 20
RNG = np.random.default_rng(3)
GREY, RGB = RNG.integers(0, 256, (24, 32)).astype("u1"), RNG.integers(0, 256, (24, 32, 3)).astype("u1")
FRAMES = [Image.fromarray(RGB // part) for part in (1, 2, 3)]


def pillow(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(image, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image, metadata=None, **options)
    return buffer.getvalue()


def exif():
    tags = Image.Exif()
    tags[0x0110], tags[0x0112] = "Model", 6
    tags[0x8825] = {1: "N", 2: (52.0, 30.0, 59.0)}
    return tags.tobytes()


PICTURES = {
    "png": pillow(Image.fromarray(RGB), "PNG", exif=exif()),
    "png of 16 bits": pillow(Image.fromarray(GREY.astype("u2") * 257), "PNG"),
    "png with a palette": pillow(Image.fromarray(RGB).quantize(16), "PNG", transparency=1),
    "jpg": pillow(Image.fromarray(RGB), "JPEG", exif=exif()),
    "webp": pillow(Image.fromarray(RGB), "WEBP", exif=exif()),
    "bmp": pillow(Image.fromarray(RGB), "BMP"),
    "animated webp": pillow(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:], lossless=True),
    "animated png": pillow(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]),
    "gif": pillow(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
}
TIFFS = {
    "strips": tiff(RGB, photometric="rgb", rowsperstrip=5),
    "tiles": tiff(RGB, photometric="rgb", tile=(16, 16)),
    "planes": tiff(np.moveaxis(RGB, -1, 0).copy(), photometric="rgb", planarconfig="separate", rowsperstrip=9),
    "deflated": tiff(GREY.astype("u2"), photometric="minisblack", tile=(16, 16), compression="zlib", predictor=True),
    "lzw": pillow(Image.fromarray(RGB), "TIFF", compression="tiff_lzw"),
    "packbits": pillow(Image.fromarray(GREY), "TIFF", compression="packbits"),
    "jpeg": pillow(Image.fromarray(RGB), "TIFF", compression="jpeg"),
    "fax": pillow(Image.fromarray(GREY > 99), "TIFF", compression="group4"),
    "palette": pillow(Image.fromarray(RGB).quantize(16), "TIFF"),
    "float": tiff(RGB.astype("f4") / 255, photometric="rgb", tile=(16, 16)),
    "bigtiff": tiff(GREY, photometric="minisblack", bigtiff=True),
    "pages": tiff(np.stack([GREY] * 3), photometric="minisblack"),
}


@pytest.fixture(autouse=True)
def little_memory():
    """Let nothing take a gigabyte more than there is already."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 1024 * MIB, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


def survives(work, name):
    """Do it; an error is expected if it is of the one tree and names the file."""
    try:
        work()
    except MMDRFuseError as error:
        if name not in str(error):
            raise


@pytest.mark.parametrize("kind", PICTURES)
def test_damaged_pictures_are_read_or_named(kind):
    for seed in range(TRIES):
        content, page = mutated(PICTURES[kind], seed), seed % 4 or None
        survives(lambda content=content, page=page: decode(content, "odd picture", page=page), "odd picture")


def mended(content):
    """Return a PNG file with right checksums, so that damage reaches what lies behind them."""
    parts, position = [content[:8]], 8
    while position + 12 <= len(content):
        end = position + 12 + int.from_bytes(content[position : position + 4], "big")
        body = content[position + 4 : end - 4]
        parts += [content[position : position + 4], body, zlib.crc32(body).to_bytes(4, "big")]
        position = end
    return b"".join(parts)


@pytest.mark.parametrize("kind", [kind for kind in PICTURES if "png" in kind])
def test_damage_behind_the_checksums_is_read_or_named(kind):
    for seed in range(TRIES):
        content = mended(mutated(PICTURES[kind], seed))
        survives(lambda content=content, page=seed % 4 or None: decode(content, "odd.png", page=page), "odd.png")


def test_a_header_that_claims_too_many_pixels_is_refused_and_takes_no_memory(tmp_path):
    many = (100_000).to_bytes(4, "little")
    content = bytearray(TIFFS["strips"])
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        for name in ("ImageWidth", "ImageLength"):
            tag = file.pages.first.tags[name]
            content[tag.offset + 2 : tag.offset + 12] = b"\4\0\1\0\0\0" + many
    png, bmp = bytearray(PICTURES["png"]), bytearray(PICTURES["bmp"])
    png[16:24] = many[::-1] * 2
    bmp[18:26] = many * 2
    for claiming in (content, mended(bytes(png)), bmp):
        with pytest.raises(InputError, match=r"odd picture: .*too many pixels"):
            decode(bytes(claiming), "odd picture")


@pytest.mark.parametrize("kind", TIFFS)
def test_damaged_tiffs_are_read_or_named_whole_and_in_blocks(kind, tmp_path):
    path = tmp_path / "odd.tif"

    def in_blocks():
        with BlockReader(path, wide=True) as reader:
            height, width = (min(side, 600) for side in reader.shape[:2])
            reader.block(0, height, 0, width)
            reader.tags()

    for seed in range(TRIES):
        path.write_bytes(mutated(TIFFS[kind], seed))
        survives(lambda seed=seed: decode(path.read_bytes(), str(path), page=1, wide=seed % 2 == 0), "odd.tif")
        survives(in_blocks, "odd.tif")
