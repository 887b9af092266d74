"""Both sides of a thermal camera's file; the file is made up by `camera_files`."""

import io
import sys

import numpy as np
import pytest
from camera_files import PHOTO, PLANCK, RAW, flir, jpeg
from PIL import ExifTags, Image, ImageOps

from mmdrfuse.errors import InputError, MissingExtraError
from mmdrfuse.images import decode, load


def test_infrared_side_is_the_temperature_by_planck_s_law():
    pytest.importorskip("flyr", reason="needs the extra flir")
    got = decode(flir(), "a.jpg", side="infrared").image
    signal = RAW.astype(float)
    kelvin = PLANCK["b"] / np.log(PLANCK["r1"] / (PLANCK["r2"] * (signal + PLANCK["o"])) + PLANCK["f"])
    assert got.dtype == np.uint16
    assert 200 < kelvin.min() < kelvin.max() < 400
    np.testing.assert_allclose(got / 25, kelvin, atol=0.03)


@pytest.mark.parametrize(
    ("placing", "rows", "columns"),
    # half the width is 32, 24 rows have the shape of 12×16; its middle lies 3 to the right and 2 up of the photo's
    [((2.0, 3, -2), slice(10, 34), slice(19, 51)), (None, slice(None), slice(None))],
)
def test_the_visible_side_is_the_photo_cropped_to_the_cameras_view(placing, rows, columns):
    pytest.importorskip("flyr", reason="needs the extra flir")
    got = decode(flir(placing=placing), "a.jpg", side="visible").image
    with Image.open(io.BytesIO(jpeg(PHOTO))) as photo:
        np.testing.assert_array_equal(got, np.asarray(photo)[rows, columns])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_both_sides_are_turned_upright(orientation):
    pytest.importorskip("flyr", reason="needs the extra flir")
    lying, turned = flir(), flir(orientation=orientation)
    for side in ("infrared", "visible"):
        image = Image.fromarray(decode(lying, "a.jpg", side=side).image)
        image.getexif()[ExifTags.Base.Orientation] = orientation
        got = decode(turned, "a.jpg", side=side)
        np.testing.assert_array_equal(got.image, np.asarray(ImageOps.exif_transpose(image)))
        tags = Image.Exif()
        tags.load(got.metadata.exif)
        assert ExifTags.Base.Orientation not in tags


def test_png_photos_hold_y_cb_and_cr():
    pytest.importorskip("flyr", reason="needs the extra flir")
    buffer = io.BytesIO()
    Image.fromarray(np.full((48, 64, 3), (81, 90, 240), np.uint8)).save(buffer, "PNG")
    got = decode(flir(photo=buffer.getvalue()), "a.jpg", side="visible").image
    # full range, BT.601: R = 81 + 1.402·112, G = 81 + 0.3441·38 - 0.7141·112, B = 81 - 1.772·38
    np.testing.assert_allclose(got[0, 0], (238, 14, 14), atol=1)


@pytest.mark.parametrize(("zoom", "scale"), [(2, 4.0), (2, 2.0), (2, 1.0), (4, 2.0), (0, 2.0)])
def test_with_digital_zoom_the_edges_decide_the_crop(rng, zoom, scale):
    pytest.importorskip("flyr", reason="needs the extra flir")
    photo = np.kron(rng.integers(0, 256, (24, 32, 1)), np.ones((2, 2, 3))).astype(np.uint8)
    view = Image.fromarray(photo[..., 0]).resize(
        (16, 12), box=(32 - 32 / scale, 24 - 24 / scale, 32 + 32 / scale, 24 + 24 / scale)
    )
    content = flir(raw=11000 + 20 * np.asarray(view).astype(np.uint16), photo=photo, placing=(2.0, 0, 0), zoom=zoom)
    assert decode(content, "a.jpg", side="visible").image.shape == (48 / scale, 64 / scale, 3)


def test_with_digital_zoom_and_no_edges_the_scale_of_the_file_decides():
    pytest.importorskip("flyr", reason="needs the extra flir")
    flat = flir(raw=np.full_like(RAW, 12000), zoom=2)
    assert decode(flat, "a.jpg", side="visible").image.shape == (24, 32, 3)


def test_a_camera_s_png_photo_shows_a_grey_tower_before_a_blue_sky(shared):
    pytest.importorskip("flyr", reason="needs the extra flir")
    photo = load(shared / "data/cameras/FLIR_B60.jpg", side="visible").image.astype(int)
    sky, tower = photo[:40, :8].mean(axis=(0, 1)), photo[200:, 100:180].mean(axis=(0, 1))
    assert sky[2] - sky[0] > 40
    assert np.ptp(tower) < 20


def test_a_cameras_upright_picture_is_upright(shared):
    pytest.importorskip("flyr", reason="needs the extra flir")
    sides = [load(shared / "data/cameras/FLIR_C3.jpg", side=side).image for side in ("infrared", "visible")]
    assert [image.shape[:2] for image in sides] == [(80, 60), (449, 337)]
    assert np.unravel_index(sides[0].argmax(), (80, 60))[0] > 40  # the radiator stands below the window


def test_without_a_side_the_picture_is_that_of_other_viewers():
    assert decode(flir(), "a.jpg").image.shape == (24, 32, 3)


def test_other_jpegs_are_the_same_on_both_sides():
    plain = jpeg(PHOTO)
    np.testing.assert_array_equal(decode(plain, "a", side="infrared").image, decode(plain, "a", side="visible").image)


@pytest.mark.parametrize(
    ("content", "side", "message"),
    [(flir(photo=None), "visible", "a.jpg: this FLIR file holds no photo"),
     (flir().replace(b"FFF\0", b"FFF\0" + b"\xff" * 40), "infrared", r"a\.jpg: damaged .* FLIR file"),
     (flir(raw=np.zeros((12, 16), np.uint16)), "infrared", "its values are no temperatures"),
     (flir(photo=jpeg(PHOTO)[:300]), "visible", r"a\.jpg: damaged .* FLIR file"),
     (flir(photo=b"\0" * 999), "visible", r"a\.jpg: damaged .* FLIR file")],
)  # fmt: skip
def test_files_that_cannot_be_used_are_named(content, side, message):
    pytest.importorskip("flyr", reason="needs the extra flir")
    with pytest.raises(InputError, match=message):
        decode(content, "a.jpg", side=side)


def test_a_missing_extra_is_named_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "flyr", None)
    with pytest.raises(MissingExtraError, match=r"a\.jpg: .* needs flyr: pip install flyr .*\[flir\]"):
        decode(flir(), "a.jpg", side="infrared")
