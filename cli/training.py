"""What ``teach`` and ``distill`` share: their options, the way from options to a run, and the view of it."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.common import ANY_PATH, Command, messages, overwrite_option

if TYPE_CHECKING:
    from rich.console import Console

    from mmdrfuse.datasets import PatchFile
    from mmdrfuse.models.checkpoints import Checkpoint, Network
    from mmdrfuse.training import Recipe, Record

RECIPES = ("default", "paper")
FEATURES = ("vgg19", "efficientnet-lite0", "none")

OPTIONS = (
    click.argument("patches", metavar="PATCHES.h5", type=ANY_PATH),
    click.option("-o", "--out", metavar="RUN", type=ANY_PATH, required=True, help="Folder of the run."),
    click.option(
        "--recipe",
        type=click.Choice(RECIPES),
        default="default",
        help="The published method to the letter, or what proved sounder.",
    ),
    click.option("--epochs", type=click.IntRange(1), show_default="recipe's", help="Visits of every patch."),
    click.option("--batch", type=click.IntRange(1), show_default="recipe's", help="Patches a step."),
    click.option(
        "--rate", type=click.FloatRange(0, min_open=True), show_default="recipe's", help="Highest learning rate."
    ),
    click.option(
        "--features",
        type=click.Choice(FEATURES),
        show_default="recipe's",
        help="Whose features the perceptual losses compare.",
    ),
    click.option("--features-file", metavar="FILE", type=ANY_PATH, help="Weights of these features, if not installed."),
    click.option("--seed", type=click.IntRange(0), default=0, help="Of weights, order and mirroring."),
    click.option("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or mps."),
    click.option("--threads", type=click.IntRange(1), show_default="all cores", help="Threads of torch on the CPU."),
    click.option("--resume", is_flag=True, help="Go on with the run in RUN as if it had not stopped."),
    overwrite_option,
)


@dataclass(frozen=True)
class Settings:
    """The shared options as they came."""

    patches: Path
    out: Path
    recipe: str
    epochs: int | None
    batch: int | None
    rate: float | None
    features: str | None
    features_file: Path | None
    seed: int
    device: str
    threads: int | None
    resume: bool
    overwrite: bool


def training_options(command: Command) -> Command:
    """Give a command the arguments and options that `Settings` collects."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def train(network: "Network", settings: Settings, teacher: "Checkpoint | None" = None) -> Path:
    """Do a run and show it; give the file of its weights."""
    if settings.resume and settings.overwrite:
        raise click.UsageError("--resume goes on with a run and --overwrite begins anew: choose one")
    if settings.rate is not None and math.isnan(settings.rate):
        raise click.UsageError("--rate must be a number, not nan")
    import torch

    from mmdrfuse import training
    from mmdrfuse.datasets import PatchFile

    if settings.threads:
        torch.set_num_threads(settings.threads)
    changes = {name: getattr(settings, name) for name in ("epochs", "batch", "rate", "features", "seed")}
    recipe = training.recipe(settings.recipe, network, **changes)
    patches = PatchFile(settings.patches)
    records = training.train(
        recipe,
        patches,
        settings.out,
        teacher=teacher,
        features_file=settings.features_file,
        device=settings.device,
        card={"data": _origin(patches)},
        resume=settings.resume,
        overwrite=settings.overwrite,
    )
    _follow(records, recipe, len(patches))
    return settings.out / f"{network}.safetensors"


def _origin(patches: "PatchFile") -> dict[str, Any]:
    """Say for the model card what the patches were cut from: pairs of each layout, and how they were cut."""
    pairs = Counter(str(source["layout"]) for source in patches.sources)
    return {"pairs": dict(sorted(pairs.items())), "options": patches.options}


def _follow(records: "Iterator[Record]", recipe: "Recipe", count: int) -> None:
    """Show each step on a terminal, and each epoch's means everywhere."""
    console, per_epoch, means = messages(), recipe.steps_per_epoch(count), _Means()
    console.print(
        f"{recipe.network}, recipe {recipe.name}: {_counted(recipe.epochs, 'epoch', 'epochs')} of "
        f"{_counted(count, 'patch', 'patches')}, "
        f"features {recipe.features}, seed {recipe.seed}"
    )
    with _steps(recipe.network, recipe.steps(count), console) as show:
        for record in records:
            means.add(record)
            show(record)
            if (record.step + 1) % per_epoch == 0:
                console.print(f"epoch {record.epoch + 1}/{recipe.epochs}: {means}")
                means = _Means()


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


@contextmanager
def _steps(title: str, total: int, console: "Console") -> "Iterator[Callable[[Record], None]]":
    """Show progress in steps on a terminal: speed, losses, time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=total, losses="")

        def show(record: "Record") -> None:
            speed = f"{record.patches / record.seconds:.0f} patches/s"
            bar.update(task, completed=record.step + 1, losses=f"{speed}  {_text(record.losses)}")

        yield show


class _Means:
    """The means of an epoch's losses over its patches, and its speed."""

    def __init__(self) -> None:
        self.sums: defaultdict[str, float] = defaultdict(float)
        self.patches, self.seconds = 0, 0.0

    def add(self, record: "Record") -> None:
        for name, value in record.losses.items():
            self.sums[name] += value * record.patches
        self.patches += record.patches
        self.seconds += record.seconds

    def __str__(self) -> str:
        means = {name: value / self.patches for name, value in self.sums.items()}
        return f"{_text(means)}, {self.patches / self.seconds:.0f} patches/s"


def _text(losses: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3g}" for name, value in sorted(losses.items(), key=_total_first))


def _total_first(item: tuple[str, float]) -> tuple[bool, str]:
    return item[0] != "total", item[0]
