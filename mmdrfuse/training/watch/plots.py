"""Plots of a run's log, drawn with matplotlib (the extra ``plots``)."""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import MissingExtraError
from mmdrfuse.metrics import METRICS
from mmdrfuse.system.atomic import writing
from mmdrfuse.training.watch.validation import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 200
"""Most points of a curve; the steps of a longer run are averaged in groups."""

COLUMNS = 3
"""Columns of the small panels with the scores."""

COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#d55e00", "#e69f00", "#cc79a7", "#999999")
"""Colours of the terms, which colour-blind people can distinguish (Okabe, Ito, "Color Universal Design", 2008)."""

REFRESH = {"structure": COLOURS[3], "detail": COLOURS[4]}


def require() -> None:
    """Check that matplotlib is installed.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError("matplotlib", "plots", "the plot of the losses")


def plot(log: Path, target: Path, *, title: str, per_epoch: int, weights: Mapping[str, float]) -> None:
    """Draw the weighted losses, the refresh, the rate and the scores of a run over its epochs.

    Args:
        log: The run's ``log.jsonl``.
        target: The PNG file.
        title: Title of the figure.
        per_epoch: Steps of an epoch.
        weights: Term → its weight in the total.

    Raises:
        OutputError: The file cannot be written.
    """
    from matplotlib.figure import Figure

    curves = _curves(log, per_epoch, weights)
    scores = _scores(log)
    metrics = list(dict.fromkeys(metric for score in scores.values() for metric in score.overall))
    score_rows = -(-len(metrics) // COLUMNS)
    figure = Figure(figsize=(10, 7 + 2 * score_rows), layout="constrained")
    grid = figure.add_gridspec(2 + score_rows, 6, height_ratios=[3.6, 2.4, *[1.9] * score_rows])
    _losses(figure.add_subplot(grid[0, :]), curves, weights)
    _shares(figure.add_subplot(grid[1, :2]), curves)
    _gaps(figure.add_subplot(grid[1, 2:4]), curves)
    _rate(figure.add_subplot(grid[1, 4:]), curves)
    for index, metric in enumerate(metrics):
        row, column = divmod(index, COLUMNS)
        _score(figure.add_subplot(grid[2 + row, 2 * column : 2 * column + 2]), scores, metric)
    best = list(scores.values())[-1].best if scores else None
    figure.suptitle(f"{title}; weights of epoch {best} (dashed)" if best else title, fontsize=13)
    with writing(target) as temporary:
        figure.savefig(temporary, dpi=110)


def _curves(log: Path, per_epoch: int, weights: Mapping[str, float]) -> dict[str, NDArray[np.float64]]:
    """Read one column of at most about `POINTS` values for each quantity; the losses are weighted."""
    with log.open() as lines:
        group = max(1, sum(1 for _ in lines) // POINTS)
    with log.open() as lines:
        rows = [_mean([_row(json.loads(line), per_epoch, weights) for line in part]) for part in _parts(lines, group)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _parts(lines: Iterator[str], size: int) -> Iterator[list[str]]:
    while part := list(islice(lines, size)):
        yield part


def _row(line: dict[str, Any], per_epoch: int, weights: Mapping[str, float]) -> dict[str, float]:
    losses = {name: value * weights.get(name, 1.0) for name, value in line["losses"].items()}
    return {"epoch": (line["step"] + 1) / per_epoch, "rate": line["rate"], **losses, **line["refresh"]}


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def _scores(log: Path) -> dict[int, Scores]:
    """Read the scores after each epoch, numbered from 1."""
    with log.open() as lines:
        scored = [line for line in map(json.loads, lines) if "validation" in line]
    return {line["epoch"] + 1: Scores(**line["validation"]) for line in scored}


def _losses(axes: "Axes", curves: dict[str, NDArray[np.float64]], weights: Mapping[str, float]) -> None:
    styles = {
        name: (colour, f"{weights[name]:g} × {name}", 1.3)
        for name, colour in zip(weights, cycle(COLOURS), strict=False)
    }
    styles["total"] = ("#111111", "total", 2.2)
    for name, (colour, label, width) in styles.items():
        if name in curves:
            values = np.where(curves[name] > 0, curves[name], np.nan)  # a logarithmic axis cannot show 0
            axes.plot(curves["epoch"], values, color=colour, label=label, linewidth=width)
    axes.set_yscale("log")
    _label(axes, "weighted losses", "loss", pad=24)
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=len(styles), frameon=False, fontsize=9,
        handlelength=1.2, columnspacing=1.2, borderpad=0,
    )  # fmt: skip


def _shares(axes: "Axes", curves: dict[str, NDArray[np.float64]]) -> None:
    _refresh(axes, curves, "refreshed", scale=100)
    if axes.lines:
        axes.legend(frameon=False, fontsize=9)
    axes.set_ylim(-3, 103)
    _label(axes, "patches no worse than before", "%")


def _gaps(axes: "Axes", curves: dict[str, NDArray[np.float64]]) -> None:
    _refresh(axes, curves, "gap", scale=1)
    axes.set_ylim(bottom=0)
    _label(axes, "mean gap to the best before", "SSIM, GMSD")


def _refresh(axes: "Axes", curves: dict[str, NDArray[np.float64]], what: str, *, scale: float) -> None:
    for name in [name for name in REFRESH if f"{name}_{what}" in curves]:
        values = np.where(
            curves["epoch"] > 1, scale * curves[f"{name}_{what}"], np.nan
        )  # the first epoch has no earlier outputs
        axes.plot(curves["epoch"], values, color=REFRESH[name], linewidth=1.3, label=name)


def _rate(axes: "Axes", curves: dict[str, NDArray[np.float64]]) -> None:
    axes.plot(curves["epoch"], curves["rate"], color="#555555")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:g}")
    _label(axes, "learning rate", "")


def _score(axes: "Axes", scores: dict[int, Scores], metric: str) -> None:
    """Draw one metric's means over all pairs, its best epoch, and the epoch of the saved best weights."""
    from matplotlib.ticker import MaxNLocator

    epochs = list(scores)
    values = np.array([score.overall[metric] for score in scores.values()], dtype=float)
    higher_is_better = METRICS[metric].higher_is_better
    axes.plot(epochs, values, color=COLOURS[0], marker="o", markersize=3.5)
    if np.isfinite(values).any():
        best = int(np.nanargmax(values if higher_is_better else -values))
        axes.plot(epochs[best], values[best], "o", color=COLOURS[3], markersize=7)
    saved_epoch = scores[epochs[-1]].best
    if saved_epoch is not None:
        axes.axvline(saved_epoch, color=COLOURS[3], linewidth=1, linestyle="--", zorder=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _label(axes, f"{metric} {'↑' if higher_is_better else '↓'}", "")


def _label(axes: "Axes", title: str, unit: str, *, pad: float = 6) -> None:
    axes.set_title(title, fontsize=11, loc="left", pad=pad)
    axes.set_xlabel("epoch", fontsize=10)
    axes.set_ylabel(unit, fontsize=10)
    axes.grid(alpha=0.25)
    axes.margins(x=0.02)
    axes.spines[["top", "right"]].set_visible(False)
