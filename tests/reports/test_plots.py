"""Plots are well-formed SVG, hold the numbers, and escape the names."""

import math
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from mmdrfuse.pipeline.score.comparison import ranking
from mmdrfuse.reports import plots

NAMES = ("<b>&", "second", "a name that is far too long for a label")
SVG = "{http://www.w3.org/2000/svg}"


def drawn(markup):
    """Return the elements of a plot by name, and its texts."""
    root = ET.fromstring(str(markup))
    return root, [element.text for element in root.iter("text")]


def test_the_heat_map_is_darkest_for_the_best():
    root, texts = drawn(plots.heat_map(NAMES, ["SD"], [[1], [3], [None]]))
    shades = [float(cell.get("fill-opacity")) for cell in root.iter("rect")]
    assert shades == [0.96, 0.06, 0.06]
    assert texts[:3] == ["SD", "<b>&", "1"]
    assert texts[-1] == "–"


def test_a_distribution_shows_quartiles_in_their_order(rng):
    root, texts = drawn(plots.distribution("SD", [(NAMES[0], rng.normal(size=200)), (NAMES[1], np.array([math.nan]))]))
    (box,) = root.iter("rect")  # the second has no value
    (median,) = (line for line in root.iter("line") if line.get("class") == "median")
    left = float(box.get("x"))
    assert left < float(median.get("x1")) < left + float(box.get("width"))
    assert len(list(root.iter("circle"))) == 60
    assert "<b>&" in texts


def test_a_distribution_of_nothing_says_so():
    _, texts = drawn(plots.distribution("PSNR", [("a", np.array([math.inf, math.nan]))]))
    assert texts == ["no value"]


def test_the_critical_difference_joins_what_is_not_told_apart(rng):
    values = np.array([[3.0] * 9, [3.0] * 9, [1.0] * 9]) + rng.normal(0, 1e-3, (3, 9))
    found = ranking(values, higher_is_better=True)
    root, texts = drawn(plots.critical_difference("SD", NAMES, found))
    bars = [line for line in root.iter("line") if line.get("class") == "bar"]
    assert len(bars) == 1 + len(found.groups())
    assert f"second {found.mean_ranks[1]:.2f}" in texts
    assert f"CD {found.critical_difference:.2f}" in texts


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-3, 7, [-2, 0, 2, 4, 6]), (0.4, 1.46, [0.4, 0.6, 0.8, 1, 1.2, 1.4])],
)
def test_ticks_are_round(low, high, expected):
    assert plots.ticks(low, high) == pytest.approx(expected)


def test_ticks_of_one_value_are_that_value():
    assert plots.ticks(5, 5) == [5]
