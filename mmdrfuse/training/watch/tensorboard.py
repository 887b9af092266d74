"""The log of a run for TensorBoard (the extra ``tensorboard``)."""

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmdrfuse.errors import MissingExtraError, OutputError
from mmdrfuse.system.atomic import write_error
from mmdrfuse.training.records import Record

FOLDER = "tensorboard"
"""Subfolder of a run for TensorBoard."""

EVENTS = f"{FOLDER}/events.out.tfevents.*"
"""TensorBoard's files in it, as a pattern."""


def require() -> None:
    """Check that TensorBoard is installed.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise MissingExtraError("tensorboard", "tensorboard", "watching a run with TensorBoard")


def write_tensorboard(records: Iterator[Record], folder: Path) -> Iterator[Record]:
    """Write every record to TensorBoard's files, and yield it.

    A resumed run hides the older records of the steps that it repeats.

    Args:
        records: The records of a run.
        folder: Where the files go.

    Raises:
        MissingExtraError: TensorBoard is not installed.
        OutputError: During the iteration: the files cannot be written.
    """
    require()
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise OutputError(f"{folder}: TensorBoard needs folder names in UTF-8; choose another folder") from None
    return _write(records, folder)


def _write(records: Iterator[Record], folder: Path) -> Iterator[Record]:
    from torch.utils.tensorboard import SummaryWriter

    writer = None
    with _without_thread_traceback():
        try:
            for record in records:
                with _naming(folder):
                    writer = writer or SummaryWriter(str(folder), purge_step=record.step)
                    for name, value in _values(record):
                        writer.add_scalar(name, value, record.step)
                yield record
        finally:
            if writer is not None:
                with _naming(folder):
                    writer.close()


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """Convert an error of writing to one that names the folder."""
    try:
        yield
    except OSError as error:
        raise write_error(folder, error) from error


@contextmanager
def _without_thread_traceback() -> Iterator[None]:
    """Suppress the traceback of TensorBoard's thread when a disk is full: the caller reports the same error."""
    before = threading.excepthook

    def hook(ended: threading.ExceptHookArgs) -> None:
        if not (isinstance(ended.exc_value, OSError) and type(ended.thread).__module__.startswith("tensorboard")):
            before(ended)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


def _values(record: Record) -> Iterator[tuple[str, float]]:
    yield from ((f"losses/{name}", value) for name, value in record.losses.items())
    yield from ((f"refresh/{name}", value) for name, value in record.refresh.items())
    yield "rate", record.rate
    if record.validation is not None:
        for set_name, means in {"overall": record.validation.overall, **record.validation.sets}.items():
            title = set_name.encode("utf-8", "replace").decode()  # folders may have names that are not UTF-8
            yield from ((f"{title}/{metric}", mean) for metric, mean in means.items() if mean is not None)
