"""Plots as SVG, drawn once and without a library; their colours are the page's, so they follow light and dark."""

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from mmdrfuse.pipeline.score.comparison import Ranking

COLOURS = 8
"""Colours of the page's palette; the marks of further methods differ in shape."""
_ROW = 22
_LABEL = 130
_MOST_POINTS = 60
"""Single values that a distribution shows beside its box."""
_LONGEST_LABEL = 19
"""Characters of a method's name beside a plot."""


def heat_map(methods: Sequence[str], metrics: Sequence[str], ranks: Sequence[Sequence[int | None]]) -> Markup:
    """Draw the rank of every method in every metric: the darker, the better.

    Args:
        methods: The rows.
        metrics: The columns.
        ranks: One row for each method; None where there is no rank.
    """
    side = max(46, 8 + 7 * max(map(len, metrics)))
    height = 26
    worst = max((rank for row in ranks for rank in row if rank), default=1)
    parts = [_text(_LABEL + side * (column + 0.5), 14, metric, "middle") for column, metric in enumerate(metrics)]
    for index, (method, row) in enumerate(zip(methods, ranks, strict=True)):
        top = 22 + index * height
        parts.append(_text(_LABEL - 8, top + 17, _short(method), "end"))
        for column, rank in enumerate(row):
            left = _LABEL + side * column
            strength = 0.0 if rank is None or worst == 1 else 1 - (rank - 1) / (worst - 1)
            shade = Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="3" class="heat" fill-opacity="{:.2f}"/>')
            parts.append(shade.format(left + 1, top + 1, side - 2, height - 2, 0.06 + 0.9 * strength))
            style = "strong" if strength > 0.5 else ""
            parts.append(_text(left + side / 2, top + 17, "–" if rank is None else str(rank), "middle", style))
    return _svg(_LABEL + side * len(metrics) + 4, 26 + height * len(methods), "Ranks of the methods by metric", parts)


def distribution(metric: str, rows: Sequence[tuple[str, NDArray[np.float64]]]) -> Markup:
    """Draw a box for each method: quartiles with the median, whiskers from 5 to 95 %, single values, and the mean.

    Args:
        metric: Its name.
        rows: Each method with its values; those that are not finite are left out.
    """
    width = 420
    finite = [np.sort(values[np.isfinite(values)]) for _, values in rows]
    everything = np.concatenate(finite) if finite else np.empty(0)
    height = _ROW * len(rows) + 26
    if not len(everything):
        return _svg(width, height, f"{metric}: no value", [_text(width / 2, height / 2, "no value", "middle")])

    low, high = float(everything.min()), float(everything.max())
    scale = _Scale(low, high, _LABEL, width - 12)
    parts = _axis(scale, height - 20)
    for index, ((method, _), values) in enumerate(zip(rows, finite, strict=True)):
        middle = _ROW * (index + 0.5) + 2
        parts.append(_text(_LABEL - 8, middle + 4, _short(method), "end"))
        if len(values):
            parts += _box(scale, values, middle, index % COLOURS)
    return _svg(width, height, f"Distribution of {metric} over the pairs", parts)


def critical_difference(metric: str, methods: Sequence[str], found: Ranking) -> Markup:
    """Draw mean ranks on a line, as Demšar does: a bar joins methods that are not told apart."""
    count = len(methods)
    width = 460
    margin = 118
    order = sorted(range(count), key=found.mean_ranks.__getitem__)
    groups = found.groups()
    scale = _Scale(1, count, margin + 6, width - margin - 6, padded=False)
    line = 34
    first = line + 14 + 8 * len(groups)
    half = math.ceil(count / 2)
    parts = [_line(scale(1), line, scale(count), line, "axis")]
    for rank in range(1, count + 1):
        parts += [
            _line(scale(rank), line - 4, scale(rank), line, "axis"),
            _text(scale(rank), line - 8, str(rank), "middle"),
        ]
    reach = min(found.critical_difference, count - 1)
    parts.append(_line(scale(1), 10, scale(1 + reach), 10, "bar"))
    parts.append(_text(scale(1 + reach) + 5, 14, f"CD {found.critical_difference:.2f}", "start"))
    for level, group in enumerate(groups):
        ends = [found.mean_ranks[method] for method in group]
        height = line + 9 + 8 * level
        parts.append(_line(scale(min(ends)) - 3, height, scale(max(ends)) + 3, height, "bar"))
    for position, method in enumerate(order):
        left = position < half
        level = position if left else count - 1 - position
        height = first + 12 + 17 * level
        at = scale(found.mean_ranks[method])
        end = margin if left else width - margin
        parts += [_line(at, line, at, height, "axis"), _line(at, height, end, height, "axis")]
        label = f"{_short(methods[method], 14)} {found.mean_ranks[method]:.2f}"
        parts.append(_text(end - 4 if left else end + 4, height + 4, label, "end" if left else "start"))
    return _svg(width, first + 17 * half + 8, f"Mean ranks in {metric}, and the critical difference", parts)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers from low to high, at most so many and at least two where they differ."""
    if not high > low:
        return [low]
    step = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (1, 2, 5, 10):
        if (high - low) / (step * factor) <= most:
            step *= factor
            break
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


class _Scale:
    """From values to pixels."""

    def __init__(self, low: float, high: float, left: float, right: float, *, padded: bool = True) -> None:
        margin = 0.04 * (high - low) or 0.5 if padded else 0.0
        self.low, self.high = low - margin, high + margin
        self.left, self.right = left, right

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.left + share * (self.right - self.left), 1)


def _axis(scale: _Scale, top: float) -> list[Markup]:
    parts = []
    for tick in ticks(scale.low, scale.high):
        parts += [_line(scale(tick), 2, scale(tick), top, "grid"), _text(scale(tick), top + 14, f"{tick:g}", "middle")]
    return parts


def _box(scale: _Scale, values: NDArray[np.float64], middle: float, colour: int) -> list[Markup]:
    low, first, median, third, high = (scale(float(value)) for value in np.percentile(values, [5, 25, 50, 75, 95]))
    box = Markup('<rect x="{}" y="{}" width="{}" height="12" rx="2" class="box c{}"/>')
    dot = Markup('<circle cx="{}" cy="{}" r="1.6" class="dot c{}"/>')
    chosen = values[np.linspace(0, len(values) - 1, min(len(values), _MOST_POINTS)).round().astype(int)]
    # a fixed zigzag in place of chance: the same report has the same plots
    dots = [dot.format(scale(float(value)), middle + 2 * (i % 3 - 1), colour) for i, value in enumerate(chosen)]
    mean = Markup('<path d="M{} {}l4 4l-4 4l-4 -4z" class="mean"/>').format(scale(float(values.mean())), middle - 4)
    return [
        _line(low, middle, high, middle, "axis"),
        box.format(first, middle - 6, max(1.0, round(third - first, 1)), colour),
        *dots,
        _line(median, middle - 6, median, middle + 6, "median"),
        mean,
    ]


def _svg(width: float, height: float, title: str, parts: Sequence[Markup]) -> Markup:
    frame = Markup(
        '<svg viewBox="0 0 {w:.0f} {h:.0f}" width="{w:.0f}" height="{h:.0f}" role="img" aria-label="{title}">'
        "<title>{title}</title>{parts}</svg>"
    )
    return frame.format(w=width, h=height, title=title, parts=Markup("").join(parts))


def _text(x: float, y: float, text: str, anchor: str, style: str = "") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(x, y, anchor, style, text)


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>').format(x1, y1, x2, y2, style)


def _short(name: str, longest: int = _LONGEST_LABEL) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
