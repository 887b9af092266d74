"""Scores of the shipped student beside the released networks and the fusions without a network, on real pairs.

    python benchmarks/scores.py [--protocol NAME] [--metrics A,B] [--workers N] [--json FILE]

Needs the real pairs in ../shared. The released student and teacher are scored as they clip and as their authors
save them (``minmax``). TNO was seen by none of the trainings here; LLVIP is in the training data of ours (its model
card says which), and 200 pairs of LLVIP are in that of the released networks.
"""

import argparse
import json
import os
from pathlib import Path

from rich.console import Console

from mmdrfuse import models
from mmdrfuse.cli import tables
from mmdrfuse.datasets.layouts import find_pairs
from mmdrfuse.engine import make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.metrics import find_protocol
from mmdrfuse.pipeline.fusion import Fuser
from mmdrfuse.pipeline.ordered import unfailing
from mmdrfuse.pipeline.scoring import Candidate, score
from mmdrfuse.pipeline.summary import Scores

SHARED = Path(__file__).resolve().parents[2] / "shared"
METRICS = "SD,SCD,VIF,Qabf,SSIM,CC,MI"


def main() -> None:
    """Score every method on TNO and LLVIP and print a table for each."""
    arguments = _arguments()
    metrics = tuple(arguments.metrics.split(","))
    protocol = find_protocol(arguments.protocol).name
    fusers, document = _fusers(teacher=arguments.teacher), {}
    for dataset in arguments.sets.split(","):
        _, pairing = find_pairs(SHARED / "data" / dataset)
        candidates = [Candidate(name, pair, fuser) for name, fuser in fusers.items() for pair in pairing.pairs]
        scores = Scores(protocol, metrics)
        results = score(candidates, metrics=metrics, protocol=protocol, workers=arguments.workers)
        for candidate, result in unfailing(results):
            scores.add(candidate.method, candidate.pair.name, result)
        table = tables.methods(scores)
        table.title = f"{dataset}: {table.title}"
        Console(width=200).print(table)
        document[dataset] = scores.document()
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _fusers(*, teacher: bool) -> dict[str, Fuser]:
    fusers = {name: Fuser(engine) for name, engine in BASELINES.items()}
    for network in ("student", *(["teacher"] if teacher else [])):
        engine = make(models.read(SHARED / "published" / f"{network}.model"))
        fusers |= {f"released {network}, {policy}": Fuser(engine, policy) for policy in ("clip", "minmax")}
    return fusers | {f"ours ({name})": Fuser(make(models.read(name))) for name in models.names()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default="TNO,LLVIP", help="folders of ../shared/data")
    parser.add_argument("--protocol", default="cddfuse")
    parser.add_argument("--metrics", default=METRICS)
    parser.add_argument("--teacher", action="store_true", help="score the released teacher too (seconds a picture)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
