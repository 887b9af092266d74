"""Slices of DICOM and NIfTI files, as they would be shown: the extra ``medical``, SimpleITK (https://simpleitk.org).

References:
    DICOM PS3.3, C.7.6.3 (photometric interpretation) and C.11.2 (window), https://dicom.nema.org.
    NIfTI-1 and -2, https://nifti.nimh.nih.gov.
"""

import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, MissingExtraError
from mmdrfuse.images.picture import chosen

SUFFIXES = (".dcm", ".nii", ".nii.gz")
"""File name endings, in lower case."""

_CENTER, _WIDTH, _PHOTOMETRIC = "0028|1050", "0028|1051", "0028|0004"


def ending(content: bytes) -> str | None:
    """Tell by its content which kind of medical file this is: one of `SUFFIXES`, or none."""
    if content[128:132] == b"DICM":
        return ".dcm"
    packed = content[:2] == b"\x1f\x8b"
    try:
        head = zlib.decompressobj(31).decompress(content[:4096], 512) if packed else content[:512]
    except zlib.error:
        return None
    if head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0":
        return ".nii.gz" if packed else ".nii"
    return None


def decode(content: bytes, name: str, page: int | None) -> NDArray[Any]:
    """Give one slice of a DICOM or NIfTI file.

    The rescale slope is applied. The file's window (level) makes black and white; without one the extremes of the whole
    volume do, so that its slices stay comparable. Volumes of NIfTI are turned to the axes of DICOM first (patient
    lying on the back, seen from the feet), and a slice is an axial one.

    Args:
        content: The file.
        name: What to call it in messages.
        page: Which slice, from 1 on; a file with a single one needs no number.

    Returns:
        H×W uint16 from black to white, or H×W×3 uint8 where the file holds colours.

    Raises:
        InputError: The file is damaged, holds several slices and none is chosen, or is no stack of slices.
        MissingExtraError: SimpleITK is not installed.
    """
    try:
        import SimpleITK as sitk
    except ImportError:
        raise MissingExtraError("SimpleITK", "medical", f"{name}: a DICOM or NIfTI file") from None
    suffix = ending(content) or ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(content)  # SimpleITK reads from names only
        try:
            volume = sitk.ReadImage(str(path))
            if suffix != ".dcm" and volume.GetDimension() == 3:
                volume = sitk.DICOMOrient(volume, "LPS")
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise InputError(f"{name}: damaged or unreadable file ({reason}); replace or remove it") from error
    values = sitk.GetArrayFromImage(volume)
    tags = {key: volume.GetMetaData(key) for key in (_CENTER, _WIDTH, _PHOTOMETRIC) if volume.HasMetaDataKey(key)}
    colours = volume.GetNumberOfComponentsPerPixel() == 3
    if values.ndim - colours == 2:
        values = values[None]
    if values.ndim - colours != 3:
        raise InputError(f"{name}: {values.ndim - colours} dimensions, expected a stack of slices; split the file")
    index = chosen(page, len(values), name, "slices")
    return values[index] if colours else _shown(values[index], *_window(values, tags))


def _window(values: NDArray[Any], tags: dict[str, str]) -> tuple[float, float]:
    """Give the value that is black, and how far above it white is: DICOM PS3.3, C.11.2.1.2.1.

    Where black and white are swapped in the file, SimpleITK has swapped them back, and its window no longer fits.
    """
    swapped = tags.get(_PHOTOMETRIC, "").strip() == "MONOCHROME1"
    if tags.get(_CENTER) and tags.get(_WIDTH) and not swapped:
        center, width = (float(tags[key].split("\\")[0]) for key in (_CENTER, _WIDTH))
        return center - 0.5 - (width - 1) / 2, width - 1
    return float(values.min()), float(values.max()) - float(values.min())


def _shown(values: NDArray[Any], low: float, span: float) -> NDArray[np.uint16]:
    scaled = (values.astype(np.float64) - low) * (65535 / max(span, 1e-6))
    return np.clip(np.rint(scaled), 0, 65535).astype(np.uint16)
