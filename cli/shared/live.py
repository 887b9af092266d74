"""Show a training run: a block on a terminal that is redrawn in place, and a line for each epoch everywhere."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from mmdrfuse.cli.shared.console import messages

if TYPE_CHECKING:
    from mmdrfuse.training import EarlyStopping, Recipe, Record
    from mmdrfuse.training.watch.validation import Means, Scores


def follow(records: "Iterable[Record]", recipe: "Recipe", count: int, *, stop: "EarlyStopping | None" = None) -> None:
    """Iterate over a run's records, which is what makes it train, and show its progress.

    Args:
        records: The run's records, one a step.
        recipe: The run's recipe.
        count: Number of patches.
        stop: The rule for early stopping; None for none.
    """
    console = messages()
    view = View(recipe, count)
    per_epoch = recipe.steps_per_epoch(count)
    console.print(
        f"{recipe.network}, recipe {recipe.name}: {_counted(recipe.epochs, 'epoch', 'epochs')} of "
        f"{_counted(count, 'patch', 'patches')}, "
        f"features {recipe.features}, seed {recipe.seed}"
    )
    with Live(view, console=console, transient=True) if console.is_terminal else nullcontext():
        for record in records:
            view.add(record)
            if (record.step + 1) % per_epoch == 0:
                console.print(view.line())
    if stop and view.scores and view.scores[1].best:
        early = "stopped early; " if view.epoch.number < recipe.epochs else ""
        console.print(f"{early}the weights are those of epoch {view.scores[1].best}, the best in {stop.metric}")


class Epoch:
    """One epoch so far: the means over its patches, its speed, its last step and learning rate."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.step = 0
        self.rate = 0.0
        self.terms: list[str] = []
        self.sums: defaultdict[str, float] = defaultdict(float)
        self.patches = 0
        self.seconds = 0.0

    def add(self, record: "Record") -> None:
        """Add a step."""
        for name, value in (*record.losses.items(), *record.refresh.items()):
            self.sums[name] += value * record.patches
        self.terms = sorted(record.losses, key=lambda name: (name != "total", name))
        self.step = record.step + 1
        self.rate = record.rate
        self.patches += record.patches
        self.seconds += record.seconds

    def mean(self, name: str) -> float:
        """Return the mean of a loss, or of a figure of the refresh memory, over the epoch's patches."""
        return self.sums[name] / self.patches

    @property
    def speed(self) -> str:
        """Patches per second, with the unit."""
        return f"{self.patches / self.seconds:.0f} patches/s"


class View:
    """The state of a run, which rich draws a few times a second.

    Args:
        recipe: The run's recipe.
        count: Number of patches.
    """

    def __init__(self, recipe: "Recipe", count: int) -> None:
        self.recipe = recipe
        self.weights = asdict(recipe.weights)
        self.steps = recipe.steps(count)
        self.epoch = Epoch()
        self.scores: tuple[int, Scores] | None = None
        self.bar = Progress(BarColumn(bar_width=20), TextColumn("{task.percentage:.0f} %"), TimeRemainingColumn())
        self.task = self.bar.add_task("", total=self.steps)

    def add(self, record: "Record") -> None:
        """Add a step."""
        number = record.epoch + 1
        epoch = self.epoch if self.epoch.number == number else Epoch(number)
        epoch.add(record)
        self.epoch = epoch
        if record.validation:
            self.scores = number, record.validation
        self.bar.update(self.task, completed=epoch.step)

    def line(self) -> str:
        """Return a line that sums up the epoch."""
        epoch = self.epoch
        means = "  ".join(f"{name} {epoch.mean(name):.3g}" for name in epoch.terms)
        line = f"epoch {epoch.number}/{self.recipe.epochs}: {means}, {epoch.speed}"
        if self.scores and self.scores[0] == epoch.number:
            line += f"; {_means(self.scores[1].overall)}"
        return line

    def __rich__(self) -> RenderableType:
        """Return what rich draws: 80 columns and about 10 lines at most."""
        epoch = self.epoch
        network = self.recipe.network
        if not epoch.patches:
            return Text(f"{network}: getting started …")
        head = Table.grid(padding=(0, 2))
        progress = f"{network}  epoch {epoch.number}/{self.recipe.epochs}  step {epoch.step}/{self.steps}"
        head.add_row(Text(progress, style="bold"), self.bar)
        return Group(head, self._numbers(epoch), *self._validation())

    def _numbers(self, epoch: Epoch) -> Table:
        """Lay out each loss term and its share of the total; beside it, rate, speed and the refresh memory."""
        left = [
            (name, f"{epoch.mean(name):.3g}", "" if name == "total" else f"{self._share(epoch, name):.0%}")
            for name in epoch.terms
        ]
        right = [("learning rate", f"{epoch.rate:.2e}", ""), ("speed", epoch.speed, ""), ("", "", "")]
        right += [("refresh", "no worse", "mean gap")] if "structure_gap" in epoch.sums else []
        right += [
            (f"  {name}", f"{epoch.mean(f'{name}_refreshed'):.0%}", f"{epoch.mean(f'{name}_gap'):.2g}")
            for name in ("structure", "detail")
            if f"{name}_gap" in epoch.sums
        ]
        table = Table.grid(padding=(0, 2))
        for justify in ("left", "right", "right", "left", "left", "right", "right"):
            table.add_column(justify=justify, no_wrap=True)
        blank = ("", "", "")
        left = [("mean so far", "value", "share"), *left]
        right = [blank, *right]
        for left_cells, right_cells in zip_longest(left, right, fillvalue=blank):
            table.add_row(*left_cells, "", *right_cells)
        return table

    def _share(self, epoch: Epoch, name: str) -> float:
        total = epoch.mean("total")
        return self.weights[name] * epoch.mean(name) / total if total else 0.0

    def _validation(self) -> list[Text]:
        if self.scores is None:
            return []
        number, scores = self.scores
        sets = scores.sets.items() if len(scores.sets) > 1 else ()
        lines = [f"after epoch {number}: {_means(scores.overall, digits=3)}"]
        lines += [f"  {name}: {_means(means, digits=3)}" for name, means in sets]
        return [Text(line) for line in lines]


def _means(means: "Means", *, digits: int = 4) -> str:
    return "  ".join(f"{metric} {'–' if mean is None else f'{mean:.{digits}g}'}" for metric, mean in means.items())


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
