"""The folder of a run: its files, and their preparation for a new or a resumed run."""

import contextlib
from pathlib import Path

from mmdrfuse.errors import OutputError
from mmdrfuse.recipes import FILE, Recipe, dump
from mmdrfuse.system.atomic import clear_abandoned, write_error, writing
from mmdrfuse.training.frozen import GOALS, SOURCE_FEATURES, TEACHER_OUTPUTS
from mmdrfuse.training.memory import MAPPED, PARTS
from mmdrfuse.training.state import Saved
from mmdrfuse.training.watch.tensorboard import EVENTS

LOG, STATE = "log.jsonl", "state.safetensors"
"""The files that a finished run has beside its weights and its recipe."""

TEMPORARY = (GOALS, TEACHER_OUTPUTS, SOURCE_FEATURES, MAPPED, PARTS)
"""Files of each process, possibly gigabytes, that a finished run no longer needs."""


def prepare_folder(folder: Path, recipe: Recipe, saved: Saved | None, *, overwrite: bool) -> None:
    """Prepare the folder for a new run, or for the rest of a resumed one.

    Args:
        folder: The folder of the run.
        recipe: The recipe of the run.
        saved: The saved state of a resumed run; None for a new run.
        overwrite: Whether a new run may replace another one.

    Raises:
        OutputError: The folder holds a run that may not be replaced, or cannot be written.
    """
    if saved is None:
        _start_anew(folder, recipe, overwrite=overwrite)
    for place in (folder, *folder.glob("process-*")):
        clear_abandoned(place)
    _cut_log(folder / LOG, saved.step if saved else 0)


def make_folder(folder: Path) -> None:
    """Make a process's own folder.

    Raises:
        OutputError: The folder cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


def clear(folder: Path, patterns: tuple[str, ...]) -> None:
    """Delete files of some patterns; a file that cannot be deleted, as mapped ones on some systems, only takes room."""
    for pattern in patterns:
        for path in list(folder.glob(pattern)):
            with contextlib.suppress(OSError):
                path.unlink()


def _start_anew(folder: Path, recipe: Recipe, *, overwrite: bool) -> None:
    """Delete an old run's files and write the recipe of the new one."""
    for old in (folder / STATE, folder / f"{recipe.network}.safetensors"):
        if old.exists() and not overwrite:
            # Weights without a state cannot be resumed.
            raise OutputError(f"{folder}: holds a run", cure="resume" if old.name == STATE else "overwrite")
        _remove(old)  # the new run must not be taken for the old one
    for place in (folder, *folder.glob("process-*")):
        clear(place, TEMPORARY)
    if overwrite:
        clear(folder, (EVENTS,))
    with writing(folder / FILE) as temporary:
        temporary.write_text(dump(recipe), encoding="utf-8")


def _cut_log(log: Path, steps: int) -> None:
    """Shorten the log to the steps of the saved state; the run repeats the others."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    with writing(log) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines[:steps]), encoding="utf-8")


def _remove(path: Path) -> None:
    """Delete a file.

    Raises:
        OutputError: The file cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error
