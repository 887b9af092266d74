"""A training run in a folder of its own: log, state, and the weights at the end.

``recipe.yaml`` has the recipe of the run, ``log.jsonl`` one line a step. A resumed run loads ``state.safetensors`` and
``memory-STEP.safetensors``, and maps ``memory.bin`` if the refresh memory is too large for RAM.
``teacher-outputs.bin``, ``source-features.bin`` and ``fidelity-goals.bin`` cache the outputs of the frozen networks.
When the run is done, it writes ``student.safetensors`` or ``teacher.safetensors`` with its model card, and deletes its
other files except recipe, log and state. With several processes (see :mod:`mmdrfuse.training.parallel`), every process
but the first has a subfolder ``process-RANK`` for its own files.
"""

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
from mmdrfuse.errors import TrainingError, WeightsError
from mmdrfuse.losses.backbones import backbone
from mmdrfuse.models.checkpoints import Checkpoint
from mmdrfuse.models.teacher import Teacher
from mmdrfuse.recipes import Recipe
from mmdrfuse.system.atomic import append
from mmdrfuse.system.malloc import keep_freed_memory
from mmdrfuse.training import parallel, records, state
from mmdrfuse.training.folder import LOG, STATE, TEMPORARY, clear, make_folder, prepare_folder
from mmdrfuse.training.frozen import frozen_outputs
from mmdrfuse.training.initial import initial_network
from mmdrfuse.training.loop import Step, train_steps
from mmdrfuse.training.memory import RefreshMemory
from mmdrfuse.training.parallel import ALONE, World, report_lost_process
from mmdrfuse.training.patches import Patches, Shard, check, describe
from mmdrfuse.training.precision import MixedPrecision, compile_network
from mmdrfuse.training.records import Record
from mmdrfuse.training.state import State
from mmdrfuse.training.supervision import Supervision
from mmdrfuse.training.watch.watcher import NOTHING, Watch, Watcher
from mmdrfuse.version import __version__

Module = TypeVar("Module", bound=nn.Module)


@report_lost_process()
def train(
    recipe: Recipe, patches: Patches, folder: str | Path,
    *, teacher: Checkpoint | None = None, features_file: Path | None = None, device: str = "auto",
    card: Mapping[str, Any] = MappingProxyType({}), resume: bool = False, overwrite: bool = False,
    save_seconds: float = 300.0, watch: Watch = NOTHING,
) -> Iterator[Record]:  # fmt: skip
    """Train a teacher or student; iterating over the result does the steps.

    This function checks and loads everything before it returns. It reads the losses of every step on the CPU, and
    elsewhere those of `records.READ_EVERY` steps at once, always before a save.

    On the CPU, the first step changes how the whole process allocates memory, and nothing changes it back: the process
    keeps freed blocks and does not return them to the system (glibc's ``mallopt``, see
    :mod:`mmdrfuse.system.malloc`). This halves the time of a step.

    Args:
        recipe: What to train and how; its batch is that of each process.
        patches: What to train on.
        folder: Where log, state and weights go.
        teacher: The weights that a student is distilled from; ignored if the recipe needs no teacher.
        features_file: Weights of the perceptual backbone, if they are not installed.
        device: ``auto``, or a name that torch knows: ``cpu``, ``cuda``, ``mps``; a resumed run needs the same type.
        card: More entries for the model card, such as the source of the patches and its licence.
        resume: Continue from the folder's state, if one was saved; the result is the same as without the stop.
        overwrite: Replace a run in the folder.
        save_seconds: The state is saved at the end of every epoch, and after this time without a save.
        watch: What to do after every epoch: validation on whole pairs, early stopping, previews.

    Returns:
        The records of all remaining steps; none if the resumed run was finished.

    Raises:
        SizeError: There are no patches, or they are smaller than `patches.MIN_PATCH` on a side.
        TrainingError: The teacher is missing, the run to resume is another one, or a loss is not finite.
        OutputError: The folder holds a run that may not be replaced, or cannot be written.
        WeightsError: The teacher's weights are not a teacher's, or the backbone's weights are not available.
        MissingExtraError: The backbone is not installed.
    """
    folder = Path(folder)
    check(patches)
    world = parallel.world()
    place = torch_device(device, world)
    teacher_network = _build_teacher(recipe, teacher)
    network = _to_device(initial_network(recipe, teacher_network), place)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.rate)
    features = _in_precision(_to_device(backbone(recipe.features, file=features_file), place), recipe, place)

    identity = {
        "recipe": asdict(recipe), "patches": describe(patches), "teacher": teacher_network and _describe(teacher),
        "device": place.type, "processes": world.size, "stop": watch.identity(),
    }  # fmt: skip
    saved = state.read(folder / STATE, identity) if resume else None
    if resume and saved is None and world.first:
        watch.warn(f"{folder}: no state was saved here yet, so the run starts anew")

    common = recipe.for_processes(world.size)
    watcher = Watcher(watch if world.first else NOTHING, network, patches, recipe=common, folder=folder, device=place)
    world.join(place)
    if world.first:
        prepare_folder(folder, recipe, saved, overwrite=overwrite)
        watcher.begin(folder / LOG)
    world.barrier()

    start = saved.step if saved else 0
    card = {"network": recipe.network, "mmdrfuse": __version__, "torch": torch.__version__, **identity, **card}
    if saved is not None and world.broadcast(start == common.steps(len(patches)) or watcher.should_stop, place):
        network.load_state_dict(saved.network)
        _finish(watcher, world, folder, card)
        return iter(())

    own_folder = world.folder(folder)
    make_folder(own_folder)
    shard = Shard(patches, rank=world.rank, processes=world.size)
    memory = RefreshMemory(
        shard.shape, dtype=getattr(torch, recipe.memory_dtype), device=place, folder=own_folder,
        resume=saved is not None,
    )  # fmt: skip
    frozen = frozen_outputs(
        recipe, own_folder, shard.shape,
        teacher=teacher_network and _to_device(teacher_network, place), features=features, device=place,
        resume=saved is not None,
    )  # fmt: skip
    current = State(network, optimiser, memory, identity, world)
    if saved is not None:
        current.restore(saved)

    supervision = Supervision(recipe, features=features, memory=memory, frozen=frozen)
    forward = _in_precision(network, recipe, place)
    if recipe.compile:
        compile_network(forward, (recipe.batch, *patches.shape[1:]), place)
    steps = train_steps(world.wrap(forward), supervision, optimiser, shard, recipe=common, start=start, device=place)
    per_epoch = common.steps_per_epoch(len(patches))
    return _log_and_save(steps, current, watcher, folder, per_epoch=per_epoch, seconds=save_seconds, card=card)


def torch_device(name: str, world: World = ALONE) -> torch.device:
    """Return the device of a name; ``auto`` takes CUDA, then MPS, then the CPU.

    Args:
        name: The device's name; ``cuda`` is the device with this process's local rank.
        world: This process.

    Raises:
        TrainingError: There is no such device here.
    """
    if name == "auto" and torch.cuda.is_available():
        name = "cuda"
    elif name == "auto":
        name = "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{world.local}"
    try:
        return torch.zeros(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was compiled with CUDA
        reason = str(error).splitlines()[0]
        raise TrainingError(f"device {name!r} cannot be used here ({reason})", cure="device") from error


def _build_teacher(recipe: Recipe, checkpoint: Checkpoint | None) -> Teacher | None:
    """Return the recipe's teacher; None if the recipe needs none."""
    if not recipe.needs_teacher:
        return None
    if checkpoint is None:
        raise TrainingError("a student needs a teacher to be distilled from", cure="teacher")
    network = models.build(checkpoint)
    if not isinstance(network, Teacher):
        raise WeightsError(f"{checkpoint.name}: these are a student's weights; give those of a teacher to distil from")
    return network


def _to_device(network: Module, device: torch.device) -> Module:
    """Move a network to the device, with channels last in memory, which makes convolutions faster."""
    # torch documents this keyword, but its type hints lack it.
    return network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _in_precision(network: nn.Module, recipe: Recipe, device: torch.device) -> nn.Module:
    """Return the network in the precision of the recipe."""
    return MixedPrecision(network, device.type) if recipe.amp else network


def _describe(teacher: Checkpoint | None) -> dict[str, str] | None:
    return None if teacher is None else {"name": teacher.name, "sha256": teacher.sha256}


def _log_and_save(
    steps: Generator[Step, None, None], current: State, watcher: Watcher, folder: Path,
    *, per_epoch: int, seconds: float, card: dict[str, Any],
) -> Iterator[Record]:  # fmt: skip
    """Write log and state during the run, and the weights at its end.

    The order matters after an epoch: the scores go to the log before the state is saved, and the watcher deletes older
    best weights only after the save.
    """
    world = current.world
    device = next(current.network.parameters()).device
    on_cpu = device.type == "cpu"
    if on_cpu:
        keep_freed_memory()
    read_every = 1 if on_cpu else records.READ_EVERY
    last_save = time.monotonic()
    with report_lost_process():
        for batch in records.read(steps, per_epoch=per_epoch, read_every=read_every, world=world):
            done = batch[-1].step + 1
            epoch_ends = done % per_epoch == 0
            if epoch_ends:
                batch[-1] = watcher.score(batch[-1])
            if world.first:
                append(folder / LOG, "".join(map(_line, batch)))
            if world.broadcast(epoch_ends or time.monotonic() - last_save >= seconds, device):
                current.save(folder / STATE, done)
                last_save = time.monotonic()
            if epoch_ends:
                watcher.after_save()
            yield from batch
            if epoch_ends and world.broadcast(watcher.should_stop, device):
                break
    steps.close()  # frees the distributed network before its process group, also after an early stop
    _finish(watcher, world, folder, card)


def _finish(watcher: Watcher, world: World, folder: Path, card: dict[str, Any]) -> None:
    """End a run: write its weights, and delete the files that only further steps would need."""
    if world.first:
        weights = watcher.weights()
        models.write(folder / f"{card['network']}.safetensors", weights, {**card, **watcher.card()})
        watcher.finish(weights)
    clear(world.folder(folder), TEMPORARY)
    world.leave()


def _line(record: Record) -> str:
    """Return a record as a line of the log, without the fields that are None."""
    return json.dumps({name: value for name, value in asdict(record).items() if value is not None}) + "\n"
