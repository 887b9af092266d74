"""A training run in a folder of its own: log, state, and the weights at the end.

``log.jsonl`` has one line a step, ``state.safetensors`` is what a resumed run goes on from,
``teacher-answers.bin`` holds what a student's teacher said, and ``student.safetensors`` or
``teacher.safetensors`` appears when the run is done, with its model card.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import torch
from torch import nn

from mmdrfuse import models
from mmdrfuse.atomic import writing
from mmdrfuse.errors import OutputError, TrainingError, WeightsError
from mmdrfuse.losses.features import backbone
from mmdrfuse.models.checkpoints import Checkpoint
from mmdrfuse.models.teacher import Teacher
from mmdrfuse.training import recipes, records
from mmdrfuse.training.answers import Answers
from mmdrfuse.training.heap import keep_freed_memory
from mmdrfuse.training.loop import Step, walk
from mmdrfuse.training.memory import Memory
from mmdrfuse.training.patches import Patches, check, describe
from mmdrfuse.training.recipes import Recipe
from mmdrfuse.training.records import Record
from mmdrfuse.training.starts import initial
from mmdrfuse.training.state import State
from mmdrfuse.training.supervision import Supervision
from mmdrfuse.version import __version__

LOG, STATE, ANSWERS = "log.jsonl", "state.safetensors", "teacher-answers.bin"

Module = TypeVar("Module", bound=nn.Module)


def train(
    recipe: Recipe, patches: Patches, folder: Path,
    *, teacher: Checkpoint | None = None, features_file: Path | None = None, device: str = "auto",
    card: Mapping[str, Any] = MappingProxyType({}), resume: bool = False, overwrite: bool = False,
    save_seconds: float = 300.0,
) -> Iterator[Record]:  # fmt: skip
    """Train a teacher or student, step by step as the result is walked through.

    Everything is checked and loaded before this returns. On the CPU, losses are read at every step,
    elsewhere every `records.READ_EVERY` steps and always before a save.

    On the CPU, the first step changes how the whole process allocates memory, and nothing changes it back:
    freed blocks stay with it instead of going back to the system (glibc's ``mallopt``, see
    :mod:`mmdrfuse.training.heap`), which halves the time of a step.

    Args:
        recipe: What to train and how.
        patches: What to train on.
        folder: Where log, state and weights go.
        teacher: The weights that a student is distilled from; not looked at where the recipe needs none.
        features_file: Weights of the perceptual backbone, where they are not installed.
        device: ``auto``, or a name that torch knows: ``cpu``, ``cuda``, ``mps``.
        card: More entries for the model card: what the patches were cut from, under which licence.
        resume: Go on from the folder's state; the result is the same as without the stop.
        overwrite: Begin anew where the folder holds a run.
        save_seconds: The state is saved at every epoch's end, and when so much time has gone by.

    Returns:
        The records of all steps still to do.

    Raises:
        SizeError: There are no patches, or they are smaller than `patches.SMALLEST` on a side.
        TrainingError: The teacher is missing, or the run to resume is, or is another one; or a loss is not finite.
        OutputError: The folder holds a run that may not be replaced, or cannot be written.
        WeightsError: The teacher is no teacher, or the backbone's weights cannot be had.
        MissingExtraError: The backbone is not installed.
    """
    check(patches)
    place, mentor = torch_device(device), _mentor(recipe, teacher)
    network = _placed(initial(recipe, mentor), place)
    memory = Memory(patches.shape, dtype=getattr(torch, recipe.memory), device=place)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.rate)
    features = _placed(backbone(recipe.features, file=features_file), place)
    identity = {"recipe": recipes.to_dict(recipe), "patches": describe(patches), "teacher": mentor and _who(teacher)}
    state = State(network, optimiser, memory, identity)

    start = _enter(folder, recipe, state, resume=resume, overwrite=overwrite)
    answers = None
    if mentor is not None:
        kept = folder / ANSWERS
        answers = Answers(_placed(mentor, place), kept, patches.shape, dtype=recipe.answers, resume=resume)
    supervision = Supervision(recipe, features=features, memory=memory, answers=answers)
    steps = walk(network, supervision, optimiser, patches, recipe=recipe, start=start, device=place)
    about = {"network": recipe.network, "mmdrfuse": __version__, "torch": torch.__version__, **identity, **card}
    return _kept(steps, state, folder, per_epoch=recipe.steps_per_epoch(len(patches)), seconds=save_seconds, card=about)


def torch_device(name: str) -> torch.device:
    """Give the device of that name; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        TrainingError: There is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.zeros(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was compiled with CUDA
        reason = str(error).splitlines()[0]
        raise TrainingError(f"device {name!r} cannot be used here ({reason}); try --device cpu") from error


def _mentor(recipe: Recipe, checkpoint: Checkpoint | None) -> Teacher | None:
    """Build the teacher that the recipe needs; a student without distillation may need none."""
    if recipe.start != "teacher" and not recipe.weights.distillation:
        return None
    if checkpoint is None:
        raise TrainingError("a student needs a teacher: train one with  mmdrfuse teach PATCHES.h5 -o RUN")
    network = models.build(checkpoint)
    if not isinstance(network, Teacher):
        raise WeightsError(f"{checkpoint.name}: is a student; to distil from, name a teacher's weights")
    return network


def _placed(network: Module, device: torch.device) -> Module:
    """Move to the device, with channels last in memory, which convolutions are faster at."""
    # torch documents this keyword and leaves it out of its types
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _who(teacher: Checkpoint | None) -> dict[str, str] | None:
    return None if teacher is None else {"name": teacher.name, "sha256": teacher.sha256}


def _enter(folder: Path, recipe: Recipe, state: State, *, resume: bool, overwrite: bool) -> int:
    """Make the folder ready for a new run, or for the rest of one; give the first step to do."""
    if resume:
        start = state.restore(folder / STATE)
    else:
        start = 0
        for old in (folder / STATE, folder / f"{recipe.network}.safetensors"):
            if old.exists() and not overwrite:
                raise OutputError(f"{folder}: holds a run; go on with --resume, or begin anew with --overwrite")
            if old.exists():
                old.unlink()  # what an old run left must not be taken for the new one's
    log = folder / LOG
    lines = log.read_text().splitlines()[:start] if log.exists() else []
    with writing(log) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines))
    return start


def _kept(
    steps: Iterator[Step], state: State, folder: Path,
    *, per_epoch: int, seconds: float, card: dict[str, Any],
) -> Iterator[Record]:  # fmt: skip
    """Keep log and state on the way, and the weights at the end."""
    on_cpu = next(state.network.parameters()).device.type == "cpu"
    if on_cpu:
        keep_freed_memory()
    saved = time.monotonic()
    with (folder / LOG).open("a") as log:
        for burst in records.read(steps, per_epoch=per_epoch, read_every=1 if on_cpu else records.READ_EVERY):
            log.writelines(json.dumps(asdict(record)) + "\n" for record in burst)
            done = burst[-1].step + 1
            if done % per_epoch == 0 or time.monotonic() - saved >= seconds:
                log.flush()
                state.save(folder / STATE, done)
                saved = time.monotonic()
            yield from burst
    weights = {name: tensor.cpu().numpy() for name, tensor in state.network.state_dict().items()}
    models.write(folder / f"{card['network']}.safetensors", weights, card)
