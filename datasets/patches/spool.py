"""Hand patches over in files, where the workers are other processes or machines: patches never travel in messages."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from os import fsencode
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

import numpy as np

from mmdrfuse.datasets.patches.cut import Item, Outcome
from mmdrfuse.datasets.patches.partial import Place, decode, encode
from mmdrfuse.errors import InputError, reading
from mmdrfuse.system.atomic import writing


class Job(NamedTuple):
    """An item to cut."""

    number: int
    item: Item
    place: Place | None
    """The record of an interrupted run, if it finished the item."""

    def __str__(self) -> str:
        """Return the name of the pair."""
        return self.item.pair.name


@contextmanager
def spool_folder(out: Path) -> Iterator[Path]:
    """Yield a hidden folder beside ``out``, and remove it afterwards, with those that killed runs have left.

    Only the run that holds the lock of ``out`` may call this. Workers of a run that was killed may still write, so the
    folder has a new name in each run.
    """
    prefix = f".{sha256(fsencode(out.name)).hexdigest()[:16]}"
    folder = out.with_name(f"{prefix}.{token_hex(8)}.spool")
    folder.mkdir()
    try:
        yield folder
    finally:
        for path in out.parent.glob(f"{prefix}.*.spool"):
            shutil.rmtree(path, ignore_errors=True)


def to_spool(job: Job, *, work: Callable[[Job], Outcome], folder: Path) -> Path:
    """Do the work, and write the outcome to a file in the folder; return its path.

    Raises:
        OutputError: It cannot be written.
    """
    content = encode(work(job))
    path = folder / str(job.number)
    with writing(path) as temporary:
        temporary.write_bytes(content)
    return path


def from_spool(path: Path, patch: int, dtype: np.dtype[Any]) -> Outcome:
    """Read an outcome back, and remove its file.

    Raises:
        InputError: The file is damaged or gone.
    """
    with reading(path, "file of patches", error=InputError, cure="run the command again"):
        outcome = decode(path.read_bytes(), patch, dtype)
        path.unlink()
    return outcome
