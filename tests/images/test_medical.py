"""Slices of medical files are what a viewer shows."""

import sys

import numpy as np
import pytest

from mmdrfuse.errors import InputError, MissingExtraError
from mmdrfuse.images import is_picture, load, read

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


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_nifti_slice_is_taken_with_the_contrast_of_the_volume(sitk, tmp_path, ending):
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


def test_slice_has_to_be_chosen(sitk, tmp_path):
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
    with pytest.raises(InputError, match=r"a\.dcm: damaged or unreadable file"):
        read(tmp_path / "a.dcm")


def test_missing_extra_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    (tmp_path / "a.dcm").write_bytes(b"\0" * 128 + b"DICM")
    with pytest.raises(MissingExtraError, match=r"a\.dcm: .* needs SimpleITK: pip install SimpleITK .*\[medical\]"):
        read(tmp_path / "a.dcm")


@pytest.mark.parametrize(("name", "taken"), [("a.dcm", True), ("A.NII.GZ", True), ("a.nii", True), ("a.gz", False)])
def test_medical_files_in_a_folder_are_pictures(tmp_path, name, taken):
    assert is_picture(tmp_path / name) == taken
