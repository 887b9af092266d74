"""What ``teach`` and ``distill`` share: their options, and the way from options to a run."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.common import ANY_PATH, Function, overwrite_option, warn

if TYPE_CHECKING:
    from mmdrfuse.datasets import PatchFile
    from mmdrfuse.models.checkpoints import Checkpoint, Network
    from mmdrfuse.training import Stop, Validation

RECIPES = ("default", "paper")

RECIPE_OPTIONS = {
    "epochs": (click.IntRange(1), "Visits of every patch."),
    "batch": (click.IntRange(1), "Patches a step, of each process."),
    "rate": (click.FloatRange(0, min_open=True), "Highest learning rate."),
    "schedule": (click.Choice(("constant", "cosine")), "How the rate goes on."),
    "start": (click.Choice(("random", "teacher", "max")), "First weights; teacher: the student's last layer."),
    "features": (
        click.Choice(("vgg19", "efficientnet-lite0", "none")), "Whose features the perceptual losses compare."
    ),
    "refresh": (click.Choice(("sample", "batch")), "Who is judged better or worse than the past; batch as published."),
    "norm": (click.Choice(("sample", "batch")), "What distillation scales to length 1; batch as published."),
    "memory": (click.Choice(("uint8", "float16", "float32")), "How remembered outputs are kept."),
    "answers": (click.Choice(("float16", "float32")), "How the frozen networks' answers are kept."),
    "cache": (click.FloatRange(0), "Room for these answers in RUN, in GB."),
    "seed": (click.IntRange(0), "Of weights, order and mirroring."),
}  # fmt: skip
SWITCHES = {
    "flips": "Mirror batches at random.",
    "amp": "Do the convolutions in bfloat16.",
    "compile": "Let torch compile the network.",
}
"""The fields of a recipe: each has its option, which changes it."""


def _weights(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, float]:
    """Read TERM=VALUE, several times."""
    found = {}
    for entry in given:
        term, _, value = entry.partition("=")
        try:
            found[term] = float(value)
        except ValueError as error:
            raise click.BadParameter(f"{entry!r}: write a term and a number, such as distillation=0") from error
    return found


OPTIONS = (
    click.argument("patches", metavar="PATCHES.h5", type=ANY_PATH),
    click.option("-o", "--out", metavar="RUN", type=ANY_PATH, required=True, help="Folder of the run."),
    click.option(
        "--recipe",
        type=click.Choice(RECIPES),
        default="default",
        help="The published method to the letter, or what proved sounder.",
    ),
    *(
        click.option(f"--{name}", type=kind, show_default="recipe's", help=text)
        for name, (kind, text) in RECIPE_OPTIONS.items()
    ),
    *(
        click.option(f"--{name}/--no-{name}", default=None, show_default="recipe's", help=text)
        for name, text in SWITCHES.items()
    ),
    click.option(
        "--weight", "weights", metavar="TERM=VALUE", multiple=True, callback=_weights, show_default="recipe's",
        help="What a term of the loss counts, 0 to leave it out; may be given several times.",
    ),
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
    click.option("--resume", is_flag=True, help="Go on with the run in RUN as if it had not stopped."),
    overwrite_option,
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The shared options as they came."""

    patches: Path
    out: Path
    recipe: str
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
        changes = {name: options.pop(name) for name in (*RECIPE_OPTIONS, *SWITCHES, "weights")}
        return cls(changes=changes, **options)


def training_options(command: Function) -> Function:
    """Give a command the arguments and options that `Settings` collects."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def train(network: "Network", settings: Settings, teacher: "Checkpoint | None" = None) -> Path:
    """Do a run and show it; give the file of its weights."""
    if settings.resume and settings.overwrite:
        raise click.UsageError("--resume goes on with a run and --overwrite begins anew: choose one")
    if settings.stop_on and not settings.validate:
        raise click.UsageError("--stop-on needs pictures to score: name their folder with --validate SRC")
    for name in ("rate", "cache"):
        if math.isnan(settings.changes[name] or 0):
            raise click.UsageError(f"--{name} must be a number, not nan")
    import torch

    from mmdrfuse import training
    from mmdrfuse.cli.live import follow
    from mmdrfuse.datasets import PatchFile
    from mmdrfuse.training.board import FOLDER, require

    if settings.tensorboard:
        require()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    world = training.world()
    recipe = training.recipe(settings.recipe, network, **settings.changes)
    patches = PatchFile(settings.patches)
    watch = training.Watch(_validation(settings), _stop(settings), settings.preview_every, tell=warn)
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
        watch=watch,
    )
    if settings.tensorboard and world.first:
        records = training.board(records, settings.out / FOLDER)
    follow(records, recipe.across(world.size), len(patches), stop=watch.stop)
    return settings.out / f"{network}.safetensors"


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
