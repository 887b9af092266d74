"""Choose among recipes of `refine`, or among seeds, by development pairs: no pair of a test set is looked at.

    python benchmarks/choose.py NAME|FILE.yaml ... [--seeds N] [--quarters 1,2,3,4] [--whole] [--workers N]
        [--device cuda] [--json FILE]

A third of each set is held out for the scores that are reported (`pairs.py`). The rest is cut into quarters. Each
recipe is refined four times with each seed, each time without one quarter, and scored on that quarter; so every
development pair is scored by a student that has not seen it. What counts is the mean over these pairs, as a ratio to
the authors' student, stretched (SCD and CC to 97 % of it): first how many of the ratios reach 1, then the smallest.
With --whole, each recipe is refined on all development pairs as well.
"""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from mmdrfuse import models, recipes, training
from mmdrfuse.datasets import find_pairs, sample_groups
from mmdrfuse.datasets.sets.pairing import without_quarter
from mmdrfuse.engine import make
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.score import Candidate, score_candidates
from mmdrfuse.system.workers import ordered, processes, raise_failures
from pairs import DATA, HOLD_OUT, METRICS, SHARED, TRAINED

SHARES = {"SCD": 0.97, "CC": 0.97}
"""Of these nearly all of the bar is enough."""


class Task(NamedTuple):
    """A refinement without one quarter."""

    recipe: str
    """A shipped name or a file."""
    seed: int
    quarter: int | None


@dataclass(frozen=True)
class Done:
    """What a student of a task scored on the pairs that it has not seen, beside the bar."""

    recipe: str
    seed: int
    quarter: int | None
    seconds: float
    weights: list[float]
    ours: Mapping[str, list[list[float]]]
    """Set → pair → `METRICS`."""
    bar: Mapping[str, list[list[float]]]
    """The same."""


def main() -> None:
    """Refine and score, and print one line for each recipe and seed."""
    arguments = _arguments()
    quarters = [int(quarter) for quarter in arguments.quarters.split(",")]
    parts = [*quarters, None] if arguments.whole else quarters
    asked = [Task(*each) for each in product(arguments.recipes, range(arguments.seeds), parts)]
    done: list[Done] = []
    with processes(arguments.workers) as executor:
        work = _OnDevice(arguments.device)
        for _, result in raise_failures(ordered(executor, work, asked, buffer_size=2 * arguments.workers)):
            done.append(result)
            if arguments.json:
                arguments.json.write_text(json.dumps([asdict(each) for each in done]) + "\n")
            if result.quarter == quarters[-1]:
                _show(
                    [each for each in done if each.quarter and (each.recipe, each.seed) == (result.recipe, result.seed)]
                )


@dataclass(frozen=True)
class _OnDevice:
    """`_refined` on a device, for a pool of processes."""

    device: str

    def __call__(self, task: Task) -> Done:
        torch.set_num_threads(1)  # sums have one order
        begin = time.perf_counter()
        plan = recipes.plan(task.recipe)
        recipe = recipes.refine_recipe(task.recipe, seed=task.seed, quarter=task.quarter)
        groups = sample_groups(
            [DATA / name for name in plan.sets], pictures=recipe.pictures, size=recipe.size, uncut=recipe.wholes,
            mirror=recipe.mirror, lights=recipe.lights, groups=recipe.groups, hold_out=recipe.hold_out,
            quarter=task.quarter, seed=task.seed,
        )  # fmt: skip
        student = training.refine_student(plan.student, groups, recipe=recipe, device=self.device)
        weights = np.concatenate([value.ravel() for value in student.arrays.values()]).tolist()
        unseen = {name: _left_out(name, task.quarter) for name in plan.sets if name in TRAINED}
        seconds = time.perf_counter() - begin
        released = Fuser(make(models.read(SHARED / "published/student.model")), "minmax")
        ours = Fuser(make(student), recipe.range)
        return Done(*task, seconds, weights, _scores(ours, unseen), _scores(released, unseen))


def _left_out(name: str, quarter: int | None) -> list[Pair]:
    """Return the quarter of a set's development pairs."""
    return without_quarter(find_pairs(DATA / name)[1].held_out(HOLD_OUT)[0], quarter)[1]


def _scores(fuser: Fuser, sets: Mapping[str, list[Pair]]) -> dict[str, list[list[float]]]:
    found = {}
    for name, pairs in sets.items():
        candidates = [Candidate("fused", pair, fuser) for pair in pairs]
        results = raise_failures(score_candidates(candidates, metrics=METRICS, protocol="cddfuse"))
        found[name] = [[round(result[metric], 5) for metric in METRICS] for _, result in results]
    return found


def _show(quarters: list[Done]) -> None:
    """Print the ratios over all quarters of one recipe and seed."""
    share = np.array([SHARES.get(metric, 1.0) for metric in METRICS])
    ratios = {
        name: np.concatenate([each.ours[name] for each in quarters]).mean(axis=0)
        / (np.concatenate([each.bar[name] for each in quarters]).mean(axis=0) * share)
        for name in quarters[0].ours
    }
    every = np.concatenate(list(ratios.values()))
    first = quarters[0]
    shown = "  ".join(f"{name} {' '.join(f'{ratio:.3f}' for ratio in row)}" for name, row in ratios.items())
    print(
        f"{first.recipe}, seed {first.seed}: {(every >= 1).sum()} of {every.size}, smallest {every.min():.3f}  {shown}",
        flush=True,
    )


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+", metavar="NAME|FILE", help="shipped names or files")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quarters", default="1,2,3,4", help="which of them are left out in turn")
    parser.add_argument("--whole", action="store_true", help="refine on all development pairs, too")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
