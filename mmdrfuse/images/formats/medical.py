"""Slices of DICOM and NIfTI files, as viewers show them: the extra ``medical``, SimpleITK (https://simpleitk.org).

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

_MAX_COMPRESSION = 1000
"""Values per byte of the file. A size above this, and above `_LARGE`, is damage and not compression."""
_LARGE = 2**28


def ending(content: bytes) -> str | None:
    """Return the ending, one of `SUFFIXES`, of a medical file with this content; None for other files."""
    if content[128:132] == b"DICM":
        return ".dcm"
    packed = content[:2] == b"\x1f\x8b"
    try:
        # Not the whole content: at the end of a small file, zlib would check its checksum, and damage would pass for
        # another format.
        head = zlib.decompressobj(31).decompress(content[:4096], 348) if packed else content[:348]
    except zlib.error:
        return None
    if head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0":
        return ".nii.gz" if packed else ".nii"
    return None


def decode(content: bytes, name: str, page: int | None) -> NDArray[Any]:
    """Decode one slice of a DICOM or NIfTI file.

    The rescale slope is applied. The file's window (level) defines black and white. Without a window, the extremes of
    the whole volume do, so that its slices stay comparable. NIfTI volumes are first turned to the axes of DICOM
    (patient lying on the back, seen from the feet), so that a slice is axial.

    Args:
        content: The file.
        name: What to call the file in messages.
        page: Which slice, from 1 on; a file with a single slice needs no number.

    Returns:
        H×W uint16 from black to white, or H×W×3 uint8 or uint16 if the file holds colours.

    Raises:
        InputError: The file is damaged, holds several slices and none is chosen, or is no stack of slices; or
            SimpleITK would read its colours wrong.
        MissingExtraError: SimpleITK is not installed.
    """
    try:
        import SimpleITK as sitk
    except ImportError:
        raise MissingExtraError("SimpleITK", "medical", f"{name}: a DICOM or NIfTI file") from None

    is_dicom = ending(content) == ".dcm"
    with reading(name, "DICOM file" if is_dicom else "NIfTI file"):
        content = dicom.checked(content) if is_dicom else _checked_nifti(content, name)
        volume = _volume(sitk, content, ".dcm" if is_dicom else ".nii")
        tags = {key: volume.GetMetaData(key).strip() for key in volume.GetMetaDataKeys()} if is_dicom else {}
        components = volume.GetNumberOfComponentsPerPixel()
        if is_dicom and components > 1:
            dicom.check_colours(content, tags, name)

        stack = _stack(sitk.GetArrayFromImage(volume), components, name)
        values = stack[page_index(page, len(stack), name, "slices")]
        return _colours(values, tags) if components > 1 else _windowed(values, stack, tags)


def _checked_nifti(content: bytes, name: str) -> bytes:
    """Unpack a NIfTI file. Refuse NIfTI-2, and a file that is cut off: SimpleITK would fill it up with zeros."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content[4:8] == b"n+2\0":
        raise InputError(f"{name}: NIfTI-2, which SimpleITK cannot read; save it as NIfTI-1")

    order = "<" if content[:4] == struct.pack("<i", 348) else ">"
    count, *sizes = struct.unpack_from(f"{order}8h", content, 40)
    (bits,) = struct.unpack_from(f"{order}h", content, 72)
    (offset,) = struct.unpack_from(f"{order}f", content, 108)
    voxels = math.prod(max(size, 1) for size in sizes[:count])
    needed = int(offset) + voxels * bits // 8
    if needed > len(content):
        raise ValueError(f"cut off: {len(content)} of {needed} bytes")
    return content


def _volume(sitk: Any, content: bytes, suffix: str) -> Any:  # noqa: ANN401
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(content)  # SimpleITK reads only files with a name
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
    """Refuse a size that the file cannot hold, before SimpleITK allocates it."""
    size = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
    if size > _LARGE and size > _MAX_COMPRESSION * length:
        raise ValueError(f"it claims {size} values in {length} bytes")


def _reason(error: RuntimeError) -> str:
    """Return the last line of SimpleITK's message, without addresses and the name of the temporary file."""
    lines = str(error).strip().splitlines()
    last = lines[-1].strip() if lines else ""
    if "Unable to determine ImageIO" in last:
        return "cut off, or without a picture"
    last = last.replace("An invalid logic behavior occurred", "SimpleITK cannot read such a file: ")
    return re.sub(r"^.*(ERROR|Error): |\w+\(0x\w+\): |\S*/\S*", "", last) or "SimpleITK cannot read it"


def _stack(values: NDArray[Any], components: int, name: str) -> NDArray[Any]:
    """Return a volume as a stack of slices, or refuse it."""
    vectors = components > 4 or (components > 1 and values.dtype not in (np.uint8, np.uint16))
    if np.iscomplexobj(values) or vectors:
        raise InputError(f"{name}: holds vectors or complex numbers, expected grey values or colours")
    dimensions = values.ndim - (components > 1)
    if dimensions == 2:
        values = values[None]
    elif dimensions != 3:
        raise InputError(f"{name}: {dimensions} dimensions, expected a stack of slices; split the file")
    return values


def _colours(values: NDArray[Any], tags: dict[str, str]) -> NDArray[Any]:
    """Return red, green and blue, scaled to the range of their type; a fourth component, transparency, is dropped."""
    colours = np.ascontiguousarray(values[..., :3])
    if colours.dtype == np.uint8:
        return colours
    white = 2 ** int(tags.get(_STORED, "16")) - 1
    scaled: NDArray[np.uint16] = np.rint(np.minimum(colours, white) * (65535 / white)).astype(np.uint16)
    return scaled


def _windowed(values: NDArray[Any], stack: NDArray[Any], tags: dict[str, str]) -> NDArray[np.uint16]:
    """Map grey values to 0..65535 by the window of the file, or by the extremes of the volume."""
    low, span = _window(tags) or _extremes(stack)
    scaled = (values.astype(np.float64) - low) * (65535 / max(span, 1e-6))
    return np.rint(np.clip(np.nan_to_num(scaled, nan=0.0), 0, 65535)).astype(np.uint16)


def _window(tags: dict[str, str]) -> tuple[float, float] | None:
    """Return the value that the window makes black, and the span from there to white; None without a window.

    DICOM PS3.3, C.11.2.1.2.1.

    If the file swaps black and white (MONOCHROME1), SimpleITK mirrors the stored values, but not the window. So the
    window is mirrored here.
    """
    center = _number(tags, _CENTER)
    width = _number(tags, _WIDTH)
    if center is None or width is None or width < 1:
        return None
    if tags.get(dicom.PHOTOMETRIC) == "MONOCHROME1":
        top = -1 if tags.get(dicom.SIGNED) == "1" else 2 ** int(tags.get(_STORED, "16")) - 1
        slope = _number(tags, _SLOPE)
        intercept = _number(tags, _INTERCEPT) or 0
        center = (1 if slope is None else slope) * top + 2 * intercept - center + 1
    return center - 0.5 - (width - 1) / 2, width - 1


def _extremes(stack: NDArray[Any]) -> tuple[float, float]:
    """Return the smallest value of a volume, and the span from there to the largest."""
    finite = stack[np.isfinite(stack)]
    if not finite.size:
        return 0.0, 0.0
    low = float(finite.min())
    return low, float(finite.max()) - low


def _number(tags: dict[str, str], key: str) -> float | None:
    """Read the first of a tag's numbers; None if the tag is missing or holds no number."""
    try:
        number = float(tags.get(key, "").split("\\")[0])
    except ValueError:
        return None
    return number if math.isfinite(number) else None
