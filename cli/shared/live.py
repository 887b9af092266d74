"""The view of a training run: a block that stays in its place on a terminal, and one line an epoch everywhere."""

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
    from mmdrfuse.training import Recipe, Record, Stop
    from mmdrfuse.training.watch.validation import Means, Scores


def follow(records: "Iterable[Record]", recipe: "Recipe", count: int, *, stop: "Stop | None" = None) -> None:
    """Show a run while walking through it.

    Args:
        records: Of the run.
        recipe: Of the run.
        count: Patches there are.
        stop: What may end it early.
    """
    console, view, per_epoch = messages(), View(recipe, count), recipe.steps_per_epoch(count)
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
    """One epoch so far: the means over its patches, its speed, and where it stands."""

    def __init__(self, number: int = 0) -> None:
        self.number, self.step, self.rate, self.terms = number, 0, 0.0, list[str]()
        self.sums: defaultdict[str, float] = defaultdict(float)
        self.patches, self.seconds = 0, 0.0

    def add(self, record: "Record") -> None:
        """Count a step in."""
        for name, value in (*record.losses.items(), *record.refresh.items()):
            self.sums[name] += value * record.patches
        self.terms = sorted(record.losses, key=lambda name: (name != "total", name))
        self.step, self.rate = record.step + 1, record.rate
        self.patches += record.patches
        self.seconds += record.seconds

    def mean(self, name: str) -> float:
        """Give the mean of a loss, or of what happened to the refresh memory."""
        return self.sums[name] / self.patches

    @property
    def speed(self) -> str:
        """Patches a second, in words."""
        return f"{self.patches / self.seconds:.0f} patches/s"


class View:
    """What is known of a run, for rich to draw whenever it likes.

    Args:
        recipe: Of the run.
        count: Patches there are.
    """

    def __init__(self, recipe: "Recipe", count: int) -> None:
        self.recipe, self.weights, self.steps = recipe, asdict(recipe.weights), recipe.steps(count)
        self.epoch = Epoch()
        self.scores: tuple[int, Scores] | None = None
        self.bar = Progress(BarColumn(bar_width=20), TextColumn("{task.percentage:.0f} %"), TimeRemainingColumn())
        self.task = self.bar.add_task("", total=self.steps)

    def add(self, record: "Record") -> None:
        """Take in a step."""
        number = record.epoch + 1
        epoch = self.epoch if self.epoch.number == number else Epoch(number)
        epoch.add(record)
        self.epoch = epoch
        if record.validation:
            self.scores = number, record.validation
        self.bar.update(self.task, completed=epoch.step)

    def line(self) -> str:
        """Sum the epoch up in one line."""
        epoch = self.epoch
        means = "  ".join(f"{name} {epoch.mean(name):.3g}" for name in epoch.terms)
        told = f"epoch {epoch.number}/{self.recipe.epochs}: {means}, {epoch.speed}"
        if self.scores and self.scores[0] == epoch.number:
            told += f"; {_means(self.scores[1].overall)}"
        return told

    def __rich__(self) -> RenderableType:
        """Draw: within 80 columns and about 10 lines."""
        epoch, network = self.epoch, self.recipe.network
        if not epoch.patches:
            return Text(f"{network}: getting started …")
        head = Table.grid(padding=(0, 2))
        where = f"{network}  epoch {epoch.number}/{self.recipe.epochs}  step {epoch.step}/{self.steps}"
        head.add_row(Text(where, style="bold"), self.bar)
        return Group(head, self._numbers(epoch), *self._validation())

    def _numbers(self, epoch: Epoch) -> Table:
        """Lay out each term with what it counts, and beside it how the outputs compare with their past."""
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
        for one, other in zip_longest([("mean so far", "value", "share"), *left], [blank, *right], fillvalue=blank):
            table.add_row(*one, "", *other)
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
        return [Text(line) for line in (*lines, *(f"  {name}: {_means(means, digits=3)}" for name, means in sets))]


def _means(means: "Means", *, digits: int = 4) -> str:
    return "  ".join(f"{metric} {'–' if mean is None else f'{mean:.{digits}g}'}" for metric, mean in means.items())


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
