"""Does each supervision of the paper earn its place for 113 parameters? One training a row and seed, scored unseen.

    python benchmarks/ablation.py PATCHES.h5 [--teacher NAME|FILE] [--seeds N] [--device cuda] [--workers N]
        [--epochs N] [--json FILE]
    python benchmarks/ablation.py --json benchmarks/results/ablation.json

Needs the real pairs in ../shared. PATCHES.h5 is what ``mmdrfuse prepare --hold-out 3`` made of LLVIP and RoadScene. The
recipe is ``paper``, but for the features, which are those of EfficientNet-Lite0: VGG-19's weights do not install as a
package. The three supervisions are distillation, the content (intensity, gradient and perception, compared with the
sources) and refresh. Scores are means (protocol ``cddfuse``) over the pairs of TNO, LLVIP and RoadScene that are held
out from all trainings here, clipped and stretched (``minmax``), beside the authors' student and teacher.

What a supervision earns is the score with all three less the score without it, in % of what the authors' student
scores, as the mean over the sets; the 95 % interval is a bootstrap over seeds and pairs.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmdrfuse import models, training
from mmdrfuse.datasets import PatchFile
from mmdrfuse.engine import Engine, make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.score import Candidate, score_candidates
from mmdrfuse.recipes import Recipe
from mmdrfuse.system.workers import ordered, processes, raise_failures
from pairs import METRICS, SHARED, held_out_pairs
from timing import machine

SETS = {"TNO": 1, "LLVIP": 2, "RoadScene": 3}
"""Set → N; every Nth of its held-out pairs is scored."""

POLICIES = ("clip", "minmax")
FULL = "three supervisions"
CHANGES: dict[str, dict[str, Any]] = {
    FULL: {},
    "without distillation": {"distillation": 0.0},
    "without content": {"intensity": 0.0, "gradient": 0.0, "perception": 0.0},
    "without refresh": {"structure": 0.0, "detail": 0.0},
    "without intensity": {"intensity": 0.0},
    "without gradient": {"gradient": 0.0},
    "without perception": {"perception": 0.0},
    "refresh of each patch": {"refresh": "sample"},
}
"""Row → what differs from the recipe: weights of terms, or a field."""

MAIN, PARTS = list(CHANGES)[:4], list(CHANGES)[4:]
"""The supervisions, which come first, and parts of them."""

DRAWS = 2000
"""Of the bootstrap."""

Scored = dict[str, dict[str, list[list[float]]]]
"""Policy → set → pair → `METRICS`."""


def main() -> None:
    """Train and score every row, print the tables, and write the scores of every pair."""
    arguments = _arguments()
    document = json.loads(arguments.json.read_text()) if arguments.json and arguments.json.exists() else {}
    rows: dict[str, list[Scored]] = document.get("rows", {})
    asked = [(name, seed) for part in (MAIN, PARTS) for seed in range(arguments.seeds) for name in part]
    tasks = [(name, seed) for name, seed in asked if arguments.patches and seed >= len(rows.get(name, []))]
    if not tasks and FULL not in rows:
        raise SystemExit("give the patches to train with, or a file of results")
    work = _Row(arguments.patches, arguments.teacher, arguments.epochs, arguments.device)
    with processes(arguments.workers) as executor:
        scored = ordered(executor, work, tasks, buffer_size=max(1, len(tasks)))
        for name, engine in _fixed(arguments.device).items():
            if name not in rows:
                rows[name] = [_scores(engine)]
        for (name, _), found in raise_failures(scored):
            rows.setdefault(name, []).append(found)
            document |= _where(arguments) | {"rows": rows}
            _write(arguments.json, document)
    for policy in POLICIES:
        _print_means(rows, policy)
        _print_gains(rows, policy)
    _write(arguments.json, document | {"metrics": METRICS, "summary": _summary(rows), "rows": rows})


def _where(arguments: Any) -> dict[str, Any]:
    """Return what was trained with, and where."""
    return {
        "machine": machine(),
        "accelerator": torch.cuda.get_device_name() if arguments.device.startswith("cuda") else "",
        "epochs": arguments.epochs,
        "patches": len(PatchFile(arguments.patches)),
    }


def _write(file: Path | None, document: Mapping[str, Any]) -> None:
    if file:
        file.write_text(json.dumps(document) + "\n")


def _summary(rows: Mapping[str, Sequence[Scored]]) -> dict[str, dict[str, Any]]:
    """Return, by policy and row, mean and spread over the seeds of the mean over the sets, and what each earns."""
    summary: dict[str, dict[str, Any]] = {}
    for policy in POLICIES:
        means = {}
        for name, found in rows.items():
            each = np.array(
                [np.mean([np.mean(pairs, axis=0) for pairs in one[policy].values()], axis=0) for one in found]
            )
            spread = each.std(axis=0, ddof=1) if len(each) > 1 else np.zeros(each.shape[1])
            means[name] = {"seeds": len(each), "mean": each.mean(axis=0).tolist(), "spread": spread.tolist()}
        gains = {name: _gains(rows, name, policy).T.tolist() for name in _without(rows)}
        summary[policy] = {"means": means, "gains": gains}
    return summary


def _fixed(device: str) -> dict[str, Engine]:
    """Return what the students are compared with."""
    engines: dict[str, Engine] = {name: BASELINES[name] for name in ("max", "affine")}
    for name in ("student", "teacher"):
        engines[f"released {name}"] = make(models.read(SHARED / f"published/{name}.model"), device=device)
    return engines


@dataclass(frozen=True)
class _Row:
    """Train and score a row, in a process of a pool."""

    patches: Path
    teacher: str
    epochs: int
    device: str

    def __call__(self, task: tuple[str, int]) -> Scored:
        torch.set_num_threads(1)  # sums have one order
        name, seed = task
        with tempfile.TemporaryDirectory() as folder:
            for _ in training.train(
                _recipe(name, seed, self.epochs), PatchFile(self.patches), Path(folder),
                teacher=models.read(self.teacher), device=self.device,
            ):  # fmt: skip
                pass
            return _scores(make(models.read(Path(folder) / "student.safetensors")))


def _recipe(name: str, seed: int, epochs: int) -> Recipe:
    full = training.recipe("paper", "student", features="efficientnet-lite0", epochs=epochs, seed=seed)
    changes = CHANGES[name]
    if "refresh" in changes:
        return replace(full, **changes)
    return replace(full, weights=replace(full.weights, **changes))


def _scores(engine: Engine) -> Scored:
    found: Scored = {}
    for policy in POLICIES:
        found[policy] = {}
        for dataset, every in SETS.items():
            pairs = held_out_pairs(dataset, every=every)
            candidates = [Candidate("fused", pair, Fuser(engine, policy)) for pair in pairs]
            results = raise_failures(score_candidates(candidates, metrics=METRICS, protocol="cddfuse"))
            found[policy][dataset] = [[round(result[metric], 5) for metric in METRICS] for _, result in results]
    return found


def _print_means(rows: Mapping[str, Sequence[Scored]], policy: str) -> None:
    """Print a table of means, with the standard deviation over the seeds."""
    columns = [f"{name} {metric}" for name in SETS for metric in METRICS]
    print(f"\n{policy}\n\n| | {' | '.join(columns)} |\n|---{'|---' * len(columns)}|")
    for name, found in rows.items():
        each = np.array([np.concatenate([np.mean(one[policy][dataset], axis=0) for dataset in SETS]) for one in found])
        spreads = [f" ± {spread:.2g}" for spread in each.std(axis=0, ddof=1)] if len(each) > 1 else [""] * each.shape[1]
        cells = [f"{mean:.4g}{spread}" for mean, spread in zip(each.mean(axis=0), spreads, strict=True)]
        print(f"| {name} | {' | '.join(cells)} |")


def _print_gains(rows: Mapping[str, Sequence[Scored]], policy: str) -> None:
    """Print what the full recipe scores above each other row, with its interval."""
    print(f"\nWhat each earns, {policy}, in % of the released student\n")
    print(f"| | {' | '.join(METRICS)} |\n|---{'|---' * len(METRICS)}|")
    for name in _without(rows):
        gain, low, high = _gains(rows, name, policy)
        cells = [f"{g:+.1f} ({a:+.1f} to {b:+.1f})" for g, a, b in zip(gain, low, high, strict=True)]
        print(f"| {name} | {' | '.join(cells)} |")


def _without(rows: Mapping[str, Sequence[Scored]]) -> list[str]:
    return [name for name in CHANGES if name in rows and name != FULL]


def _gains(rows: Mapping[str, Sequence[Scored]], name: str, policy: str) -> NDArray[np.float64]:
    """Return gain, and lower and upper end of its interval, (3, 6), in %."""
    generator = np.random.default_rng(0)
    seeds = min(len(rows[FULL]), len(rows[name]))
    apart, bar = {}, {}
    for dataset in SETS:
        full, less = (np.array([one[policy][dataset] for one in rows[row][:seeds]]) for row in (FULL, name))
        apart[dataset] = full - less
        bar[dataset] = np.mean(rows["released student"][0][policy][dataset], axis=0)

    def drawn() -> NDArray[np.float64]:
        picked = generator.integers(seeds, size=seeds)
        found = []
        for dataset, gains in apart.items():
            pairs = generator.integers(gains.shape[1], size=gains.shape[1])
            found.append(gains[picked][:, pairs].mean(axis=(0, 1)) / bar[dataset])
        return np.mean(found, axis=0)

    gain: NDArray[np.float64] = np.mean(
        [gains.mean(axis=(0, 1)) / bar[dataset] for dataset, gains in apart.items()], axis=0
    )
    return 100 * np.stack([gain, *np.percentile([drawn() for _ in range(DRAWS)], (2.5, 97.5), axis=0)])


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patches", type=Path, nargs="?")
    parser.add_argument("--teacher", default=str(SHARED / "published" / "teacher.model"), help="a name or a file")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
