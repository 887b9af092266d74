"""A training run in a folder of its own: log, state, and the weights at the end.

``recipe.yaml`` is what the run follows, ``log.jsonl`` has one line a step. ``state.safetensors`` and
``memory-STEP.safetensors`` (with ``memory.bin`` for remembered outputs that do not fit in memory) are what a resumed
run goes on from, and ``teacher-answers.bin``, ``source-features.bin`` and ``fidelity-goals.bin`` hold what never
changes. When the run is done, ``student.safetensors`` or ``teacher.safetensors`` appears, with its model card, and of
these files only recipe, log and state stay. Of several processes (see :mod:`mmdrfuse.training.parallel`), each but the
first has a folder ``process-RANK`` within for what is its own.
"""

import contextlib
import json
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import torch
from torch import nn

from mmdrfuse import models
from mmdrfuse.errors import OutputError, TrainingError, WeightsError
from mmdrfuse.losses.backbones import backbone
from mmdrfuse.models.checkpoints import Checkpoint
from mmdrfuse.models.teacher import Teacher
from mmdrfuse.recipes import FILE, Recipe, dump
from mmdrfuse.system.atomic import append, clear_abandoned, write_error, writing
from mmdrfuse.system.malloc import keep_freed_memory
from mmdrfuse.training import parallel, records, state
from mmdrfuse.training.frozen import ANSWERS, FEATURES, GOALS, frozen_answers
from mmdrfuse.training.initial import initial
from mmdrfuse.training.loop import Step, walk
from mmdrfuse.training.memory import MAPPED, PARTS, Memory
from mmdrfuse.training.parallel import ALONE, World, together
from mmdrfuse.training.patches import Patches, Share, check, describe
from mmdrfuse.training.precision import Mixed, compiled
from mmdrfuse.training.records import Record
from mmdrfuse.training.state import State
from mmdrfuse.training.supervision import Supervision
from mmdrfuse.training.watch.tensorboard import EVENTS
from mmdrfuse.training.watch.watcher import NOTHING, Watch, Watcher
from mmdrfuse.version import __version__

LOG, STATE = "log.jsonl", "state.safetensors"

ON_THE_WAY = (GOALS, ANSWERS, FEATURES, MAPPED, PARTS)
"""What each process has in its folder as long as there are steps to do: gigabytes, perhaps."""

Module = TypeVar("Module", bound=nn.Module)


@together()
def train(
    recipe: Recipe, patches: Patches, folder: Path,
    *, teacher: Checkpoint | None = None, features_file: Path | None = None, device: str = "auto",
    card: Mapping[str, Any] = MappingProxyType({}), resume: bool = False, overwrite: bool = False,
    save_seconds: float = 300.0, watch: Watch = NOTHING,
) -> Iterator[Record]:  # fmt: skip
    """Train a teacher or student, step by step as the result is walked through.

    Everything is checked and loaded before this returns. On the CPU, losses are read at every step,
    elsewhere every `records.READ_EVERY` steps and always before a save.

    On the CPU, the first step changes how the whole process allocates memory, and nothing changes it back:
    freed blocks stay with it instead of going back to the system (glibc's ``mallopt``, see
    :mod:`mmdrfuse.system.malloc`), which halves the time of a step.

    Args:
        recipe: What to train and how; its batch is that of each process.
        patches: What to train on.
        folder: Where log, state and weights go.
        teacher: The weights that a student is distilled from; not looked at where the recipe needs none.
        features_file: Weights of the perceptual backbone, where they are not installed.
        device: ``auto``, or a name that torch knows: ``cpu``, ``cuda``, ``mps``; a resumed run keeps to its kind.
        card: More entries for the model card: what the patches were cut from, under which licence.
        resume: Go on from the folder's state, if one was saved; the result is the same as without the stop.
        overwrite: Begin anew where the folder holds a run.
        save_seconds: The state is saved at every epoch's end, and when so much time has gone by.
        watch: What to look at after every epoch: scores on whole pairs, a reason to stop early, pictures.

    Returns:
        The records of all steps still to do; none where a run that is resumed was done.

    Raises:
        SizeError: There are no patches, or they are smaller than `patches.SMALLEST` on a side.
        TrainingError: The teacher is missing, the run to resume is another one, or a loss is not finite.
        OutputError: The folder holds a run that may not be replaced, or cannot be written.
        WeightsError: The teacher is no teacher, or the backbone's weights cannot be had.
        MissingExtraError: The backbone is not installed.
    """
    check(patches)
    world = parallel.world()
    place, mentor = torch_device(device, world), _mentor(recipe, teacher)
    network = _placed(initial(recipe, mentor), place)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.rate)
    features = _hastened(_placed(backbone(recipe.features, file=features_file), place), recipe, place)
    identity = {
        "recipe": asdict(recipe), "patches": describe(patches), "teacher": mentor and _who(teacher),
        "device": place.type, "processes": world.size, "stop": watch.identity(),
    }  # fmt: skip
    saved = state.read(folder / STATE, identity) if resume else None
    if resume and saved is None and world.first:
        watch.tell(f"{folder}: nothing was saved here yet, so the run begins anew")

    whole = recipe.across(world.size)
    watcher = Watcher(watch if world.first else NOTHING, network, patches, recipe=whole, folder=folder, device=place)
    world.join(place)
    if world.first:
        _enter(folder, recipe, saved, overwrite=overwrite)
        watcher.begin(folder / LOG)
    world.meet()
    per_epoch, start = whole.steps_per_epoch(len(patches)), saved.step if saved else 0
    about = {"network": recipe.network, "mmdrfuse": __version__, "torch": torch.__version__, **identity, **card}
    if saved is not None and world.follow(start == whole.steps(len(patches)) or watcher.due, place):
        network.load_state_dict(saved.network)
        _finish(watcher, world, folder, about)
        return iter(())
    own, share = world.folder(folder), Share(patches, first=world.rank, every=world.size)
    _make(own)
    memory = Memory(
        share.shape, dtype=getattr(torch, recipe.memory), device=place, folder=own, resume=saved is not None
    )
    frozen = frozen_answers(
        recipe, own, share.shape,
        teacher=mentor and _placed(mentor, place), features=features, device=place, resume=saved is not None,
    )  # fmt: skip
    kept = State(network, optimiser, memory, identity, world)
    if saved is not None:
        kept.restore(saved)

    supervision = Supervision(recipe, features=features, memory=memory, frozen=frozen)
    learner = _hastened(network, recipe, place)
    if recipe.compile:
        compiled(learner, (recipe.batch, *patches.shape[1:]), place)
    steps = walk(world.wrap(learner), supervision, optimiser, share, recipe=whole, start=start, device=place)
    return _kept(steps, kept, watcher, folder, per_epoch=per_epoch, seconds=save_seconds, card=about)


def torch_device(name: str, world: World = ALONE) -> torch.device:
    """Give the device of that name; ``auto`` takes CUDA, then MPS, then the CPU.

    Args:
        name: The device's; ``cuda`` is the one that has this process's number on its machine.
        world: This process.

    Raises:
        TrainingError: There is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{world.local}"
    try:
        return torch.zeros(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was compiled with CUDA
        reason = str(error).splitlines()[0]
        raise TrainingError(f"device {name!r} cannot be used here ({reason})", cure="device") from error


def _mentor(recipe: Recipe, checkpoint: Checkpoint | None) -> Teacher | None:
    """Build the teacher that the recipe needs; a student without distillation may need none."""
    if not recipe.taught:
        return None
    if checkpoint is None:
        raise TrainingError("a student needs a teacher to be distilled from", cure="teacher")
    network = models.build(checkpoint)
    if not isinstance(network, Teacher):
        raise WeightsError(f"{checkpoint.name}: is a student; to distil from, name a teacher's weights")
    return network


def _placed(network: Module, device: torch.device) -> Module:
    """Move to the device, with channels last in memory, which convolutions are faster at."""
    # torch documents this keyword and leaves it out of its types
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _hastened(network: nn.Module, recipe: Recipe, device: torch.device) -> nn.Module:
    """Let a network compute in less precision where the recipe says so."""
    return Mixed(network, device.type) if recipe.amp else network


def _who(teacher: Checkpoint | None) -> dict[str, str] | None:
    return None if teacher is None else {"name": teacher.name, "sha256": teacher.sha256}


def _enter(folder: Path, recipe: Recipe, saved: state.Saved | None, *, overwrite: bool) -> None:
    """Make the folder ready for a new run, or for the rest of one."""
    if saved is None:
        for old in (folder / STATE, folder / f"{recipe.network}.safetensors"):
            if old.exists() and not overwrite:
                # Weights without a state are no run that could go on.
                raise OutputError(f"{folder}: holds a run", cure="resume" if old.name == STATE else "overwrite")
            _remove(old)  # what an old run left must not be taken for the new one's
        for place in (folder, *folder.glob("process-*")):
            _clear(place, ON_THE_WAY)
        if overwrite:
            _clear(folder, (EVENTS,))
        with writing(folder / FILE) as temporary:
            temporary.write_text(dump(recipe), encoding="utf-8")
    for place in (folder, *folder.glob("process-*")):
        clear_abandoned(place)
    log = folder / LOG
    lines = (
        log.read_text(encoding="utf-8", errors="replace").splitlines()[: saved.step if saved else 0]
        if log.exists()
        else []
    )
    with writing(log) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _kept(
    steps: Generator[Step, None, None], kept: State, watcher: Watcher, folder: Path,
    *, per_epoch: int, seconds: float, card: dict[str, Any],
) -> Iterator[Record]:  # fmt: skip
    """Keep log and state on the way, and the weights at the end."""
    world, device = kept.world, next(kept.network.parameters()).device
    on_cpu = device.type == "cpu"
    if on_cpu:
        keep_freed_memory()
    saved = time.monotonic()
    every = 1 if on_cpu else records.READ_EVERY
    with together():
        for burst in records.read(steps, per_epoch=per_epoch, read_every=every, world=world):
            done = burst[-1].step + 1
            ends = done % per_epoch == 0
            if ends:
                burst[-1] = watcher.score(burst[-1])
            if world.first:
                append(folder / LOG, "".join(map(_line, burst)))
            if world.follow(ends or time.monotonic() - saved >= seconds, device):
                kept.save(folder / STATE, done)
                saved = time.monotonic()
            if ends:
                watcher.settle()
            yield from burst
            if ends and world.follow(watcher.due, device):
                break
    steps.close()  # after an early end too, the shared network must go before the group that it speaks through
    _finish(watcher, world, folder, card)


def _finish(watcher: Watcher, world: World, folder: Path, card: dict[str, Any]) -> None:
    """End a run: keep its weights, and nothing that only more steps would need."""
    if world.first:
        weights = watcher.weights()
        models.write(folder / f"{card['network']}.safetensors", weights, {**card, **watcher.card()})
        watcher.finish(weights)
    _clear(world.folder(folder), ON_THE_WAY)
    world.leave()


def _make(folder: Path) -> None:
    """Make a process's own folder.

    Raises:
        OutputError: It cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


def _remove(path: Path) -> None:
    """Delete what must not stay.

    Raises:
        OutputError: It cannot be deleted.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


def _clear(folder: Path, patterns: tuple[str, ...]) -> None:
    """Delete files that nobody reads any more; one that stays, as some systems keep what is mapped, costs its room."""
    for path in [path for pattern in patterns for path in folder.glob(pattern)]:
        with contextlib.suppress(OSError):
            path.unlink()


def _line(record: Record) -> str:
    """Give a record as a line of the log; scores stand where there are some."""
    return json.dumps({name: value for name, value in asdict(record).items() if value is not None}) + "\n"
