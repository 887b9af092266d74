"""Slices of DICOM and NIfTI files, as they would be shown: the extra ``medical``, SimpleITK (https://simpleitk.org).

References:
    DICOM PS3.3, C.7.6.3 (photometric interpretation) and C.11.2 (window), https://dicom.nema.org.
    NIfTI-1 and -2, https://nifti.nimh.nih.gov.
"""

import gzip
import math
import re
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, MissingExtraError, reading
from mmdrfuse.images.formats import dicom
from mmdrfuse.images.picture import page_index

SUFFIXES = (".dcm", ".dicom", ".ima", ".nii", ".nii.gz")
"""File name endings, in lower case."""

_CENTER, _WIDTH = "0028|1050", "0028|1051"
_STORED = "0028|0101"
_INTERCEPT, _SLOPE = "0028|1052", "0028|1053"

_HOLLOW = 1000
"""Bytes of picture from each byte of file: beyond it, and beyond `_LARGE`, a size is damage and not compression."""
_LARGE = 2**28


def ending(content: bytes) -> str | None:
    """Tell by its content which kind of medical file this is: one of `SUFFIXES`, or none."""
    if content[128:132] == b"DICM":
        return ".dcm"
    packed = content[:2] == b"\x1f\x8b"
    try:
        # no more than that: at the end of a small file its checksum would be looked at, and nothing be said about it
        head = zlib.decompressobj(31).decompress(content[:4096], 348) if packed else content[:348]
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
        H×W uint16 from black to white, or H×W×3 uint8 or uint16 where the file holds colours.

    Raises:
        InputError: The file is damaged, holds several slices and none is chosen, or is no stack of slices; or its
            colours would come out wrong.
        MissingExtraError: SimpleITK is not installed.
    """
    try:
        import SimpleITK as sitk
    except ImportError:
        raise MissingExtraError("SimpleITK", "medical", f"{name}: a DICOM or NIfTI file") from None

    scan = ending(content) == ".dcm"
    with reading(name, "DICOM file" if scan else "NIfTI file"):
        content = dicom.checked(content) if scan else _checked_nifti(content, name)
        volume = _volume(sitk, content, ".dcm" if scan else ".nii")
        tags = {key: volume.GetMetaData(key).strip() for key in volume.GetMetaDataKeys()} if scan else {}
        components = volume.GetNumberOfComponentsPerPixel()
        if scan and components > 1:
            dicom.check_colours(content, tags, name)

        stack = _stack(sitk.GetArrayFromImage(volume), components, name)
        values = stack[page_index(page, len(stack), name, "slices")]
        return _in_colour(values, tags) if components > 1 else _shown(values, stack, tags)


def _checked_nifti(content: bytes, name: str) -> bytes:
    """Unpack a NIfTI file, and refuse what SimpleITK cannot read or would fill up with zeros without a word."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content[4:8] == b"n+2\0":
        raise InputError(f"{name}: NIfTI-2, which SimpleITK cannot read; save it as NIfTI-1")

    order = "<" if content[:4] == struct.pack("<i", 348) else ">"
    count, *sizes = struct.unpack_from(f"{order}8h", content, 40)
    bits, offset = *struct.unpack_from(f"{order}h", content, 72), *struct.unpack_from(f"{order}f", content, 108)
    needed = int(offset) + math.prod(max(size, 1) for size in sizes[:count]) * bits // 8
    if needed > len(content):
        raise ValueError(f"cut off: {len(content)} of {needed} bytes")
    return content


def _volume(sitk: Any, content: bytes, suffix: str) -> Any:  # noqa: ANN401
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(content)  # SimpleITK reads from names only
        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO" if suffix == ".dcm" else "NiftiImageIO")
        reader.SetFileName(str(path))
        try:
            reader.ReadImageInformation()
            _check_size(reader, len(content))
            volume = reader.Execute()
            if suffix != ".dcm" and volume.GetDimension() == 3:
                volume = sitk.DICOMOrient(volume, "LPS")
        except RuntimeError as error:
            raise ValueError(_reason(error)) from error
    return volume


def _check_size(reader: Any, length: int) -> None:  # noqa: ANN401
    """Refuse a size that the file cannot hold, before room is made for it."""
    size = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
    if size > _LARGE and size > _HOLLOW * length:
        raise ValueError(f"it claims {size} values in {length} bytes")


def _reason(error: RuntimeError) -> str:
    """Give the last line of SimpleITK's report without addresses and the name of the temporary file."""
    last = (str(error).strip().splitlines() or [""])[-1].strip()
    if "Unable to determine ImageIO" in last:
        return "cut off, or without a picture"
    last = last.replace("An invalid logic behavior occurred", "SimpleITK cannot read such a file: ")
    return re.sub(r"^.*(ERROR|Error): |\w+\(0x\w+\): |\S*/\S*", "", last) or "SimpleITK cannot read it"


def _stack(values: NDArray[Any], components: int, name: str) -> NDArray[Any]:
    """Return an array as slices, or refuse it."""
    if np.iscomplexobj(values) or (components > 1 and (components > 4 or values.dtype not in (np.uint8, np.uint16))):
        raise InputError(f"{name}: holds vectors or complex numbers, expected grey values or colours")
    dimensions = values.ndim - (components > 1)
    if dimensions == 2:
        values = values[None]
    elif dimensions != 3:
        raise InputError(f"{name}: {dimensions} dimensions, expected a stack of slices; split the file")
    return values


def _in_colour(values: NDArray[Any], tags: dict[str, str]) -> NDArray[Any]:
    """Return red, green and blue with all bits in use; a fourth component is transparency, which is dropped."""
    colours = np.ascontiguousarray(values[..., :3])
    if colours.dtype == np.uint8:
        return colours
    white = 2 ** int(tags.get(_STORED, "16")) - 1
    stretched: NDArray[np.uint16] = np.rint(np.minimum(colours, white) * (65535 / white)).astype(np.uint16)
    return stretched


def _shown(values: NDArray[Any], stack: NDArray[Any], tags: dict[str, str]) -> NDArray[np.uint16]:
    """Map grey values to black and white: DICOM PS3.3, C.11.2.1.2.1.

    Where black and white are swapped in the file (MONOCHROME1), SimpleITK has mirrored the stored values, but not the
    window: it is mirrored likewise.
    """
    window = _numbers(tags, _CENTER), _numbers(tags, _WIDTH)
    center, width = window
    if center is not None and width is not None and width >= 1:
        if tags.get(dicom.PHOTOMETRIC) == "MONOCHROME1":
            top = -1 if tags.get(dicom.SIGNED) == "1" else 2 ** int(tags.get(_STORED, "16")) - 1
            slope, intercept = _numbers(tags, _SLOPE), _numbers(tags, _INTERCEPT)
            center = (1 if slope is None else slope) * top + 2 * (intercept or 0) - center + 1
        low, span = center - 0.5 - (width - 1) / 2, width - 1
    else:
        finite = stack[np.isfinite(stack)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        span = high - low

    scaled = (values.astype(np.float64) - low) * (65535 / max(span, 1e-6))
    return np.rint(np.clip(np.nan_to_num(scaled, nan=0.0), 0, 65535)).astype(np.uint16)


def _numbers(tags: dict[str, str], key: str) -> float | None:
    """Read the first of a tag's numbers; None where it is missing or no number."""
    try:
        number = float(tags.get(key, "").split("\\")[0])
    except ValueError:
        return None
    return number if math.isfinite(number) else None
