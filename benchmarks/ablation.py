"""Does each supervision earn its place for 113 parameters? One training a row, scored on pairs that none has seen.

    python benchmarks/ablation.py PATCHES.h5 [--teacher NAME|FILE] [--epochs N] [--seeds N] [--json FILE]

Needs the real pairs in ../shared. PATCHES.h5 is what ``mmdrfuse prepare --hold-out 3`` made of LLVIP and RoadScene, and
the teacher was trained on the same pairs. Every row starts as ``max(I, V)``, sees the same patches in the same order,
and is the default recipe but for what its name says; scores are means (protocol ``cddfuse``, clip) over TNO and over
what was held out of LLVIP and RoadScene.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmdrfuse import models, training
from mmdrfuse.datasets import PatchFile
from mmdrfuse.engine import make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.models.checkpoints import Checkpoint
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.recipes import Recipe, Weights
from pairs import METRICS, held_out_pairs, means

SETS = {"TNO": 1, "LLVIP": 1, "RoadScene": 3}
"""Set → N; every Nth of its held-out pairs is scored."""

Row = dict[str, dict[str, float]]


def main() -> None:
    """Train and score every row, and print the table."""
    arguments = _arguments()
    patches, teacher = PatchFile(arguments.patches), models.read(arguments.teacher)
    rows: dict[str, list[Row]] = {name: [_scores(Fuser(BASELINES[name]))] for name in ("max", "affine")}
    print(_heading(), flush=True)
    for name, found in rows.items():
        print(_line(name, found), flush=True)
    for name, recipe in _recipes(arguments.epochs).items():
        rows[name] = [
            _scores(Fuser(make(_trained(replace(recipe, seed=seed), patches, teacher))))
            for seed in range(arguments.seeds)
        ]
        print(_line(name, rows[name]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps({"epochs": arguments.epochs, "rows": rows}, indent=1) + "\n")


def _recipes(epochs: int) -> dict[str, Recipe]:
    """Return the recipe of every row by name."""
    full = training.recipe("default", "student", epochs=epochs, batch=8)

    def but(**weights: float) -> Recipe:
        return replace(full, weights=replace(full.weights, **weights))

    return {
        "three supervisions": full,
        "without distillation": but(distillation=0),
        "without intensity": but(intensity=0),
        "without gradient": but(gradient=0),
        "without perception": but(perception=0),
        "without refresh": but(structure=0, detail=0),
        "refresh as published": replace(full, refresh="batch"),
        "norm as published": replace(full, norm="batch"),
        "with fidelity": but(fidelity=1),
        "fidelity alone": replace(full, weights=Weights(fidelity=1.0), features="none"),
    }


def _trained(recipe: Recipe, patches: PatchFile, teacher: Checkpoint) -> Checkpoint:
    with tempfile.TemporaryDirectory() as folder:
        for _ in training.train(recipe, patches, Path(folder), teacher=teacher, device="cpu"):
            pass
        return models.read(Path(folder) / "student.safetensors")


def _scores(fuser: Fuser) -> Row:
    return {name: means(fuser, held_out_pairs(name, every=every)) for name, every in SETS.items()}


def _heading() -> str:
    columns = [f"{name} {metric}" for name in SETS for metric in METRICS]
    return f"| | {' | '.join(columns)} |\n|---{'|---' * len(columns)}|"


def _line(name: str, found: list[Row]) -> str:
    cells = []
    for dataset in SETS:
        for metric in METRICS:
            values = [row[dataset][metric] for row in found]
            spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.4g}{spread}")
    return f"| {name} | {' | '.join(cells)} |"


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patches", type=Path)
    parser.add_argument("--teacher", default="teacher", help="a shipped name or a file")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
