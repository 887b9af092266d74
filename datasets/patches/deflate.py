"""Zlib streams, as HDF5's gzip filter has them: packed by zlib, unpacked by ISA-L where it is installed.

ISA-L unpacks patches of LLVIP in three fifths of zlib's time. It would pack them in a quarter, but not always to the
same bytes: beside another thread that unpacks, 34 of 50,000 came out differently, and the same patches are to give the
same file. ``benchmarks/patches.py`` compares these and other compressors.
"""

import zlib
from typing import Any

try:
    from isal import isal_zlib
except ImportError:  # it has no build for every processor
    isal_zlib = None  # type: ignore[assignment]

LEVEL = 1
"""Twice as fast as the default and an eighth larger."""

_fast: Any = isal_zlib or zlib


class DamagedError(ValueError):
    """Something is no whole stream."""


def pack(content: bytes) -> bytes:
    """Compress."""
    return zlib.compress(content, LEVEL)


def unpack(packed: bytes) -> bytes:
    """Decompress, and compare with the checksum in the stream.

    Raises:
        DamagedError: It does not fit, or this is no whole stream.
    """
    try:
        content: bytes = _fast.decompress(packed)
    except (zlib.error, _fast.error) as error:
        raise DamagedError(str(error)) from error
    return content
