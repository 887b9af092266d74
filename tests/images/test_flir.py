"""Both sides of a thermal camera's file; the file is made up here by ExifTool's table of FLIR tags."""

import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image

from mmdrfuse.errors import InputError, MissingExtraError
from mmdrfuse.images import decode

PLANCK = {"r1": 14906.216, "b": 1396.5, "f": 1.0, "o": -7340, "r2": 0.010956882}
"""Constants of a camera, in the order of size that such files hold."""
RAW = np.linspace(11000, 16000, 12 * 16).astype(np.uint16).reshape(12, 16)
PART = 5000
"""Bytes a segment: a JPEG's segments hold 65 533 at most, so the data are always cut up."""
PHOTO = np.random.default_rng(5).integers(0, 256, (48, 64, 3)).astype(np.uint8)


def jpeg(image, **options):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=100, subsampling=0, **options)
    return buffer.getvalue()


def record(width, height, data):
    return struct.pack("<HHH", 2, width, height).ljust(32, b"\0") + data


def camera():
    values = bytearray(900)
    # black body at the lens: emissivity, distance, reflected, air and window temperature, transmission of the window
    struct.pack_into("<6f", values, 32, 1, 0, 293.15, 293.15, 293.15, 1)
    struct.pack_into("<f", values, 60, 0.5)
    struct.pack_into("<3f", values, 88, PLANCK["r1"], PLANCK["b"], PLANCK["f"])
    struct.pack_into("<5f", values, 112, 0.006569, 0.01262, -0.002276, -0.00667, 1.9)
    struct.pack_into("<if", values, 776, PLANCK["o"], PLANCK["r2"])
    return bytes(values)


def flir(raw=RAW, photo=PHOTO, placing=(2.0, 3, -2)):
    """A JPEG with the records for raw values (1), photo (14), camera (32) and placing of the photo (42)."""
    records = {1: record(raw.shape[1], raw.shape[0], raw.astype("<u2").tobytes()), 32: camera()}
    if photo is not None:
        records[14] = record(photo.shape[1], photo.shape[0], jpeg(photo))
    if placing:
        records[42] = struct.pack("<fhhhhhh", *placing, 0, raw.shape[1] - 1, 0, raw.shape[0] - 1).ljust(32, b"\0")
    entries, body, count = b"", b"", len(records) + 4  # cameras leave entries empty
    for kind, content in records.items():
        entries += struct.pack(">HHIIII", kind, 2, 100, 1, 64 + 32 * count + len(body), len(content)).ljust(32, b"\0")
        body += content
    head = b"FFF\0" + b"TEST".ljust(16, b"\0") + struct.pack(">III", 101, 64, count)
    data = head.ljust(64, b"\0") + entries.ljust(32 * count, b"\0") + body
    parts = [data[start : start + PART] for start in range(0, len(data), PART)]
    numbered = [bytes([1, index, len(parts) - 1]) + part for index, part in enumerate(parts)]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", 7 + len(part)) + b"FLIR\0" + part for part in numbered)
    shown = jpeg(np.full((24, 32, 3), (200, 90, 10), np.uint8))
    return shown[:2] + segments + shown[2:]


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
def test_visible_side_is_the_photo_cut_to_what_the_camera_sees(placing, rows, columns):
    pytest.importorskip("flyr", reason="needs the extra flir")
    got = decode(flir(placing=placing), "a.jpg", side="visible").image
    with Image.open(io.BytesIO(jpeg(PHOTO))) as photo:
        np.testing.assert_array_equal(got, np.asarray(photo)[rows, columns])


def test_without_a_side_it_is_the_picture_that_everybody_sees():
    assert decode(flir(), "a.jpg").image.shape == (24, 32, 3)


def test_other_jpegs_are_the_same_on_both_sides():
    plain = jpeg(PHOTO)
    np.testing.assert_array_equal(decode(plain, "a", side="infrared").image, decode(plain, "a", side="visible").image)


@pytest.mark.parametrize(
    ("content", "side", "message"),
    [(flir(photo=None), "visible", "a.jpg: this FLIR file holds no photo"),
     (flir().replace(b"FFF\0", b"FFF\0" + b"\xff" * 40), "infrared", "a.jpg: damaged FLIR file"),
     (flir(raw=np.zeros((12, 16), np.uint16)), "infrared", "its values are no temperatures")],
)  # fmt: skip
def test_what_cannot_be_used_is_named(content, side, message):
    pytest.importorskip("flyr", reason="needs the extra flir")
    with pytest.raises(InputError, match=message):
        decode(content, "a.jpg", side=side)


def test_missing_extra_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "flyr", None)
    with pytest.raises(MissingExtraError, match=r"a\.jpg: .* needs flyr: pip install flyr .*\[flir\]"):
        decode(flir(), "a.jpg", side="infrared")
