"""Does another device give what the CPU gives, and how fast? Fusing, training and refining, on made-up scenes.

    python benchmarks/devices.py [--device cuda] [--json FILE]

Fusing: milliseconds a picture of 640×512 and the largest difference in levels of 255. Teaching and distilling: steps
of the recipe ``default`` (batch 25 of 128×128) with the features of EfficientNet-Lite0, and how far the losses of the
first steps are apart, as a share. Refining: steps on six whole pictures of 546×265, and how far the weights are apart
after them.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from mmdrfuse import models, training
from mmdrfuse.datasets import PatchFile, prepare, scene, write_scenes
from mmdrfuse.engine import make
from mmdrfuse.images import luminance
from timing import machine

STEPS = 12
"""Of each training; the first third warms up and is not timed."""

BATCH = 25
"""Patches of a step of `teach` and `distill`."""


class Outcome(NamedTuple):
    """What a device gave."""

    values: NDArray[np.float64]
    milliseconds: float
    """The median, for a picture or a step."""


def main() -> None:
    """Print a row for each kind of work, and write them as JSON with --json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_scenes(folder / "scenes", 10, seed=1, height=480, width=640)
        prepare([folder / "scenes"], folder / "patches.h5", patch=128)
        for work, run in _works(folder).items():
            own, other = (run(device) for device in ("cpu", arguments.device))
            apart = np.abs(own.values - other.values)
            rows[work] = {
                "cpu, ms": own.milliseconds,
                f"{arguments.device}, ms": other.milliseconds,
                "largest difference": float(apart.max()),
            }
            shown = "  ".join(f"{name} {value:.4g}" for name, value in rows[work].items())
            print(f"{work:28} {shown}", flush=True)
    document = {"machine": machine(), "torch": torch.__version__, "rows": rows}
    if torch.cuda.is_available():
        document["accelerator"] = torch.cuda.get_device_name()
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _works(folder: Path) -> dict[str, Callable[[str], Outcome]]:
    """Return what is compared: a name, and a function of the device."""
    return {
        "fuse, student (levels)": lambda device: _fuse("scenes", device),
        "fuse, teacher (levels)": lambda device: _fuse("teacher", device),
        "teach (losses)": lambda device: _train("teacher", folder, device),
        "distill (losses)": lambda device: _train("student", folder, device),
        "refine (weights)": _refine,
    }


def _fuse(weights: str, device: str) -> Outcome:
    seen = scene(0, height=512, width=640)
    sides = [np.float32(side / 255) for side in (seen.infrared, luminance(seen.visible))]
    engine = make(models.read(weights), kind="torch", device=device)
    seconds = []
    for _ in range(4):
        begin = time.perf_counter()
        picture = engine(*sides)
        seconds.append(time.perf_counter() - begin)
    return Outcome(255 * picture.astype(np.float64), 1000 * float(np.median(seconds[1:])))


def _train(network: Any, folder: Path, device: str) -> Outcome:
    """Return the losses of the first steps as multiples of the first one's."""
    recipe = training.recipe("default", network, batch=BATCH, cache=0.0, features="efficientnet-lite0")
    teacher = models.read("teacher") if network == "student" else None
    run = training.train(
        recipe, PatchFile(folder / "patches.h5"), folder / network, teacher=teacher, device=device, overwrite=True
    )
    records = [record for record, _ in zip(run, range(STEPS), strict=False)]
    losses = np.array([record.losses["total"] for record in records])
    return Outcome(
        losses[:3] / losses[0], 1000 * float(np.median([record.seconds for record in records[STEPS // 3 :]]))
    )


def _refine(device: str) -> Outcome:
    scenes = [scene(number, height=265, width=546) for number in range(6)]
    groups = {"scenes": [(one.infrared, luminance(one.visible)) for one in scenes]}
    marks: list[float] = []
    refined = training.refine_student(
        "scenes", groups, ("affine",), steps=STEPS, rounds=0, device=device,
        progress=lambda _: marks.append(time.perf_counter()),
    )  # fmt: skip
    weights = np.concatenate([value.ravel() for value in refined.arrays.values()]).astype(np.float64)
    return Outcome(weights, 1000 * (marks[1] - marks[0]) / STEPS)


if __name__ == "__main__":
    main()
