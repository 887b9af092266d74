"""Score a trained student on pairs that it did not see and put it among the shipped weights, with its model card.

    python benchmarks/ship.py STUDENT.safetensors NAME

Needs the real pairs in ../shared. The card then says what the weights are, from what data (with its licence) and by
which recipe they were trained, how to make them again, and what they score on TNO under ``clip``.
"""

import argparse
from pathlib import Path
from typing import Any

from mmdrfuse import models
from mmdrfuse.datasets import LAYOUTS, find_pairs
from mmdrfuse.engine import make
from mmdrfuse.models.checkpoints import SHIPPED, Checkpoint
from mmdrfuse.pipeline.fusion import Fuser
from mmdrfuse.pipeline.ordered import unfailing
from mmdrfuse.pipeline.scoring import Candidate, score
from mmdrfuse.pipeline.summary import Scores

SHARED = Path(__file__).resolve().parents[2] / "shared"
METRICS = ("EN", "SD", "SF", "AG", "MI", "SCD", "VIF", "Qabf", "SSIM", "CC")
TITLE = "student for infrared and visible pictures, 113 parameters"


def main() -> None:
    """Write the card and the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("student", type=Path)
    parser.add_argument("name")
    arguments = parser.parse_args()
    student = models.read(arguments.student)
    card = {
        **student.card,
        "title": TITLE,
        "made_by": "make weights",
        "licences": {layout: LAYOUTS[layout].licence for layout in student.card["data"]["pairs"]},
        "scores": {
            "TNO, 17 pairs, clip": {protocol: _scores(student, protocol) for protocol in ("standard", "cddfuse")}
        },
    }
    models.write(SHIPPED / f"{arguments.name}.safetensors", student.arrays, card)
    print(f"wrote {SHIPPED / arguments.name}.safetensors: {card['scores']}")


def _scores(student: Checkpoint, protocol: str) -> dict[str, Any]:
    fuser = Fuser(make(student))
    candidates = [Candidate("student", pair, fuser) for pair in find_pairs(SHARED / "data" / "TNO")[1].pairs]
    scores = Scores(protocol, METRICS)
    for candidate, result in unfailing(score(candidates, metrics=METRICS, protocol=protocol)):
        scores.add(candidate.method, candidate.pair.name, result)
    return {metric: round(summary.mean, 4) for metric, summary in scores.summarise()["student"].items()}


if __name__ == "__main__":
    main()
