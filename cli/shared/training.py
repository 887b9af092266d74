"""The options that ``teach`` and ``distill`` share, and the training run that follows from them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse import recipes
from mmdrfuse.cli.shared.console import warn
from mmdrfuse.cli.shared.options import ANY_PATH, EXISTING_FILE, Function, overwrite_option
from mmdrfuse.cli.shared.recipes import ORIGIN, pop_fields, recipe_options, require_argument
from mmdrfuse.errors import OutputError
from mmdrfuse.recipes import Recipe, Resolved

if TYPE_CHECKING:
    from mmdrfuse.datasets import PatchFile
    from mmdrfuse.models.checkpoints import Checkpoint, Network
    from mmdrfuse.training import EarlyStopping, Validation

RUNS = Path("runs")
"""Folder of the runs that are given no folder."""

OPTIONS = (
    click.argument("patches", metavar="PATCHES.h5", type=ANY_PATH, required=False),
    click.option(
        "-o", "--out", metavar="RUN", type=ANY_PATH, show_default="runs/RECIPE-NETWORK",
        help="Folder for the run's files.",
    ),
    recipe_options(Recipe),
    click.option(
        "--features-file", metavar="FILE", type=ANY_PATH,
        help="File of the weights that --features needs, if they are not installed.",
    ),
    click.option("--device", default="auto", metavar="auto|cpu|cuda|mps", help="Where to compute."),
    click.option(
        "--threads", metavar="N", type=click.IntRange(1), show_default="all cores", help="Threads of torch on the CPU."
    ),
    click.option(
        "--validate", metavar="SRC", type=ANY_PATH, multiple=True,
        help="Score the pairs of this set after every epoch. You can give it several times.",
    ),
    click.option(
        "--rig", type=EXISTING_FILE, metavar="FILE",
        help="The rig of the cameras of --validate, if they are not aligned, as `mmdrfuse align` finds it.",
    ),
    click.option(
        "--validate-metrics", metavar="A,B,…", default="SD,SCD,VIF,Qabf,SSIM,CC",
        help="Metrics that --validate computes.",
    ),
    click.option(
        "--protocol", metavar="NAME", default="standard",
        help="Whose conventions --validate follows; `mmdrfuse eval --list` shows the protocols.",
    ),
    click.option(
        "--stop-on", metavar="METRIC",
        help="Stop when the mean of this metric no longer gets better, and use the weights of its best epoch.",
    ),
    click.option(
        "--patience", metavar="N", type=click.IntRange(1), default=3,
        help="Epochs that --stop-on waits for a better score.",
    ),
    click.option(
        "--preview-every", metavar="N", type=click.IntRange(0), default=0, show_default="at the end only",
        help="Draw preview-….png and losses.png every N epochs.",
    ),
    click.option("--tensorboard", is_flag=True, help="Write logs for TensorBoard to RUN/tensorboard as well."),
    click.option(
        "--resume", is_flag=True,
        help="Go on with the interrupted run in RUN; the weights come out the same. Without --recipe it uses the "
        "recipe in RUN.",
    ),
    overwrite_option,
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The values of the shared options."""

    patches: Path | None
    out: Path | None
    recipe: str | None
    print_recipe: bool
    changes: dict[str, Any]
    """New values for the recipe's fields; None for those that stay."""
    features_file: Path | None
    device: str
    threads: int | None
    validate: tuple[Path, ...]
    rig: Path | None
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
        """Make settings of the options that click collected."""
        return cls(changes=pop_fields(options, Recipe), **options)


def training_options(command: Function) -> Function:
    """Add the arguments and options of `Settings` to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def resolve_settings(network: "Network", settings: Settings) -> "tuple[Resolved[Recipe], Path]":
    """Return the recipe, with the origin of its values, and the folder of the run."""
    if settings.resume and settings.overwrite:
        raise click.UsageError("--resume goes on with a run, and --overwrite starts over: choose one")
    if settings.stop_on and not settings.validate:
        raise click.UsageError("--stop-on needs pairs to score: name their folder with --validate SRC")

    def resolve(source: str | Path) -> "Resolved[Recipe]":
        return recipes.resolve_training(source, network, settings.changes, by=ORIGIN)

    resolved = resolve(settings.recipe or recipes.DEFAULT)
    out = settings.out or RUNS / f"{resolved.recipe.name}-{network}"
    saved_recipe = out / recipes.FILE
    if settings.resume and settings.recipe is None and saved_recipe.is_file():
        resolved = resolve(saved_recipe)
    return resolved, out


def train(
    settings: Settings, recipe: Recipe, out: Path, teacher: "Callable[[], Checkpoint | None]" = lambda: None
) -> Path:
    """Train, show the progress, and return the file of the weights."""
    source = require_argument("argument 'PATCHES.h5'", settings.patches)
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
        raise OutputError(f"{out}: exists already; name another folder with -o", cure="resume")
    patches = PatchFile(source)
    watch = training.Watch(_validation(settings), _stop(settings), settings.preview_every, warn=warn)
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
        records = training.write_tensorboard(records, out / FOLDER)
    follow(records, recipe.for_processes(world.size), len(patches), stop=watch.stop)
    return out / f"{recipe.network}.safetensors"


def _origin(patches: "PatchFile") -> dict[str, Any]:
    """Return, for the model card, the number of pairs of each layout and the options that cut them."""
    sources = patches.sources
    used = sorted(set(patches.index["source"].tolist()))  # those of its split only
    plain = [sources[number] for number in used if not sources[number].get("exposure")]
    pairs = Counter(str(source.get("layout", "unknown")) for source in plain)
    return {"pairs": dict(sorted(pairs.items())), "options": patches.options}


def _validation(settings: Settings) -> "Validation | None":
    """Find the pairs to validate on, and report the pictures that are in no pair."""
    if not settings.validate:
        return None
    from mmdrfuse import training
    from mmdrfuse.datasets import find_pairs
    from mmdrfuse.pair import Preparation
    from mmdrfuse.pipeline.score import folder_names

    preparation = Preparation.cropped_onto(settings.rig)
    sets = {}
    for name, source in zip(folder_names(settings.validate), settings.validate, strict=True):
        _, pairing = find_pairs(source)
        for line in (*pairing.orphan_lines(), *pairing.ambiguous_lines()):
            warn(f"not validated on: {line}")
        sets[name] = [replace(pair, preparation=preparation) for pair in pairing.pairs]
    names = [*settings.validate_metrics.split(","), settings.stop_on or ""]
    metrics = [name.strip() for name in names if name.strip()]
    return training.Validation.of(sets, metrics=metrics, protocol=settings.protocol)


def _stop(settings: Settings) -> "EarlyStopping | None":
    """Return when to stop, with the metric's name as its table spells it."""
    if settings.stop_on is None:
        return None
    from mmdrfuse.metrics import find_metric, find_protocol
    from mmdrfuse.training import EarlyStopping

    return EarlyStopping(find_metric(settings.stop_on, find_protocol(settings.protocol)).name, settings.patience)
