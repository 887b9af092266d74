"""Damage to files, made from a seed: what copying, cutting, editing and failing disks do to them."""

import os
from contextlib import contextmanager

import numpy as np

from mmdrfuse.errors import MMDRFuseError

TRIES = int(os.environ.get("MMDRFUSE_FUZZ", "200"))
"""Damaged files of each kind that a test tries; `make fuzz` asks for more."""


def mutated(content, seed):
    """Return the content with one to four kinds of damage, the same for the same seed."""
    rng = np.random.default_rng(seed)
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        kind, place = int(rng.integers(7)), int(rng.integers(max(1, len(data))))
        length = int(rng.integers(1, 1 + max(1, min(64, len(data)))))
        if kind == 0:  # a bit
            data[place : place + 1] = bytes([data[place] ^ 1 << int(rng.integers(8))]) if data else b""
        elif kind == 1:  # a run of noise
            data[place : place + length] = rng.bytes(length)
        elif kind == 2:  # a number at its limits, where sizes and offsets stand
            data[place : place + 4] = [b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x00\x00\x00\x80"][place % 4]
        elif kind == 3:  # cut off
            del data[place:]
        elif kind == 4:  # a part is missing
            del data[place : place + length]
        elif kind == 5:  # a part comes twice
            data[place:place] = data[place : place + length]
        else:  # damage in the header, where most is decided
            data[place % 64 : place % 64 + 1] = rng.bytes(1)
    return bytes(data)


@contextmanager
def blamed(path):
    """Let the block fail, but only with an expected error that names the file."""
    try:
        yield
    except MMDRFuseError as error:
        if str(path) not in str(error):
            raise AssertionError(f"{error!r} does not name {path}") from error
