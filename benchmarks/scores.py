"""Scores of the shipped students beside the released networks and the fusions without a network, on real pairs.

    python benchmarks/scores.py [--sets A,B] [--protocol NAME] [--metrics A,B] [--workers N] [--json FILE]

Needs the real pairs in ../shared. The released student is scored as it clips and as its authors save it (``minmax``),
the released teacher as they save it. No pair scored here is in a training of ours (see `pairs.py`); of LLVIP, 200 pairs
are in that of the released networks, and it is not known which.

The last rows count, for each of our students, the scores at or above four others: the released student and teacher,
stretched, the affine mix, and max(I, V). SCD and CC count from 97 % of the released student's on. Of medical sets, the
last row says what becomes of the pixels where both sides are near black. The teacher takes minutes: without
``--teacher`` its scores are those of the last run with it, in ``results/scores.json``.
"""

import argparse
import json
import os
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from mmdrfuse import images, models
from mmdrfuse.cli.shared import tables
from mmdrfuse.engine import make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.metrics import find_protocol
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for
from mmdrfuse.pipeline.score import Candidate, Scores, score_candidates
from mmdrfuse.system.workers import raise_failures
from pairs import MEDICAL, METRICS, SCENES, SHARED, held_out_pairs
from timing import machine

RELEASED, TEACHER = "released student, minmax", "released teacher, minmax"
BARS = (RELEASED, "affine", TEACHER, "max")

NEARLY = {"SCD": 0.97, "CC": 0.97}
"""Metric → share of the released student's score that counts as reached."""

BLACK = 4
"""Level up to which a side is near black."""

EARLIER = Path(__file__).parent / "results" / "scores.json"

Means = dict[str, dict[str, float]]
"""Method → metric → mean."""


def main() -> None:
    """Score every method on every set and print a table for each."""
    arguments = _arguments()
    metrics = tuple(arguments.metrics.split(","))
    protocol = find_protocol(arguments.protocol).name
    fusers, console = _fusers(arguments), Console(width=200)
    found: dict[str, Means] = {}
    for dataset in arguments.sets.split(","):
        pairs = held_out_pairs(dataset, every=arguments.every)
        candidates = [Candidate(name, pair, fuser) for name, fuser in fusers.items() for pair in pairs]
        scores = Scores(protocol, metrics)
        for candidate, result in raise_failures(
            score_candidates(candidates, metrics=metrics, protocol=protocol, workers=arguments.workers)
        ):
            scores.add(candidate.method, candidate.pair.name, result)
        table = tables.methods(scores)
        table.title = f"{dataset}: {table.title}"
        console.print(table)
        found[dataset] = {
            method: {name: one.mean for name, one in row.items()} for method, row in scores.summarise().items()
        }
        if dataset in MEDICAL:
            _show_black(fusers, pairs, console)
    if arguments.json:
        document = {"machine": machine(), "protocol": protocol, "every": arguments.every, "means": found}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")
    _add_earlier(found, protocol, arguments.every)
    others = {f"ours ({name})" for name in models.names() if name != "medical"}
    for sets, not_for_them in ((SCENES, {"ours (medical)"}), (MEDICAL, others)):
        _show_counts({name: found[name] for name in sets if name in found}, metrics, not_for_them, console)


def _add_earlier(found: dict[str, Means], protocol: str, every: int) -> None:
    """Add what was scored in an earlier run alone."""
    earlier = json.loads(EARLIER.read_text()) if EARLIER.exists() else {}
    if (earlier.get("protocol"), earlier.get("every")) == (protocol, every):
        for dataset, means in found.items():
            found[dataset] = {**earlier["means"].get(dataset, {}), **means}


def _show_counts(
    found: dict[str, Means], metrics: Sequence[str], without: Collection[str], console: Console
) -> None:  # fmt: skip
    """Print in how many scores each of our methods is at or above each bar, and where its ratio is smallest."""
    methods = [method for method in next(iter(found.values()), {}) if method.startswith("ours")]
    for method in (method for method in methods if method not in without):
        for bar in (bar for bar in BARS if all({bar, method} <= means.keys() for means in found.values())):
            ratios = {
                f"{metric} of {dataset}": means[method][metric] / means[bar][metric]
                for dataset, means in found.items()
                for metric in metrics
                if metric in means[bar]
            }
            if bar == RELEASED:
                ratios = {name: ratio / NEARLY.get(name.split()[0], 1) for name, ratio in ratios.items()}
            reached = sum(ratio >= 1 for ratio in ratios.values())
            least = min(ratios, key=lambda name: ratios[name])
            console.print(
                f"{method}: {reached} of {len(ratios)} at or above {bar}; the smallest ratio is {ratios[least]:.3f}, "
                f"{least}"
            )


def _show_black(fusers: dict[str, Fuser], pairs: Sequence[Pair], console: Console) -> None:
    """Print the levels of the pixels where both sides are near black."""
    for name, fuser in fusers.items():
        levels = []
        for pair in pairs:
            infrared, visible = (images.luminance(side) for side in pair.sources())
            fused = images.luminance(fuser(infrared, visible).image)
            levels.append(fused[(infrared <= BLACK) & (visible <= BLACK)])
        mean, most = np.mean(np.concatenate(levels)), np.percentile(np.concatenate(levels), 99.9)
        console.print(
            f"{name}: where both sides are at most {BLACK}, the mean is {mean:.1f}, 99.9 % are at most {most:.0f}"
        )


def _fusers(arguments: argparse.Namespace) -> dict[str, Fuser]:
    fusers = {name: Fuser(engine) for name, engine in BASELINES.items()}
    student = make(models.read(SHARED / "published" / "student.model"))
    fusers |= {f"released student, {policy}": Fuser(student, policy) for policy in ("clip", "minmax")}
    if arguments.teacher:
        fusers[TEACHER] = Fuser(make(models.read(SHARED / "published" / "teacher.model")), "minmax")
    ours = [name for name in models.names() if models.read(name).network == "student"]
    for name in [*ours, *arguments.weights]:
        weights = models.read(name)
        fusers[f"ours ({name})"] = Fuser(make(weights), range_for(weights, "auto"))
    return fusers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join((*SCENES, *MEDICAL)), help="folders of ../shared/data")
    parser.add_argument("--every", type=int, default=1, help="score only every Nth pair")
    parser.add_argument("--protocol", default="cddfuse")
    parser.add_argument("--metrics", default=",".join(METRICS))
    parser.add_argument("--weights", nargs="*", default=[], metavar="FILE", help="more students of ours")
    parser.add_argument("--teacher", action="store_true", help="score the released teacher too (minutes)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
