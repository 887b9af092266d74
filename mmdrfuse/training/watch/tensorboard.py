"""The course of a run for TensorBoard (the extra ``tensorboard``)."""

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmdrfuse.errors import MissingExtraError, OutputError
from mmdrfuse.system.atomic import write_error
from mmdrfuse.training.records import Record

FOLDER = "tensorboard"
"""Of a run's folder, what TensorBoard is to look at."""

EVENTS = f"{FOLDER}/events.out.tfevents.*"
"""The files that it looks for there."""


def require() -> None:
    """Refuse where TensorBoard is not installed.

    Raises:
        MissingExtraError: It is not.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise MissingExtraError("tensorboard", "tensorboard", "watching a run with TensorBoard")


def board(records: Iterator[Record], folder: Path) -> Iterator[Record]:
    """Write every record to TensorBoard's files while passing it on.

    A resumed run hides what was written beyond the step that it goes on from.

    Args:
        records: Of a run.
        folder: Where the files go.

    Raises:
        MissingExtraError: TensorBoard is not installed.
        OutputError: While walking: the files cannot be written.
    """
    require()
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise OutputError(f"{folder}: TensorBoard writes below names in UTF-8 only; choose another folder") from None
    return _written(records, folder)


def _written(records: Iterator[Record], folder: Path) -> Iterator[Record]:
    from torch.utils.tensorboard import SummaryWriter

    writer = None
    with _one_voice():
        try:
            for record in records:
                with _blaming(folder):
                    writer = writer or SummaryWriter(str(folder), purge_step=record.step)
                    for name, value in _values(record):
                        writer.add_scalar(name, value, record.step)
                yield record
        finally:
            if writer is not None:
                with _blaming(folder):
                    writer.close()


@contextmanager
def _blaming(folder: Path) -> Iterator[None]:
    """Name the folder that cannot be written."""
    try:
        yield
    except OSError as error:
        raise write_error(folder, error) from error


@contextmanager
def _one_voice() -> Iterator[None]:
    """Let only the caller tell of a disk that refuses: TensorBoard's own thread ends with a traceback beside it."""
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
        for place, means in {"overall": record.validation.overall, **record.validation.sets}.items():
            title = place.encode("utf-8", "replace").decode()  # folders may have names that are not UTF-8
            yield from ((f"{title}/{metric}", mean) for metric, mean in means.items() if mean is not None)
