"""What is true of a source stays with the fused picture; what is no longer true does not."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, TiffImagePlugin

from mmdrfuse.images import Metadata, decode, encode

SUFFIXES = [".png", ".jpg", ".tif", ".webp"]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GPS = {1: "N", 2: (52.0, 30.0, 59.0), 3: "E", 4: (13.0, 22.0, 40.0)}


def exif(**more):
    made = Image.Exif()
    made[0x010F], made[0x0110], made[0x0112], made[0x0132] = "Maker", "Model", 6, "2024:08:15 10:00:00"
    made[0x8769] = {0x9003: "2024:08:15 10:00:00", 0x829A: 0.01, 0xA002: 4000, 0xA003: 3000, 0x927C: b"notes" * 9000}
    made[0x8825] = GPS
    return made


def saved(shape, suffix, **options):
    buffer = io.BytesIO()
    kind = {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:])
    Image.fromarray(np.full(shape, 90, np.uint8)).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize("source", SUFFIXES)
def test_time_place_camera_and_profile_go_from_any_format_to_any(source, target):
    picture = decode(saved((4, 6, 3), source, exif=exif().tobytes(), icc_profile=SRGB), "a")
    assert picture.image.shape == (6, 4, 3)  # turned by a quarter
    with Image.open(io.BytesIO(encode(picture.image, target, metadata=picture.metadata))) as image:
        image.load()
        got = image.getexif()
        assert image.size == (4, 6)
        assert image.info["icc_profile"] == SRGB
        assert (got[0x010F], got[0x0110], got[0x0132]) == ("Maker", "Model", "2024:08:15 10:00:00")
        assert dict(got.get_ifd(0x8825)) == GPS
        assert got.get_ifd(0x8769)[0x829A] == 0.01
        assert 0x0112 not in got
        assert not {0xA002, 0xA003, 0x927C} & set(got.get_ifd(0x8769))


def test_bytes_of_a_tiff_are_not_taken_for_what_it_shows():
    known = decode(saved((4, 6), ".tif"), "a.tif").metadata
    assert known == Metadata()


@pytest.mark.parametrize(("space", "shape", "kept"), [("RGB ", (4, 6), False), ("RGB ", (4, 6, 3), True),
                                                      ("GRAY", (4, 6), True), ("CMYK", (4, 6, 3), False)])  # fmt: skip
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_profile_has_to_fit_the_channels(suffix, space, shape, kept):
    icc = SRGB[:16] + space.encode() + SRGB[20:]
    with Image.open(io.BytesIO(encode(np.zeros(shape, np.uint8), suffix, metadata=Metadata(icc=icc)))) as image:
        assert (image.info.get("icc_profile") == icc) == kept or suffix == ".webp"  # WebP holds RGB alone


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("garbage", [b"Exif\0\0garbage!", b"Exif\0\0II*\0\xff\xff\0\0", b"Exif\0\0"])
def test_damaged_exif_does_not_stop_a_sound_picture(garbage):
    content = saved((4, 6, 3), ".jpg")
    segment = b"\xff\xe1" + (2 + len(garbage)).to_bytes(2, "big") + garbage
    assert decode(content[:2] + segment + content[2:], "a.jpg").image.shape == (4, 6, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_orientation_is_that_of_pillow(rng, orientation, suffix):
    image = rng.integers(0, 256, (4, 6, 3)).astype(np.uint8)
    known = Image.Exif()
    known[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, {".png": "PNG", ".tif": "TIFF"}[suffix], exif=known)
    turns = [
        None,
        None,
        0,
        3,
        1,
        5,
        4,
        6,
        2,
    ]  # 0: left-right, 1: top-bottom, 2-4: by 90-270°, 5: transpose, 6: transverse
    turn = turns[orientation]
    expected = Image.fromarray(image) if turn is None else Image.fromarray(image).transpose(Image.Transpose(turn))
    np.testing.assert_array_equal(decode(buffer.getvalue(), "a").image, np.asarray(expected))


def test_camera_named_by_a_number_costs_the_metadata_and_not_the_picture():
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.full((4, 6), 90, np.uint8), extratags=[(0x010F, 11, 1, 1.5, True)])
    picture = decode(buffer.getvalue(), "a.tif")
    assert picture.image.shape == (4, 6)
    assert picture.metadata.exif == b""


@pytest.mark.parametrize(("across", "unit", "kept"), [(72.0, 2, True), (72.0, 42, False), (0.0, 2, False)])
def test_resolution_that_is_none_is_left_out(across, unit, kept):
    made = Image.Exif()
    made[0x011A], made[0x011B], made[0x0128], made[0x0110] = across, 72.0, unit, "Model"
    content = encode(np.zeros((4, 6), np.uint8), ".tif", metadata=Metadata(made.tobytes()))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tags = file.pages.first.tags
        assert ((tags.valueof(282), tags.valueof(296)) == ((72, 1), 2)) is kept
        assert tags.valueof(0x0110) == "Model"


def test_only_a_directory_that_cannot_be_written_is_lost(monkeypatch):
    picture = decode(saved((4, 6), ".jpg", exif=exif().tobytes()), "a.jpg")
    monkeypatch.setattr(TiffImagePlugin.ImageFileDirectory_v2, "tobytes", lambda *_: 1 / 0)
    content = encode(picture.image, ".tif", metadata=picture.metadata)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assert file.pages.first.tags.valueof(0x0110) == "Model"
        assert 0x8825 not in file.pages.first.tags
