"""Slices of medical files are what a viewer shows."""

import gzip
import io
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from camera_files import dicom as dicom_file
from camera_files import nifti
from PIL import Image

from mmdrfuse.errors import InputError, MissingExtraError
from mmdrfuse.images import decode, is_picture, load, read, stem

RNG = np.random.default_rng(7)
GREY = RNG.integers(0, 256, (16, 20)).astype(np.uint8)
DEEP = RNG.integers(0, 4096, (16, 20)).astype(np.uint16)
SIGNED = RNG.integers(-3000, 3000, (16, 20)).astype(np.int16)
COLOURS = RNG.integers(0, 256, (16, 20, 3)).astype(np.uint8)
DEEP_COLOURS = RNG.integers(0, 65536, (16, 20, 3)).astype(np.uint16)
VOLUME = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5) - 7


@pytest.fixture
def sitk():
    return pytest.importorskip("SimpleITK", reason="needs the extra medical")


def dicom(sitk, path, values, tags, **options):
    image = sitk.GetImageFromArray(values, **options)
    for key, value in tags.items():
        image.SetMetaData(key, value)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(path))
    writer.Execute(image)


def test_dicom_window_makes_black_and_white(sitk, tmp_path):
    path = tmp_path / "a.dcm"
    dicom(
        sitk,
        path,
        np.array([[-200, -60, 40, 139.5, 400]]).astype(np.int16)[None],
        {"0028|1050": "40", "0028|1051": "200"},
    )
    # C.11.2.1.2.1: y = ((x - (c - 0.5)) / (w - 1) + 0.5) · 65535, cut at both ends
    expected = np.clip((np.array([-200, -60, 40, 139, 400]) - 39.5) / 199 + 0.5, 0, 1) * 65535
    np.testing.assert_array_equal(read(path), np.rint(expected).astype(np.uint16)[None])


def test_dicom_slope_comes_before_the_window(sitk, tmp_path):
    path = tmp_path / "a.dcm"
    tags = {"0028|1050": "40", "0028|1051": "200", "0028|1052": "-1024", "0028|1053": "2"}
    dicom(sitk, path, np.array([[[-1024, 40, 140]]]).astype(np.int16), tags)
    assert sitk.GetArrayFromImage(sitk.ReadImage(str(path))).tolist() == [[[-1024, 40, 140]]]  # it is in the file
    assert read(path)[0].tolist() == [0, round((0.5 / 199 + 0.5) * 65535), 65535]


def test_dicom_without_a_window_runs_between_its_extremes(sitk, tmp_path):
    dicom(sitk, tmp_path / "a.dcm", np.array([[[-5, 0, 5]]], np.int16), {})
    assert read(tmp_path / "a.dcm").tolist() == [[0, 32768, 65535]]


@pytest.mark.parametrize("tags", [{}, {"0028|1050": "2", "0028|1051": "3"}])
def test_monochrome1_is_turned_to_white_on_black(sitk, tmp_path, tags):
    path = tmp_path / "a.dcm"
    dicom(sitk, path, np.array([[[0, 10]]], np.uint8), tags)
    path.write_bytes(path.read_bytes().replace(b"MONOCHROME2", b"MONOCHROME1"))
    assert read(tmp_path / "a.dcm").tolist() == [[65535, 0]]


def test_dicom_with_colours_keeps_them(sitk, tmp_path, rng):
    colours = rng.integers(0, 256, (1, 4, 5, 3)).astype(np.uint8)
    dicom(sitk, tmp_path / "a.dcm", colours, {}, isVector=True)
    np.testing.assert_array_equal(read(tmp_path / "a.dcm"), colours[0])


def spread(values):
    values = values.astype(float)
    return np.rint((values - values.min()) / np.ptp(values) * 65535)


def from_ycbcr(values):
    y, cb, cr = np.moveaxis(values.astype(float), -1, 0)
    cb, cr = cb - 128, cr - 128
    return np.clip(np.rint(np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], -1)), 0, 255)


def read_bytes(content, page=None):
    pytest.importorskip("SimpleITK", reason="needs the extra medical")
    return decode(content, "a.dcm", page=page).image


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "big", "rle"])
@pytest.mark.parametrize("values", [GREY, GREY.view(np.int8), DEEP, SIGNED], ids=["u8", "i8", "u16", "i16"])
def test_grey_values_of_every_transfer_syntax_are_read(values, syntax):
    np.testing.assert_array_equal(read_bytes(dicom_file(values, syntax=syntax)), spread(values))
    swapped = read_bytes(dicom_file(values, "MONOCHROME1", syntax))
    np.testing.assert_allclose(swapped, 65535 - spread(values), atol=1)


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "big", "rle"])
@pytest.mark.parametrize("planar", [0, 1])
def test_colours_of_every_transfer_syntax_are_read(syntax, planar):
    np.testing.assert_array_equal(read_bytes(dicom_file(COLOURS, "RGB", syntax, planar=planar)), COLOURS)
    got = read_bytes(dicom_file(COLOURS, "YBR_FULL", syntax, planar=planar))
    np.testing.assert_allclose(got.astype(int), from_ycbcr(COLOURS), atol=1)
    if syntax != "rle":
        np.testing.assert_array_equal(read_bytes(dicom_file(DEEP_COLOURS, "RGB", syntax, planar=planar)), DEEP_COLOURS)


def test_frames_of_colours_are_slices():
    film = dicom_file(np.stack([COLOURS, COLOURS[::-1]]), "RGB", "rle", frames=2)
    np.testing.assert_array_equal(read_bytes(film, page=2), COLOURS[::-1])


def test_colours_of_12_bits_use_all_of_16():
    got = read_bytes(dicom_file(DEEP_COLOURS >> 4, "RGB", stored=12))
    np.testing.assert_allclose(got.astype(int), (DEEP_COLOURS >> 4) * (65535 / 4095), atol=1)


def test_halved_chroma_is_read():
    y, cb, cr = COLOURS[..., 0], COLOURS[:, ::2, 1], COLOURS[:, ::2, 2]
    pixels = np.stack([y[:, ::2], y[:, 1::2], cb, cr], -1).tobytes()
    got = read_bytes(dicom_file(COLOURS, "YBR_FULL_422", pixels=pixels))
    expected = from_ycbcr(np.stack([y, cb.repeat(2, 1), cr.repeat(2, 1)], -1))
    np.testing.assert_allclose(got.astype(int), expected, atol=1)


def palette(syntax="explicit"):
    order = ">u2" if syntax == "big" else "<u2"
    tables = {f"t0028120{k}": ("OW", (np.arange(256) * k % 256 * 257).astype(order).tobytes()) for k in (1, 2, 3)}
    return tables | {f"t0028110{k}": ("US", [256, 0, 16]) for k in (1, 2, 3)}


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "big", "rle"])
def test_palettes_are_looked_up(syntax):
    got = read_bytes(dicom_file(GREY, "PALETTE COLOR", syntax, **palette(syntax)))
    np.testing.assert_array_equal(got, np.stack([GREY.astype(int) * k % 256 for k in (1, 2, 3)], -1))


def jpeg_inside(photometric, **options):
    buffer = io.BytesIO()
    smooth = np.stack([np.tile(np.arange(32) * 8, (32, 1))] * 3, -1).astype(np.uint8) // [1, 2, 4]
    Image.fromarray(smooth.astype(np.uint8)).save(buffer, "JPEG", quality=95, **options)
    return smooth, dicom_file(np.zeros((32, 32, 3), np.uint8), photometric, "jpeg", pixels=buffer.getvalue())


@pytest.mark.parametrize(
    ("photometric", "options"), [("YBR_FULL_422", {}), ("YBR_FULL", {}), ("RGB", {"keep_rgb": True})]
)
def test_jpeg_inside_is_read(photometric, options):
    smooth, content = jpeg_inside(photometric, **options)
    np.testing.assert_allclose(read_bytes(content).astype(int), smooth, atol=8)


@pytest.mark.parametrize(
    "content",
    [
        dicom_file(DEEP_COLOURS, "RGB", "rle"),
        dicom_file(np.stack([DEEP_COLOURS] * 2), "RGB", "rle", frames=2, planar=1),
        dicom_file(DEEP % 256, "PALETTE COLOR", **palette()),
        dicom_file(COLOURS.view(np.int8), "RGB"),
        dicom_file(COLOURS, "HSV"),
        dicom_file(COLOURS, "YBR_RCT"),
        jpeg_inside("RGB")[1],
        jpeg_inside("YBR_FULL", keep_rgb=True)[1],
    ],
    ids=["deep rle", "deep rle frames", "deep palette", "signed", "hsv", "rct", "jpeg", "jpeg rgb"],
)
def test_colours_that_simpleitk_reads_wrong_are_refused(content):
    with pytest.raises(InputError, match=r"a\.dcm: cannot read the colours of this DICOM file"):
        read_bytes(content, page=1)


@pytest.mark.parametrize("signed", [False, True])
def test_the_window_of_a_monochrome1_file_is_that_of_its_values(signed):
    values = np.array([[-60, 0, 20, 40, 90]], np.int16) + (0 if signed else 60)
    values = values.astype(np.int16 if signed else np.uint16)
    more = {"t00281052": ("DS", "-10"), "t00281053": ("DS", "2"), "t00281050": ("DS", "70"), "t00281051": ("DS", "101")}
    got = read_bytes(dicom_file(values, "MONOCHROME1", stored=16 if signed else 12, **more))
    rescaled = values * 2.0 - 10
    expected = 65535 - np.clip((rescaled - 69.5) / 100 + 0.5, 0, 1) * 65535
    np.testing.assert_allclose(got, expected, atol=1)


@pytest.mark.parametrize("window", [("x", "y"), ("40", "-3"), ("nan", "5"), ("", "")])
def test_an_invalid_window_is_ignored(window):
    more = {"t00281050": ("DS", window[0]), "t00281051": ("DS", window[1])}
    np.testing.assert_array_equal(read_bytes(dicom_file(GREY, **more)), spread(GREY))


@pytest.mark.parametrize("cut", [100, 400, -200])
def test_a_dicom_file_cut_short_is_named_without_the_temporary_one(cut):
    with pytest.raises(InputError, match=r"^a\.dcm: damaged or unreadable DICOM file") as caught:
        read_bytes(b"\0" * 128 + dicom_file(GREY)[128:][:cut])
    assert "/" not in str(caught.value)


@pytest.mark.parametrize("syntax", ["explicit", "big", "implicit", "rle"])
def test_data_behind_the_pixels_is_ignored(syntax):
    content = dicom_file(GREY, syntax=syntax) + b"\x08\0\x08\0OB\0\0\xff\xff\xff\x7f"
    np.testing.assert_array_equal(read_bytes(content), spread(GREY))


def test_an_element_longer_than_the_file_is_named_before_memory_is_allocated():
    content = dicom_file(GREY, t00080008=("OB", b"")).replace(b"OB\0\0\0\0\0\0", b"OB\0\0\xf0\xff\xff\x7f", 1)
    with pytest.raises(InputError, match=r"a\.dcm: .*\(0008,0008\) claims 2147483632 bytes"):
        read_bytes(content)


NIFTI = nifti(VOLUME.astype("<i2"), 4)


@pytest.mark.parametrize(
    "content",
    [NIFTI[:-20], gzip.compress(NIFTI[:-20]), gzip.compress(NIFTI)[:-20],
     gzip.compress(NIFTI)[:-8] + bytes(8), nifti(VOLUME[:0], 4, sizes=(20000, 20000, 20000))],
    ids=["cut", "cut in gzip", "gzip cut", "gzip sum", "huge"],
)  # fmt: skip
def test_damaged_nifti_is_named_and_never_filled_with_zeros(content):
    with pytest.raises(InputError, match=r"^a\.dcm: damaged or unreadable NIfTI file") as caught:
        read_bytes(content, page=1)
    assert "/" not in str(caught.value)


@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_nifti_2_is_refused_by_name(packed):
    content = bytearray(NIFTI.rjust(600, b"\0"))
    struct.pack_into("<i4s", content, 0, 540, b"n+2\0")
    with pytest.raises(InputError, match=r"^a\.dcm: NIfTI-2"):
        read_bytes(packed(content))


@pytest.mark.parametrize(("code", "components"), [(128, 3), (2304, 4)])
def test_nifti_with_colours_keeps_them(rng, code, components):
    volume = rng.integers(0, 256, (2, 4, 5, components)).astype(np.uint8)
    content = nifti(volume, code, sizes=(5, 4, 2))
    # NIfTI's axes run to the right and forward, DICOM's the other way
    np.testing.assert_array_equal(read_bytes(content, page=2), volume[1, ::-1, ::-1, :3])


def test_nan_is_black():
    values = np.array([[[np.nan, 0, 5], [np.inf, 10, -np.inf]]], "<f4")
    assert read_bytes(nifti(values, 16)).tolist() == [[0, 65535, 0], [32768, 0, 0]]


@pytest.mark.parametrize("values", [np.ones((2, 4, 5), "<c8"), np.ones((1, 2, 4, 5), "<c8")])
def test_complex_numbers_and_vectors_are_refused(values):
    with pytest.raises(InputError, match=r"a\.dcm: .*(complex|dimensions)"):
        read_bytes(nifti(values, 32), page=1)


def test_a_fourth_dimension_of_size_one_is_ignored():
    np.testing.assert_array_equal(read_bytes(nifti(VOLUME[None].astype("<i2"), 4), 1), read_bytes(NIFTI, 1))


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_nifti_slice_has_the_contrast_of_its_volume(sitk, tmp_path, ending):
    path = tmp_path / f"a{ending}"
    sitk.WriteImage(sitk.GetImageFromArray(VOLUME), str(path))
    expected = np.rint((VOLUME[1] + 7) / 59 * 65535).astype(np.uint16)
    np.testing.assert_array_equal(read(path, page=2), expected)


def test_nifti_is_turned_to_the_axes_of_dicom(sitk, tmp_path):
    turned = sitk.DICOMOrient(sitk.GetImageFromArray(VOLUME), "RAS")
    sitk.WriteImage(turned, str(tmp_path / "turned.nii"))
    sitk.WriteImage(sitk.GetImageFromArray(VOLUME), str(tmp_path / "plain.nii"))
    for page in (1, 2, 3):
        np.testing.assert_array_equal(read(tmp_path / "turned.nii", page=page), read(tmp_path / "plain.nii", page=page))


def test_a_slice_of_several_must_be_chosen(sitk, tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(VOLUME), str(tmp_path / "a.nii"))
    with pytest.raises(InputError, match=r"a\.nii: holds 3 slices"):
        load(tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"holds 3 slices and there is no 4"):
        load(tmp_path / "a.nii", page=4)


def test_time_series_are_refused(sitk, tmp_path):
    series = sitk.JoinSeries([sitk.GetImageFromArray(VOLUME)] * 2)
    sitk.WriteImage(series, str(tmp_path / "a.nii"))
    with pytest.raises(InputError, match=r"a\.nii: 4 dimensions, expected a stack of slices"):
        read(tmp_path / "a.nii", page=1)


def test_damaged_file_is_named(sitk, tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"x" * 50)
    with pytest.raises(InputError, match=r"a\.dcm: damaged or unreadable DICOM file"):
        read(tmp_path / "a.dcm")


def test_a_missing_extra_is_named_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    (tmp_path / "a.dcm").write_bytes(b"\0" * 128 + b"DICM")
    with pytest.raises(MissingExtraError, match=r"a\.dcm: .* needs SimpleITK: pip install SimpleITK .*\[medical\]"):
        read(tmp_path / "a.dcm")


@pytest.mark.parametrize(("name", "taken"), [("a.dcm", True), ("A.NII.GZ", True), ("a.nii", True), ("a.gz", False)])
def test_medical_files_in_a_folder_are_pictures(tmp_path, name, taken):
    assert is_picture(tmp_path / name) == taken


@pytest.mark.parametrize(
    ("name", "content", "taken"),
    [
        ("IM0001", dicom_file(GREY), True),
        ("IM.0001", dicom_file(GREY), True),
        ("1.2.840.113619.2.55", dicom_file(GREY), True),
        ("a.IMA", b"", True),
        ("DICOMDIR", dicom_file(GREY), False),
        (".IM0001", dicom_file(GREY), False),
        ("README", b"text", False),
        ("log.1", b"text" * 99, False),
        ("a.txt", dicom_file(GREY), False),
    ],
)
def test_dicom_files_without_an_ending_are_pictures_by_their_content(tmp_path, name, content, taken):
    (tmp_path / name).write_bytes(content)
    assert is_picture(tmp_path / name) == taken


def test_files_with_an_ending_and_pipes_are_not_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(Path, "open", None)
    assert not any(is_picture(tmp_path / name) for name in ("a.txt", "a.gz", "b.h5", "pipe", "folder", "missing"))
    assert all(is_picture(tmp_path / name) for name in ("a.png", "b.dcm", "c.nii.gz"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.NII.gz", "a"), ("a.b.png", "a.b"), ("1.2.840.1", "1.2.840.1"), ("IM.001", "IM.001"), ("a", "a")],
)
def test_the_stem_of_a_picture_is_its_name_without_the_ending(name, expected):
    assert stem(Path(name)) == expected
