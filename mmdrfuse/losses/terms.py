"""The terms of a training loss, their weights, and their sum."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from torch import Tensor

from mmdrfuse.errors import TrainingError

Terms = dict[str, Tensor]
"""Term → scalar; with the weighted sum under ``total``."""


@dataclass(frozen=True)
class Weights:
    """What each term counts in the total; a term of weight 0 is left out.

    Raises:
        TrainingError: A weight is negative, or all are 0.
    """

    intensity: float
    gradient: float
    perception: float
    structure: float = 10.0
    """Refresh by SSIM: ten times the gap (Deng et al. 2024, adaptive adjust)."""
    detail: float = 10.0
    """Refresh by GMSD: ten times the gap."""
    distillation: float = 0.0
    fidelity: float = 0.0
    """The field's own scores; not in the paper."""

    def __post_init__(self) -> None:
        values = asdict(self)
        if min(values.values()) < 0 or not any(values.values()):
            raise TrainingError(f"weights {values}: none may be negative, and at least one must count")

    def wanted(self) -> frozenset[str]:
        """Name the terms that count."""
        return frozenset(name for name, weight in asdict(self).items() if weight)


TEACHER = Weights(intensity=2.0, gradient=0.1, perception=1.0)
"""The teacher's weights (Deng et al. 2024)."""

STUDENT = Weights(intensity=1.0, gradient=0.1, perception=2.0, distillation=5.0)
"""The student's weights (Deng et al. 2024)."""


def total(terms: Mapping[str, Tensor], weights: Weights) -> Terms:
    """Add the weighted sum of the terms under the name ``total``."""
    weighted = [getattr(weights, name) * value for name, value in terms.items()]
    return {**terms, "total": sum(weighted[1:], start=weighted[0])}
