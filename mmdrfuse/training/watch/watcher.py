"""What a run does at the end of an epoch: validate, save the best weights, stop early, draw pictures.

``best-0007.safetensors`` in the run's folder has the weights after the best epoch so far. ``preview.png`` and
``losses.png`` are drawn at the end, ``preview-0007.png`` during the run.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mmdrfuse import engine, images, models
from mmdrfuse.engine import Engine
from mmdrfuse.errors import MissingExtraError, MMDRFuseError, TrainingError
from mmdrfuse.models.checkpoints import Checkpoint
from mmdrfuse.recipes import Recipe
from mmdrfuse.training.patches import Patches
from mmdrfuse.training.records import Record
from mmdrfuse.training.watch import plots, previews
from mmdrfuse.training.watch.early_stopping import EarlyStopping
from mmdrfuse.training.watch.validation import Scores, Validation

BEST, PREVIEWS = "best-[0-9][0-9][0-9][0-9]*.safetensors", "preview-[0-9][0-9][0-9][0-9]*.png"
"""Patterns of the files with an epoch's number in their name; they match nothing else in the folder."""

NOT_FATAL = (MMDRFuseError, MemoryError, torch.OutOfMemoryError)
"""Errors that do not end the training: a picture that can no longer be read, or no memory to draw it."""


def _ignore(message: str) -> None:
    """Ignore a warning."""


@dataclass(frozen=True)
class Watch:
    """What to do after the epochs of a run; by default nothing.

    Raises:
        TrainingError: The metric of early stopping is not one of the validation.
    """

    validation: Validation | None = None
    """The pairs and metrics to score after every epoch."""
    stop: EarlyStopping | None = None
    """When to stop early; the final weights are then those of the best epoch."""
    preview_every: int | None = None
    """Epochs between two previews; 0 draws only at the end, None never."""
    warn: Callable[[str], None] = _ignore
    """Called with one line about each error that does not end the training."""

    def __post_init__(self) -> None:
        scored = self.validation.metrics if self.validation else ()
        if self.stop and self.stop.metric not in scored:
            raise TrainingError(
                f"cannot stop on {self.stop.metric}: validation scores {', '.join(scored) or 'nothing'}; add it there"
            )

    def identity(self) -> dict[str, Any] | None:
        """Return what must be the same in a resumed run, because the weights depend on it.

        Raises:
            InputError: A picture cannot be read.
        """
        if self.stop is None or self.validation is None:
            return None
        return {**asdict(self.stop), **self.validation.description}


NOTHING = Watch()
"""No validation, no early stopping, no previews."""


class Watcher:
    """Validate, save the best weights and draw during one run.

    Args:
        watch: What to do.
        network: The network in training; it is only read.
        patches: Shown in previews if there are no pairs to validate on.
        recipe: The recipe of the run.
        folder: The folder of the run.
        device: Where a teacher is run; a student is always run by the compiled kernel on the CPU.

    Raises:
        MMDRFuseError: No pair of a set to validate on can be scored.
    """

    def __init__(
        self, watch: Watch, network: nn.Module, patches: Patches,
        *, recipe: Recipe, folder: Path, device: torch.device,
    ) -> None:  # fmt: skip
        self.watch = watch
        self.network = network
        self.recipe = recipe
        self.folder = folder
        self.device = "cpu" if recipe.network == "student" else str(device)
        self.per_epoch = recipe.steps_per_epoch(len(patches))
        self.history: dict[int, Scores] = {}
        self.epochs = 0
        self.examples = previews.of_patches(patches)
        if watch.validation:
            usable = watch.validation.check(self._engine(), warn=watch.warn)
            self.watch = watch = replace(watch, validation=usable)
            self.examples = previews.of_pairs(usable.pairs())
        self.draws_plots = watch.preview_every is not None
        if self.draws_plots:
            try:
                plots.require()
            except MissingExtraError as error:
                self.draws_plots = False
                watch.warn(str(error))

    def begin(self, log: Path) -> None:
        """Read the scores of the run's first part, and delete the files of another run.

        Args:
            log: The run's log, cut to the steps of the saved state.

        Raises:
            TrainingError: The weights of the best epoch are missing.
        """
        with log.open() as lines:
            for line in map(json.loads, lines):
                self.epochs = line["epoch"] + 1
                if "validation" in line:
                    self.history[line["epoch"]] = Scores(**line["validation"])
        best = self._best()
        if best is not None and not self._best_file(best).is_file():
            raise TrainingError(f"{self._best_file(best)}: the weights of the best epoch are missing", cure="anew")
        self._clear(BEST, except_epoch=best)
        if not self.epochs:
            for pattern in ("preview.png", PREVIEWS, "losses.png"):
                self._clear(pattern)

    @property
    def should_stop(self) -> bool:
        """Whether the run should end early."""
        return self.watch.stop is not None and self.watch.stop.should_stop(self._stop_scores())

    def score(self, record: Record) -> Record:
        """Validate at the end of an epoch and save the best weights. Call it before the state is saved.

        Args:
            record: The record of the epoch's last step.

        Returns:
            The record, with the scores.
        """
        self.epochs = record.epoch + 1
        if self.watch.validation is None:
            return record
        try:
            scores = self.watch.validation.scores(self._engine())
        except NOT_FATAL as error:
            self.watch.warn(f"no scores after epoch {self.epochs}: {error}")
            return record
        self.history[record.epoch] = scores
        best = self._best()
        if best == record.epoch:
            models.write(self._best_file(record.epoch), self._arrays(), self.card())
        return replace(record, validation=replace(scores, best=None if best is None else best + 1))

    def after_save(self) -> None:
        """Delete the previous best weights and draw, at the end of an epoch. Call it after the state is saved."""
        if self.watch.stop:
            self._clear(BEST, except_epoch=self._best())
        if self.watch.preview_every and self.epochs % self.watch.preview_every == 0:
            self._draw(f"preview-{self.epochs:04}.png", self._arrays(), self.epochs)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the final weights of the run."""
        best = self._best()
        return self._arrays() if best is None else models.read(self._best_file(best)).arrays

    def finish(self, weights: dict[str, NDArray[np.float32]]) -> None:
        """Draw the final preview. Call it after the weights are written, so that pictures cannot take their room."""
        best = self._best()
        if self.watch.preview_every is not None:
            self._draw("preview.png", weights, self.epochs if best is None else best + 1)

    def card(self) -> dict[str, Any]:
        """Return the scores of the weights and the number of their epoch, for the model card."""
        if self.watch.validation is None:
            return {}
        best = self._best()
        epoch = self.epochs if best is None else best + 1
        scores = self.history.get(epoch - 1)
        validation = {**self.watch.validation.description, "epoch": epoch}
        validation["scores"] = {"overall": scores.overall, "sets": scores.sets} if scores else None
        if self.watch.stop is None:
            return {"validation": validation}
        return {"validation": validation, "stop": {**asdict(self.watch.stop), "best": epoch, "epochs": self.epochs}}

    def _stop_scores(self) -> dict[int, float]:
        """Return the score of early stopping, by epoch."""
        metric = self.watch.stop.metric if self.watch.stop else ""
        values = {epoch: scores.overall.get(metric) for epoch, scores in self.history.items()}
        return {epoch: value for epoch, value in values.items() if value is not None}

    def _best(self) -> int | None:
        return self.watch.stop.best(self._stop_scores()) if self.watch.stop else None

    def _best_file(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch + 1:04}.safetensors"

    def _clear(self, pattern: str, *, except_epoch: int | None = None) -> None:
        for path in self.folder.glob(pattern):
            if except_epoch is None or path != self._best_file(except_epoch):
                path.unlink()

    def _arrays(self) -> dict[str, NDArray[np.float32]]:
        return {name: value.detach().cpu().numpy().copy() for name, value in self.network.state_dict().items()}

    def _engine(self, arrays: dict[str, NDArray[np.float32]] | None = None) -> Engine:
        network = self.recipe.network
        return engine.make(Checkpoint(network, network, arrays or self._arrays(), {}, ""), device=self.device)

    def _draw(self, name: str, arrays: dict[str, NDArray[np.float32]], epoch: int) -> None:
        recipe = self.recipe
        try:
            title = f"{recipe.network}, epoch {epoch}"
            images.write(self.folder / name, previews.preview(self.examples, self._engine(arrays), title=title))
            if self.draws_plots:
                plots.plot(
                    self.folder / "log.jsonl", self.folder / "losses.png",
                    title=f"{recipe.network}, recipe {recipe.name}, features {recipe.features}, seed {recipe.seed}",
                    per_epoch=self.per_epoch, weights=asdict(recipe.weights),
                )  # fmt: skip
        except NOT_FATAL as error:
            self.watch.warn(f"no pictures after epoch {epoch}: {error}")
