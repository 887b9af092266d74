"""What is done at an epoch's end beside training: validate, keep the best weights, stop early, draw.

``best-0007.safetensors`` in the run's folder holds the weights after the best epoch so far; ``preview.png`` and
``losses.png`` are drawn at the end, ``preview-0007.png`` on the way.
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
from mmdrfuse.training.watch.early_stopping import Stop
from mmdrfuse.training.watch.validation import Scores, Validation

BEST, PREVIEWS = "best-[0-9][0-9][0-9][0-9]*.safetensors", "preview-[0-9][0-9][0-9][0-9]*.png"
"""The files that have an epoch's number in their name, as patterns that fit nothing else in the folder."""

UNWELL = (MMDRFuseError, MemoryError, torch.OutOfMemoryError)
"""What must not end a training that goes well: a picture that has become unreadable, no room to look at it."""


def _nobody(message: str) -> None:
    """Listen to what a run has to tell, and do nothing about it."""


@dataclass(frozen=True)
class Watch:
    """What to look at while a network trains; by default nothing.

    Raises:
        TrainingError: The run is to stop on a score that is not looked at.
    """

    validation: Validation | None = None
    """What to score after every epoch."""
    stop: Stop | None = None
    """When to end early; the weights that the run ends with are then those of the best epoch."""
    preview_every: int | None = None
    """Epochs between two previews; 0 draws at the end alone, None never."""
    tell: Callable[[str], None] = _nobody
    """Called with one line on what went wrong without harm to the training."""

    def __post_init__(self) -> None:
        scored = self.validation.metrics if self.validation else ()
        if self.stop and self.stop.metric not in scored:
            raise TrainingError(
                f"cannot stop on {self.stop.metric}: validation scores {', '.join(scored) or 'nothing'}; add it there"
            )

    def identity(self) -> dict[str, Any] | None:
        """Give what a resumed run must agree on, because its weights depend on it.

        Raises:
            InputError: A picture cannot be read.
        """
        return {**asdict(self.stop), **self.validation.description} if self.stop and self.validation else None


NOTHING = Watch()
"""Not looking at anything."""


class Watcher:
    """Look at one run.

    Args:
        watch: What to look at.
        network: What is trained; it is only read.
        patches: Shown in previews, where there are no pairs to validate on.
        recipe: Of the run.
        folder: Of the run.
        device: That a teacher is run on; a student is, wherever it trains, by the compiled kernel.

    Raises:
        InputError: A picture to validate on cannot be used.
        SizeError: The sizes of a pair differ, or a metric needs larger pictures.
    """

    def __init__(
        self, watch: Watch, network: nn.Module, patches: Patches,
        *, recipe: Recipe, folder: Path, device: torch.device,
    ) -> None:  # fmt: skip
        self.watch, self.network, self.recipe, self.folder = watch, network, recipe, folder
        self.device = "cpu" if recipe.network == "student" else str(device)
        self.per_epoch = recipe.steps_per_epoch(len(patches))
        self.history: dict[int, Scores] = {}
        self.epochs = 0
        self.examples, self.plotted = previews.of_patches(patches), watch.preview_every is not None
        if watch.validation:
            self.examples = previews.of_pairs(watch.validation.pairs())
            watch.validation.check(self._engine())
        if self.plotted:
            try:
                plots.require()
            except MissingExtraError as error:
                self.plotted = False
                watch.tell(str(error))

    def begin(self, log: Path) -> None:
        """Take up what the run's first part left, or clear away what another run did.

        Args:
            log: The run's log, as long as its state says.

        Raises:
            TrainingError: The weights of the best epoch are gone.
        """
        with log.open() as lines:
            for line in map(json.loads, lines):
                self.epochs = line["epoch"] + 1
                if "validation" in line:
                    self.history[line["epoch"]] = Scores(**line["validation"])
        best = self._best()
        if best is not None and not self._kept(best).is_file():
            raise TrainingError(f"{self._kept(best)}: the weights of the best epoch are gone", cure="anew")
        self._clear(BEST, but=best)
        if not self.epochs:
            for pattern in ("preview.png", PREVIEWS, "losses.png"):
                self._clear(pattern)

    @property
    def due(self) -> bool:
        """Tell whether the run is to end."""
        return self.watch.stop is not None and self.watch.stop.due(self._course())

    def score(self, record: Record) -> Record:
        """Validate at an epoch's end, and keep the weights if they are the best; call it before the state is saved.

        Args:
            record: Of the epoch's last step.

        Returns:
            The record, with the scores.
        """
        self.epochs = record.epoch + 1
        if self.watch.validation is None:
            return record
        try:
            scores = self.watch.validation.scores(self._engine())
        except UNWELL as error:
            self.watch.tell(f"no scores after epoch {self.epochs}: {error}")
            return record
        self.history[record.epoch] = scores
        best = self._best()
        if best == record.epoch:
            models.write(self._kept(record.epoch), self._arrays(), self.card())
        return replace(record, validation=replace(scores, best=None if best is None else best + 1))

    def settle(self) -> None:
        """Do at an epoch's end what comes after the state is saved: forget what was best before, and draw."""
        if self.watch.stop:
            self._clear(BEST, but=self._best())
        if self.watch.preview_every and self.epochs % self.watch.preview_every == 0:
            self._draw(f"preview-{self.epochs:04}.png", self._arrays(), self.epochs)

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights that the run ends with."""
        best = self._best()
        return self._arrays() if best is None else models.read(self._kept(best)).arrays

    def finish(self, weights: dict[str, NDArray[np.float32]]) -> None:
        """Draw the end; pictures come after the weights, which must not lack the room that pictures take."""
        best = self._best()
        if self.watch.preview_every is not None:
            self._draw("preview.png", weights, self.epochs if best is None else best + 1)

    def card(self) -> dict[str, Any]:
        """Tell for the model card what the weights score, and of which epoch they are."""
        if self.watch.validation is None:
            return {}
        best = self._best()
        epoch = self.epochs if best is None else best + 1
        scores = self.history.get(epoch - 1)
        told = {**self.watch.validation.description, "epoch": epoch}
        told["scores"] = {"overall": scores.overall, "sets": scores.sets} if scores else None
        if self.watch.stop is None:
            return {"validation": told}
        return {"validation": told, "stop": {**asdict(self.watch.stop), "best": epoch, "epochs": self.epochs}}

    def _course(self) -> dict[int, float]:
        """Give the score that decides, by epoch."""
        metric = self.watch.stop.metric if self.watch.stop else ""
        values = {epoch: scores.overall.get(metric) for epoch, scores in self.history.items()}
        return {epoch: value for epoch, value in values.items() if value is not None}

    def _best(self) -> int | None:
        return self.watch.stop.best(self._course()) if self.watch.stop else None

    def _kept(self, epoch: int) -> Path:
        return self.folder / f"best-{epoch + 1:04}.safetensors"

    def _clear(self, pattern: str, *, but: int | None = None) -> None:
        for path in self.folder.glob(pattern):
            if but is None or path != self._kept(but):
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
            if self.plotted:
                plots.plot(
                    self.folder / "log.jsonl", self.folder / "losses.png",
                    title=f"{recipe.network}, recipe {recipe.name}, features {recipe.features}, seed {recipe.seed}",
                    per_epoch=self.per_epoch, weights=asdict(recipe.weights),
                )  # fmt: skip
        except UNWELL as error:
            self.watch.tell(f"no pictures after epoch {epoch}: {error}")
