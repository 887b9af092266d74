"""Score trained weights on pairs that they did not see and put them among the shipped ones, with their model card.

    python benchmarks/ship.py WEIGHTS.safetensors NAME

Needs the real pairs in ../shared, of which `pairs.py` says what is unseen. The card then says what the weights are,
from what data (with its licence) and by which recipe they were trained, how to make them again, and what they score
under ``clip``.
"""

import argparse
from pathlib import Path
from typing import Any

from mmdrfuse import models
from mmdrfuse.datasets import LAYOUTS
from mmdrfuse.engine import make
from mmdrfuse.models.checkpoints import SHIPPED, Checkpoint
from mmdrfuse.pipeline.fusion import Fuser
from mmdrfuse.pipeline.ordered import unfailing
from mmdrfuse.pipeline.pairs import Pair
from mmdrfuse.pipeline.scoring import Candidate, score
from mmdrfuse.pipeline.summary import Scores
from pairs import MEDICAL, SCENES, unseen

METRICS = ("EN", "SD", "SF", "AG", "MI", "SCD", "VIF", "Qabf", "SSIM", "CC")
TITLES = {
    "ivif": "student for infrared and visible pictures, 113 parameters",
    "medical": "student for PET, SPECT or CT and MRI, 113 parameters",
}


def main() -> None:
    """Write the card and the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("name", choices=TITLES)
    arguments = parser.parse_args()
    weights = models.read(arguments.weights)
    sets = {dataset: unseen(dataset) for dataset in (MEDICAL if arguments.name == "medical" else SCENES)}
    layouts = weights.card["data"]["pairs"]
    card = {
        **weights.card,
        "title": TITLES[arguments.name],
        "made_by": "make weights",
        "licences": {layout: LAYOUTS[layout].licence for layout in layouts if layout in LAYOUTS},
        "scores": {
            f"{dataset}, {len(pairs)} pairs, clip": {
                protocol: _scores(weights, pairs, protocol) for protocol in ("standard", "cddfuse")
            }
            for dataset, pairs in sets.items()
        },
    }
    models.write(SHIPPED / f"{arguments.name}.safetensors", weights.arrays, card)
    print(f"wrote {SHIPPED / arguments.name}.safetensors: {card['scores']}")


def _scores(weights: Checkpoint, pairs: list[Pair], protocol: str) -> dict[str, Any]:
    fuser = Fuser(make(weights))
    candidates = [Candidate("ours", pair, fuser) for pair in pairs]
    scores = Scores(protocol, METRICS)
    for candidate, result in unfailing(score(candidates, metrics=METRICS, protocol=protocol)):
        scores.add(candidate.method, candidate.pair.name, result)
    return {metric: round(summary.mean, 4) for metric, summary in scores.summarise()["ours"].items() if summary}


if __name__ == "__main__":
    main()
