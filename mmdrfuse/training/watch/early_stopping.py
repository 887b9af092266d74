"""Stopping early: which epoch scored best, and whether it is time to give up on a better one."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmdrfuse.errors import TrainingError
from mmdrfuse.metrics import METRICS

PATIENCE = 3
"""Epochs without a better score, otherwise."""


@dataclass(frozen=True)
class Stop:
    """End a run when a score no longer gets better; everything follows from the scores so far.

    Args:
        metric: Whose mean over all pairs decides, in the direction of the table of metrics.
        patience: Scored epochs without a better score that end the run.

    Raises:
        TrainingError: The patience is below 1.
    """

    metric: str
    patience: int = PATIENCE

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise TrainingError(f"patience {self.patience}: the run must be given at least 1 epoch to get better")

    def best(self, history: Mapping[int, float]) -> int | None:
        """Give the first of the epochs that scored best.

        Args:
            history: Epoch → score, in the order of the epochs; those that could not be scored are missing.
        """
        sign = 1 if METRICS[self.metric].higher_is_better else -1
        return max(history, key=lambda epoch: sign * history[epoch], default=None)  # of equals, max gives the first

    def due(self, history: Mapping[int, float]) -> bool:
        """Tell whether the run is to end."""
        best = self.best(history)
        return best is not None and sum(epoch > best for epoch in history) >= self.patience
