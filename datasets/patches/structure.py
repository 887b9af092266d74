"""Check the structure of a file of patches before any of its content is used.

An HDF5 file can point elsewhere (external and soft links, external storage, virtual datasets), and can claim sizes that
no stored data backs. A file of patches does neither.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mmdrfuse.errors import PatchFileError
from mmdrfuse.version import __version__

FORMAT = "mmdrfuse-patches"
FORMAT_VERSION = 2
SIDES = ("infrared", "visible")
TABLES = ("index", "sources")
_FIELDS = ("source", "y", "x", "scale", "split")
_DEFLATE = h5py.h5z.FILTER_DEFLATE
_TIGHTEST = 1100
"""Greatest ratio of compression; deflate cannot reach it."""


def check_structure(file: h5py.File, path: Path) -> None:
    """Check that a file is a complete file of patches.

    Raises:
        PatchFileError: It is of another kind or a newer version, points elsewhere, or claims more than is stored.
    """
    if str(file.attrs.get("format")) != FORMAT:
        raise PatchFileError(f"{path}: is HDF5, but no file of training patches; prepare one")
    version = int(file.attrs["format_version"])
    if version > FORMAT_VERSION:
        raise PatchFileError(
            f"{path}: has format version {version}, and mmdrfuse {__version__} reads up to {FORMAT_VERSION}; "
            "update mmdrfuse, or prepare the patches again"
        )
    for name in (*SIDES, *TABLES):
        _check_stored_here(file, name, path)
    _check_sides(file["infrared"], file["visible"], path)
    _check_tables(file["index"], file["sources"], len(file["infrared"]), path)


def _check_stored_here(file: h5py.File, name: str, path: Path) -> None:
    """Check that an array is stored in this file."""
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise _refused(path, f"{name} is missing, or a link to another place")
    found = file[name]
    if not isinstance(found, h5py.Dataset):
        raise _refused(path, f"{name} is no array")
    if found.is_virtual or found.external:
        raise _refused(path, f"{name} is stored in other files")


def _check_sides(infrared: h5py.Dataset, visible: h5py.Dataset, path: Path) -> None:
    same_form = infrared.shape == visible.shape and infrared.dtype == visible.dtype
    valid_type = infrared.dtype in (np.uint8, np.uint16) and infrared.ndim == 3
    chunked = infrared.chunks == visible.chunks == (1, *infrared.shape[1:])
    packed = _filters(infrared) == _filters(visible) == [_DEFLATE]
    if not (same_form and valid_type and chunked and packed):
        raise _refused(path, f"infrared {infrared.shape} and visible {visible.shape} are not patches of one size")
    for name, side in zip(SIDES, (infrared, visible), strict=True):
        if side.id.get_num_chunks() != len(side):
            raise _refused(path, f"{name} claims {len(side)} patches and has {side.id.get_num_chunks()}")


def _check_tables(index: h5py.Dataset, sources: h5py.Dataset, count: int, path: Path) -> None:
    if index.shape != (count,) or not count:
        raise _refused(path, f"{count} patches, but {index.shape} in the index")
    fields = index.dtype.fields or {}
    numeric = all(kind.kind in "iuf" for kind, *_ in fields.values())
    if not (numeric and {"source", "y", "x"} <= fields.keys() <= set(_FIELDS)):
        raise _refused(path, "the index has other columns")
    if sources.ndim != 1 or sources.dtype.kind != "S" or not 0 < len(sources) <= count:
        raise _refused(path, "the sources are no list of texts")
    for name, table in zip(TABLES, (index, sources), strict=True):
        stored = table.id.get_storage_size()
        if set(_filters(table)) - {_DEFLATE} or table.nbytes > stored * (_TIGHTEST if _filters(table) else 1):
            raise _refused(path, f"the {name} claims more than is stored")
    numbers = index["source"]
    if not 0 <= int(numbers.min()) <= int(numbers.max()) < len(sources):
        raise _refused(path, "the index names sources that do not exist")


def _filters(dataset: h5py.Dataset) -> list[int]:
    """Return the numbers of the filters that the chunks went through."""
    properties: Any = dataset.id.get_create_plist()
    return [properties.get_filter(place)[0] for place in range(properties.get_nfilters())]


def _refused(path: Path, why: str) -> PatchFileError:
    return PatchFileError(f"{path}: damaged: {why}; prepare the patches again")
