"""Zlib streams, which HDF5's gzip filter stores: compressed by zlib, decompressed by ISA-L if it is installed.

ISA-L decompresses patches of LLVIP in three fifths of zlib's time. It would compress them in a quarter, but not always
to the same bytes: while another thread decompressed, 34 of 50,000 came out differently, and the same patches must give
the same file. ``benchmarks/patches.py`` compares these and other compressors.
"""

import zlib
from typing import Any

try:
    from isal import isal_zlib
except ImportError:  # it has no build for every processor
    isal_zlib = None  # type: ignore[assignment]

LEVEL = 1
"""Level of compression: twice as fast as the default, and an eighth larger."""

_fast: Any = isal_zlib or zlib


class DamagedError(ValueError):
    """Raised for bytes that are no complete stream."""


def pack(content: bytes) -> bytes:
    """Compress bytes to a zlib stream."""
    return zlib.compress(content, LEVEL)


def unpack(packed: bytes) -> bytes:
    """Decompress a zlib stream, and check its checksum.

    Raises:
        DamagedError: The checksum is wrong, or the stream is incomplete.
    """
    try:
        content: bytes = _fast.decompress(packed)
    except (zlib.error, _fast.error) as error:
        raise DamagedError(str(error)) from error
    return content
