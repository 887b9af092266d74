"""What ``teach`` and ``distill`` share: their options, and the way from options to a run."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse import recipes
from mmdrfuse.cli.shared.console import warn
from mmdrfuse.cli.shared.options import ANY_PATH, Function, overwrite_option
from mmdrfuse.cli.shared.recipes import ORIGIN, needed, recipe_options, taken
from mmdrfuse.errors import OutputError
from mmdrfuse.recipes import Recipe, Resolved

if TYPE_CHECKING:
    from mmdrfuse.datasets import PatchFile
    from mmdrfuse.models.checkpoints import Checkpoint, Network
    from mmdrfuse.training import Stop, Validation

RUNS = Path("runs")
"""Where runs go that are given no place."""

OPTIONS = (
    click.argument("patches", metavar="PATCHES.h5", type=ANY_PATH, required=False),
    click.option(
        "-o", "--out", metavar="RUN", type=ANY_PATH, show_default="runs/RECIPE-NETWORK", help="Folder of the run."
    ),
    recipe_options(Recipe),
    click.option("--features-file", metavar="FILE", type=ANY_PATH, help="Weights of these features, if not installed."),
    click.option("--device", default="auto", metavar="auto|cpu|cuda|mps", help="Where to compute."),
    click.option("--threads", type=click.IntRange(1), show_default="all cores", help="Threads of torch on the CPU."),
    click.option(
        "--validate", metavar="SRC", type=ANY_PATH, multiple=True,
        help="Score the pairs below this folder after every epoch; may be given several times.",
    ),
    click.option("--validate-metrics", metavar="A,B,…", default="SD,SCD,VIF,Qabf,SSIM,CC", help="What to score."),
    click.option("--protocol", default="standard", help="Under whose convention; see  mmdrfuse eval --list"),
    click.option(
        "--stop-on", metavar="METRIC",
        help="End when this score's mean no longer gets better, with the weights of its best epoch.",
    ),
    click.option("--patience", type=click.IntRange(1), default=3, help="Epochs that --stop-on waits for a better one."),
    click.option(
        "--preview-every", metavar="N", type=click.IntRange(0), default=0, show_default="at the end",
        help="Draw preview-….png and losses.png every N epochs too.",
    ),
    click.option("--tensorboard", is_flag=True, help="Write RUN/tensorboard as well."),
    click.option(
        "--resume", is_flag=True,
        help="Go on with the run in RUN as if it had not stopped; without --recipe by the recipe that it keeps.",
    ),
    overwrite_option,
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The shared options as they came."""

    patches: Path | None
    out: Path | None
    recipe: str | None
    print_recipe: bool
    changes: dict[str, Any]
    """The recipe's fields that shall differ; None where they shall not."""
    features_file: Path | None
    device: str
    threads: int | None
    validate: tuple[Path, ...]
    validate_metrics: str
    protocol: str
    stop_on: str | None
    patience: int
    preview_every: int
    tensorboard: bool
    resume: bool
    overwrite: bool

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Settings":
        """Take what click collected."""
        return cls(changes=taken(options, Recipe), **options)


def training_options(command: Function) -> Function:
    """Give a command the arguments and options that `Settings` collects."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def settled(network: "Network", settings: Settings) -> "tuple[Resolved[Recipe], Path]":
    """Return the recipe, with the origin of its values, and the folder of the run."""
    if settings.resume and settings.overwrite:
        raise click.UsageError("--resume goes on with a run and --overwrite begins anew: choose one")
    if settings.stop_on and not settings.validate:
        raise click.UsageError("--stop-on needs pictures to score: name their folder with --validate SRC")

    def resolved(source: str | Path) -> "Resolved[Recipe]":
        return recipes.resolve_training(source, network, settings.changes, by=ORIGIN)

    found = resolved(settings.recipe or recipes.DEFAULT)
    out = settings.out or RUNS / f"{found.recipe.name}-{network}"
    kept = out / recipes.FILE
    if settings.resume and settings.recipe is None and kept.is_file():
        found = resolved(kept)
    return found, out


def train(
    settings: Settings, recipe: Recipe, out: Path, teacher: "Callable[[], Checkpoint | None]" = lambda: None
) -> Path:
    """Do a run and show it; give the file of its weights."""
    source = needed("argument 'PATCHES.h5'", settings.patches)
    import torch

    from mmdrfuse import training
    from mmdrfuse.cli.shared.live import follow
    from mmdrfuse.datasets import PatchFile
    from mmdrfuse.training.watch.tensorboard import FOLDER, require

    if settings.tensorboard:
        require()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    world = training.world()
    anew = not settings.resume and not settings.overwrite
    if settings.out is None and anew and world.first and out.exists():
        raise OutputError(f"{out}: exists; give the run another folder with -o", cure="resume")
    patches = PatchFile(source)
    watch = training.Watch(_validation(settings), _stop(settings), settings.preview_every, tell=warn)
    records = training.train(
        recipe,
        patches,
        out,
        teacher=teacher(),
        features_file=settings.features_file,
        device=settings.device,
        card={"data": _origin(patches)},
        resume=settings.resume,
        overwrite=settings.overwrite,
        watch=watch,
    )
    if settings.tensorboard and world.first:
        records = training.board(records, out / FOLDER)
    follow(records, recipe.across(world.size), len(patches), stop=watch.stop)
    return out / f"{recipe.network}.safetensors"


def _origin(patches: "PatchFile") -> dict[str, Any]:
    """Say for the model card what the patches were cut from: pairs of each layout, and how they were cut."""
    sources, used = patches.sources, sorted(set(patches.index["source"].tolist()))  # those of its split
    plain = [sources[number] for number in used if not sources[number].get("exposure")]
    pairs = Counter(str(source.get("layout", "unknown")) for source in plain)
    return {"pairs": dict(sorted(pairs.items())), "options": patches.options}


def _validation(settings: Settings) -> "Validation | None":
    """Find the pairs to validate on, and name what is in none."""
    if not settings.validate:
        return None
    from mmdrfuse import training
    from mmdrfuse.datasets import find_pairs
    from mmdrfuse.pipeline.score import labels

    sets = {}
    for name, source in zip(labels(settings.validate), settings.validate, strict=True):
        _, pairing = find_pairs(source)
        for line in (*pairing.partnerless(), *pairing.unclear()):
            warn(f"not validated on: {line}")
        sets[name] = pairing.pairs
    names = [*settings.validate_metrics.split(","), settings.stop_on or ""]
    metrics = [name.strip() for name in names if name.strip()]
    return training.Validation.of(sets, metrics=metrics, protocol=settings.protocol)


def _stop(settings: Settings) -> "Stop | None":
    """Give when to stop, the metric spelled as its table does."""
    if settings.stop_on is None:
        return None
    from mmdrfuse.metrics import find_metric, find_protocol
    from mmdrfuse.training import Stop

    return Stop(find_metric(settings.stop_on, find_protocol(settings.protocol)).name, settings.patience)
