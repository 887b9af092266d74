"""The scores of one method in little memory: a row of numbers for each picture."""

from array import array
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


class Rows(Mapping[str, dict[str, float]]):
    """Picture → metric → value; pictures can be added, and their values be replaced.

    Ten metrics of a picture take 80 bytes and its name, a sixth of what a `dict` of them takes.

    Args:
        metrics: The names of the values of every picture, in order.
    """

    def __init__(self, metrics: Sequence[str]) -> None:
        self._metrics = tuple(metrics)
        self._places: dict[str, int] = {}
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __contains__(self, picture: object) -> bool:
        return picture in self._places

    def __getitem__(self, picture: str) -> dict[str, float]:
        return dict(zip(self._metrics, self._values[self._slice(self._places[picture])], strict=True))

    def __setitem__(self, picture: str, values: Mapping[str, float]) -> None:
        place = self._places.setdefault(picture, len(self._places))
        self._values[self._slice(place)] = array("d", [values[metric] for metric in self._metrics])

    def column(self, metric: str, pictures: Sequence[str] | None = None) -> NDArray[np.float64]:
        """Return the values of one metric.

        Args:
            metric: Its name.
            pictures: Of which, in order; None for all, in the order in which they were added.
        """
        first = self._metrics.index(metric)
        values = np.frombuffer(self._values)[first :: len(self._metrics)]
        if pictures is None:
            return values.copy()  # the array itself cannot grow while a view of it is there
        return values[[self._places[picture] for picture in pictures]]

    def _slice(self, place: int) -> slice:
        count = len(self._metrics)
        return slice(place * count, (place + 1) * count)
