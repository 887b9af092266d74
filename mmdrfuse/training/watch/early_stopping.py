"""Early stopping: the epoch with the best score, and the end of a run that no longer gets better."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmdrfuse.errors import TrainingError
from mmdrfuse.metrics import METRICS

PATIENCE = 3
"""Scored epochs without a better score that end a run, by default."""


@dataclass(frozen=True)
class EarlyStopping:
    """End a run when a score no longer gets better. The decision depends on the scores so far alone.

    Args:
        metric: The metric whose mean over all pairs decides; the table of metrics knows its direction.
        patience: Scored epochs without a better score that end the run.

    Raises:
        TrainingError: The patience is below 1.
    """

    metric: str
    patience: int = PATIENCE

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise TrainingError(f"patience {self.patience}: must be at least 1 epoch")

    def best(self, history: Mapping[int, float]) -> int | None:
        """Return the first of the epochs with the best score; None if there is no score.

        Args:
            history: Epoch → score, in the order of the epochs; epochs without a score are missing.
        """
        sign = 1 if METRICS[self.metric].higher_is_better else -1
        return max(history, key=lambda epoch: sign * history[epoch], default=None)  # max takes the first of equals

    def should_stop(self, history: Mapping[int, float]) -> bool:
        """Return whether the run should end.

        Args:
            history: Epoch → score, in the order of the epochs; epochs without a score are missing.
        """
        best = self.best(history)
        if best is None:
            return False
        epochs_since = sum(epoch > best for epoch in history)
        return epochs_since >= self.patience
