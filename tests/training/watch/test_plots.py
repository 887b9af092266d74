"""The plot of a run: values from the log, and a plot for every kind of run."""

import json

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.errors import MissingExtraError, OutputError
from mmdrfuse.training.watch import plots

WEIGHTS = {"intensity": 2.0, "gradient": 0.1, "structure": 10.0}


@pytest.fixture
def log(tmp_path):
    """Return a function that writes a log, four steps an epoch, and returns its path."""

    def write(steps, *, scored=True, refresh=True):
        path = tmp_path / "log.jsonl"
        with path.open("w") as file:
            for step in range(steps):
                losses = {"intensity": 1 / (step + 1), "gradient": 3.0, "structure": 0.0}
                line = {"step": step, "epoch": step // 4, "losses": {**losses, "total": 1.0}, "rate": 0.1}
                line["refresh"] = {"structure_refreshed": 0.5, "structure_gap": 0.01} if refresh else {}
                if scored and step % 4 == 3:
                    overall = {"SSIM": 0.1 * step, "CE": None}
                    line["validation"] = {"overall": overall, "sets": {}, "best": 1}
                file.write(json.dumps(line) + "\n")
        return path

    return write


def test_weighted_losses_are_drawn_over_epochs(log):
    curves = plots._curves(log(8), 4, WEIGHTS)
    np.testing.assert_allclose(curves["epoch"], np.arange(1, 9) / 4)
    np.testing.assert_allclose(curves["intensity"], 2 / np.arange(1, 9))
    np.testing.assert_allclose(curves["gradient"], 0.3)
    np.testing.assert_allclose(curves["total"], 1)


def test_long_runs_are_averaged_in_groups(log, monkeypatch):
    monkeypatch.setattr(plots, "POINTS", 2)
    curves = plots._curves(log(9), 4, WEIGHTS)  # groups of four
    np.testing.assert_allclose(curves["intensity"], [2 * (1 + 1 / 2 + 1 / 3 + 1 / 4) / 4,
                                                     2 * (1 / 5 + 1 / 6 + 1 / 7 + 1 / 8) / 4, 2 / 9])  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [{"steps": 40}, {"steps": 1}, {"steps": 9, "scored": False}, {"steps": 9, "refresh": False}], ids=str
)
def test_every_kind_of_run_can_be_drawn(log, tmp_path, kind):
    plots.plot(log(**kind), tmp_path / "losses.png", title="a run", per_epoch=4, weights=WEIGHTS)
    drawn = images.read(tmp_path / "losses.png")
    assert drawn.shape[1] == 1100
    assert drawn.std() > 10


def test_the_figure_has_a_panel_for_every_quantity(log, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    plots.plot(log(40), tmp_path / "losses.png", title="a run", per_epoch=4, weights=WEIGHTS)
    (figure,) = figures
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["weighted losses", "patches no worse than before",
                      "mean gap to the best before", "learning rate", "SSIM ↑", "CE ↓"]  # fmt: skip
    assert figure.get_suptitle() == "a run; weights of epoch 1 (dashed)"
    first = figure.axes[0]
    assert first.get_yscale() == "log"
    labels = [text.get_text() for text in first.get_legend().get_texts()]
    assert labels == ["2 × intensity", "0.1 × gradient", "10 × structure", "total"]
    assert all(axes.get_xlabel() == "epoch" for axes in figure.axes)


def test_a_missing_matplotlib_is_named_with_its_extra(monkeypatch):
    plots.require()
    monkeypatch.setattr(plots.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"the plot of the losses needs matplotlib: .* extra \[plots\]"):
        plots.require()


def test_a_place_that_cannot_be_written_is_named(log, tmp_path):
    with pytest.raises(OutputError, match=r"log\.jsonl/losses\.png: cannot be written"):
        plots.plot(log(4), log(4) / "losses.png", title="", per_epoch=4, weights=WEIGHTS)
