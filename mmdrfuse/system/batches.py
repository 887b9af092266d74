"""What travels between this process and a worker of a cluster: the work, once, and batches of items and outcomes.

Everything here is bytes on the way. Relative paths become absolute when they are packed, because each worker has a
current folder of its own.
"""

import io
import os
import pickle
import signal
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from mmdrfuse.errors import InputError, MMDRFuseError
from mmdrfuse.version import __version__

FOLDER_SECONDS = 5
"""How long a worker waits for a shared file to appear: network file systems show new ones late."""


class Done(NamedTuple):
    """A batch that was worked on."""

    outcomes: list[Any]
    """A result or an `MMDRFuseError` for each item."""
    seconds: float


def pack_work(work: Callable[[Any], Any], required: Iterable[str]) -> bytes:
    """Pack work for `run_batch`.

    Args:
        work: A function that can be pickled.
        required: Absolute paths that a worker must see.
    """
    return pack((__version__, tuple(required), pack(work)))


def pack(value: object) -> bytes:
    """Pickle a value, with absolute paths."""
    content = io.BytesIO()
    _Pickler(content, pickle.HIGHEST_PROTOCOL).dump(value)
    return content.getvalue()


def run_batch(work: bytes, batch: bytes) -> bytes:
    """Do a batch; this runs on a worker.

    Args:
        work: From `pack_work`.
        batch: A packed list of items.

    Returns:
        A packed `Done`.

    Raises:
        MMDRFuseError: This worker has another version, lacks a package, or does not see a required path.
    """
    try:
        function = _loaded(work)
        start = time.perf_counter()
        outcomes = [_outcome(function, item) for item in pickle.loads(batch)]
    except ImportError as error:
        raise MMDRFuseError(
            f"{_own_name()} lacks a package that this machine has ({error}); install the same on all"
        ) from error
    return pickle.dumps(Done(outcomes, time.perf_counter() - start))


def unpack(content: bytes) -> Done:
    """Return what `run_batch` has packed."""
    done: Done = pickle.loads(content)
    return done


def dask_setup(_worker: object) -> None:
    """Leave Ctrl-C to the process that started this one; the workers of ``local:N`` call this first, by its name."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def version_error(machine: str, package: str, other: str | None, own: str) -> MMDRFuseError:
    """Return the error to raise where a machine has another version of a package than this one."""
    has = f"has {package} {other}" if other else f"has no {package}"
    return MMDRFuseError(f"{machine} {has}, and this machine has {own}; install the same version on all")


def _outcome(work: Callable[[Any], Any], item: object) -> object:
    try:
        return work(item)
    except MMDRFuseError as error:
        return error


@lru_cache(maxsize=8)
def _loaded(work: bytes) -> Callable[[Any], Any]:
    version, required, content = pickle.loads(work)
    if version != __version__:
        raise version_error(_own_name(), "mmdrfuse", __version__, version)
    for path in required:
        _await_path(path)
    function: Callable[[Any], Any] = pickle.loads(content)
    return function


def _await_path(path: str) -> None:
    end = time.monotonic() + FOLDER_SECONDS
    while not os.path.lexists(path):
        if time.monotonic() > end:
            raise InputError(
                f"{path}: {_own_name()} does not see it; all machines need the folders under the same path"
            )
        time.sleep(0.1)


def _own_name() -> str:
    import distributed

    return f"the worker {distributed.get_worker().address}"


class _Pickler(pickle.Pickler):
    """Makes relative paths absolute."""

    def reducer_override(self, value: object) -> Any:  # noqa: ANN401 - as pickle has it
        if isinstance(value, PurePath) and not value.is_absolute():
            return Path, (str(Path(value).absolute()),)
        return NotImplemented
