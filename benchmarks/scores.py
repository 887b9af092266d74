"""Scores of the shipped students beside the released networks and the fusions without a network, on real pairs.

    python benchmarks/scores.py [--sets A,B] [--protocol NAME] [--metrics A,B] [--workers N] [--json FILE]

Needs the real pairs in ../shared. The released student and teacher are scored as they clip and as their authors save
them (``minmax``). No pair scored here is in a training of ours (see `pairs.py`); of LLVIP, 200 pairs are in that of the
released networks, and it is not known which. The last rows say how far each of our students is from three bars, as the
smallest and the mean ratio over the scores: the released student stretched, the affine mix, and, with ``--teacher``,
the released teacher stretched.
"""

import argparse
import json
import os
from pathlib import Path

from rich.console import Console

from mmdrfuse import models
from mmdrfuse.cli.shared import tables
from mmdrfuse.engine import make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.metrics import find_protocol
from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for
from mmdrfuse.pipeline.score import Candidate, Scores, score_candidates
from mmdrfuse.system.workers import raise_failures
from pairs import MEDICAL, METRICS, SCENES, SHARED, held_out_pairs

BARS = ("released student, minmax", "affine", "released teacher, minmax")


def main() -> None:
    """Score every method on every set and print a table for each."""
    arguments = _arguments()
    metrics = tuple(arguments.metrics.split(","))
    protocol = find_protocol(arguments.protocol).name
    fusers, document, console = _fusers(arguments), {}, Console(width=200)
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
        _bars(scores, metrics, console)
        document[dataset] = scores.document()
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _bars(scores: Scores, metrics: tuple[str, ...], console: Console) -> None:
    """Print each student's scores as multiples of each bar's."""
    means = {method: {name: one.mean for name, one in row.items() if one} for method, row in scores.summarise().items()}
    for method in (method for method in means if method.startswith("ours")):
        for bar in (bar for bar in BARS if bar in means):
            ratios = {name: means[method][name] / means[bar][name] for name in metrics}
            reached = sum(ratio >= 1 for ratio in ratios.values())
            shown = "  ".join(f"{name} {ratio:.3f}" for name, ratio in ratios.items())
            console.print(f"{method} / {bar}: {shown}  ({reached} of {len(ratios)} at or above)")


def _fusers(arguments: argparse.Namespace) -> dict[str, Fuser]:
    fusers = {name: Fuser(engine) for name, engine in BASELINES.items()}
    for network in ("student", *(["teacher"] if arguments.teacher else [])):
        engine = make(models.read(SHARED / "published" / f"{network}.model"))
        fusers |= {f"released {network}, {policy}": Fuser(engine, policy) for policy in ("clip", "minmax")}
    ours = [name for name in models.names() if models.read(name).network == "student" or arguments.teacher]
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
    parser.add_argument("--teacher", action="store_true", help="score the teachers too (seconds a picture)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
