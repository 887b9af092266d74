"""Time a student's training step against the published flow, and what caching the frozen networks' outputs saves.

    python benchmarks/training.py [--scenes N] [--size WxH] [--patch N] [--batch N] [--threads N,N] [--json FILE]

The first table trains the same student twice from the same weights, on the same patches in the same order, recipe
``paper`` without features: with `mmdrfuse.training.train`, and the published way (`published.py`), in this process and
in turns; each visits every patch once before it is timed. Their logged losses must agree to 1e-4. Our training lets the
process keep freed memory, which makes the published flow faster too. It runs the teacher in the first of its ten epochs
only, and the time of a run is computed accordingly; the rows without a teacher show what is gained elsewhere.

The second table is the recipe ``default`` with its features: epochs after the first with nothing cached, with the
teacher's outputs cached, and with the sources' features cached as well.

The last table has the six scores of fidelity and the derivatives of each to the 113 weights, which refining needs for
every picture: with the statistics of the sources computed before and one backward pass (`mmdrfuse.losses.scores`,
`mmdrfuse.models.slopes`), and with six backward passes through the plain functions (`plain_scores.py`), of a picture of
546×265 on one thread.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import plain_scores
import torch
from PIL import Image
from torch import Tensor

from mmdrfuse import models, training
from mmdrfuse.datasets import PatchFile, prepare, scene, write_scenes
from mmdrfuse.images import luminance
from mmdrfuse.losses.fidelity import levels
from mmdrfuse.losses.similarity import quality
from mmdrfuse.models.checkpoints import Checkpoint
from mmdrfuse.models.student import Student
from mmdrfuse.models.teacher import Teacher
from mmdrfuse.system.malloc import keep_freed_memory
from mmdrfuse.training.initial import initial_network
from mmdrfuse.training.patches import draw_batch, load_batch
from mmdrfuse.training.scored import ScoredPair
from published import Published, gmsd, mean, ssim
from timing import machine, time_interleaved

WANTED = 4.0
"""The goal: how many times as fast as the published flow, each with its best number of threads."""


def main() -> None:
    """Print the tables, and write them as JSON with --json."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        patches, teacher = _patches(folder, arguments), _teacher(folder)
        counts = [int(count) for count in arguments.threads.split(",")]
        document = {
            "machine": machine(),
            "batch": f"{arguments.batch}x{arguments.patch}x{arguments.patch}",
            "milliseconds": {count: _timed(patches, teacher, folder, arguments.batch, count) for count in counts},
            "cached": _cached(patches, teacher, folder, arguments.batch),
            "six scores and their derivatives, 546x265": _scored(),
        }
    document["times as fast"] = _ratios(document["milliseconds"])
    document["machine"] = machine()
    _show(document)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _timed(patches: PatchFile, teacher: Checkpoint, folder: Path, batch: int, threads: int) -> dict[str, Any]:
    torch.set_num_threads(threads)
    alone = _compared(patches, None, folder, batch)
    return {
        **_compared(patches, teacher, folder, batch),
        **{f"{name}, no teacher": row for name, row in alone.items() if "first" not in name},
        **_parts(patches, teacher, folder, batch),
    }


def _compared(patches: PatchFile, teacher: Checkpoint | None, folder: Path, batch: int) -> dict[str, Any]:
    """Time whole steps, and check that the losses are equal."""
    recipe = training.recipe("paper", "student", features="none", batch=batch)
    teacher_network = _network(teacher) if teacher else None
    if teacher_network is None:
        recipe = replace(recipe, start="random", weights=replace(recipe.weights, distillation=0))
    per_epoch = recipe.steps_per_epoch(len(patches))
    published = Published(folder, patches.shape, initial_network(recipe, teacher_network), teacher_network, recipe.rate)
    numbers = iter(range(recipe.steps(len(patches))))
    logged: dict[str, list[dict[str, float]]] = {"ours": [], "published": []}

    def ours(run: Iterator[training.Record]) -> None:
        logged["ours"].append(next(run).losses)

    def theirs() -> None:
        step = next(numbers)
        indices, _ = draw_batch(step, count=len(patches), batch=batch, seed=recipe.seed, flips=False)
        logged["published"].append(published.step(indices, first_visit=step < per_epoch))

    train = partial(training.train, recipe, patches, teacher=teacher, device="cpu", overwrite=True)
    run = train(folder=folder / "run")
    for _ in range(per_epoch - 1):  # the last first visit is the warm-up
        ours(run)
        theirs()
    rows = time_interleaved({"ours": partial(ours, run), "published": theirs}, per_epoch)
    rows |= time_interleaved({"ours, first epoch": partial(next, train(folder=folder / "first"))}, per_epoch - 1)
    for one, other in zip(logged["ours"], logged["published"], strict=True):
        np.testing.assert_allclose([one[name] for name in other], list(other.values()), rtol=1e-4, atol=1e-7)
    return rows


def _parts(patches: PatchFile, teacher: Checkpoint, folder: Path, batch: int) -> dict[str, Any]:
    indices, cpu, teacher_network = np.arange(batch), torch.device("cpu"), _network(teacher)
    published = Published(folder, patches.shape, teacher_network, None, 1.0)
    infrared, visible = published.read(indices)
    fused = torch.maximum(infrared, visible) * 0.9

    def teacher_gradients() -> None:
        picture, feature = teacher_network(infrared, visible)
        (picture.sum() + feature.sum()).backward()

    return time_interleaved(
        {
            "reading, ours": lambda: load_batch(patches, indices, device=cpu),
            "reading, published": lambda: published.read(indices),
            "scores, ours": lambda: quality(fused, infrared, visible),
            "scores, published": lambda: [mean(s, f, infrared, visible) for s in (ssim, gmsd) for f in (fused, fused)],
            "teacher, published": teacher_gradients,
        },
        5,
    )


def _cached(patches: PatchFile, teacher: Checkpoint, folder: Path, batch: int) -> dict[str, Any]:
    """Time steps after the first epoch with one thread, and count bytes."""
    torch.set_num_threads(1)
    recipe = training.recipe("default", "student", batch=batch)
    per_epoch = recipe.steps_per_epoch(len(patches))
    teacher_only = (2 * np.dtype(recipe.cache_dtype).itemsize * math.prod(patches.shape) + 1) / 1e9
    caches = {"nothing": 0.0, "outputs": teacher_only, "outputs and features": 1e3}
    runs = {}
    for name, gigabytes in caches.items():
        recipe = training.recipe("default", "student", batch=batch, cache=gigabytes)
        run_folder = folder / name.replace(" ", "-")
        runs[name] = training.train(recipe, patches, run_folder, teacher=teacher, device="cpu")
    first = time_interleaved({name: partial(next, run) for name, run in runs.items()}, per_epoch - 1)
    later = time_interleaved({name: partial(next, run) for name, run in runs.items()}, per_epoch - 1)
    for name, row in later.items():
        files = (folder / name.replace(" ", "-")).glob("*.bin")
        row["first epoch"] = first[name]["median"]
        row["bytes a patch"] = sum(path.stat().st_size for path in files) // len(patches)
    return later


def _scored() -> dict[str, Any]:
    """Time a student's six scores with their derivatives on one thread, and check that the results are equal."""
    torch.set_num_threads(1)
    keep_freed_memory()
    seen = scene(0, height=265, width=546)
    infrared, visible = (torch.tensor(side)[None, None] / 255 for side in (seen.infrared, luminance(seen.visible)))
    student = models.load("ivif")
    assert isinstance(student, Student)
    student.requires_grad_(True)
    pair = ScoredPair(infrared, visible)

    def ours() -> tuple[Tensor, Tensor]:
        return pair.slopes(student, "clip")

    def plain() -> tuple[Tensor, Tensor]:
        reached = plain_scores.scores(levels(student(infrared, visible).fused), infrared * 255, visible * 255)[0]
        rows = [torch.autograd.grad(score, list(student.parameters()), retain_graph=True) for score in reached]
        return reached.detach(), torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])

    for one, other in zip(ours(), plain(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-3 * float(other.abs().max()))
    return time_interleaved({"ours": ours, "plain": plain}, 5)


def _ratios(milliseconds: dict[int, dict[str, Any]]) -> dict[str, float]:
    """Compare the fastest of each: a step after the first epoch, and ten epochs with the teacher in the first only."""
    best = {
        name: min(rows[name]["median"] for rows in milliseconds.values()) for name in milliseconds[min(milliseconds)]
    }
    run = best["ours, first epoch"] + 9 * best["ours"]
    return {
        "a step after the first epoch": best["published"] / best["ours"],
        "the same without a teacher": best["published, no teacher"] / best["ours, no teacher"],
        "a run of ten epochs": 10 * best["published"] / run,
    }


def _show(document: dict[str, Any]) -> None:
    for threads, rows in document["milliseconds"].items():
        for name, row in rows.items():
            low, high = row["quartiles"]
            print(f"{threads} threads   {name:24} {row['median']:9.1f} ms  [{low:.1f}, {high:.1f}]")
    for name, ratio in document["times as fast"].items():
        print(f"{name}: {ratio:.1f} times as fast as published (wanted {WANTED:g}; the losses agree to 1e-4)")
    for name, row in document["cached"].items():
        print(
            f"1 thread    {name + ' cached':28} {row['median']:9.1f} ms a step  "
            f"(first epoch {row['first epoch']:.1f}), {row['bytes a patch']:,} bytes a patch"
        )
    scored_rows = document["six scores and their derivatives, 546x265"]
    for name, row in scored_rows.items():
        print(f"1 thread    six scores and their derivatives, {name:6} {row['median']:9.1f} ms")
    print(f"  {scored_rows['plain']['median'] / scored_rows['ours']['median']:.1f} times as fast")
    about = document["machine"]
    print(f"{about['processor']}, {about['cores']} cores, torch {torch.__version__}")


def _patches(folder: Path, arguments: argparse.Namespace) -> PatchFile:
    """Prepare patches of made-up scenes, as our file and as the published flow's pictures."""
    width, height = (int(side) for side in arguments.size.split("x"))
    write_scenes(folder / "scenes", arguments.scenes, seed=1, height=height, width=width)
    prepare([folder / "scenes"], folder / "patches.h5", patch=arguments.patch)
    patches = PatchFile(folder / "patches.h5")
    for side, pictures in zip(("ir", "vi"), patches.batch(np.arange(len(patches))), strict=True):
        (folder / side).mkdir()
        for index, picture in enumerate(pictures):
            Image.fromarray(picture).save(folder / side / f"{index}.png")
    return patches


def _teacher(folder: Path) -> Checkpoint:
    """Return an untrained teacher, which is as fast as a trained one."""
    torch.manual_seed(0)
    state = {name: value.numpy() for name, value in Teacher().state_dict().items()}
    models.write(folder / "teacher.safetensors", state, {})
    return models.read(folder / "teacher.safetensors")


def _network(teacher: Checkpoint) -> Teacher:
    network = models.build(teacher)
    assert isinstance(network, Teacher)
    return network


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=10)
    parser.add_argument("--size", default="640x480", help="of a scene: 15 patches")
    parser.add_argument("--patch", type=int, default=128)
    parser.add_argument("--batch", type=int, default=25)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
