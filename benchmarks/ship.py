"""Score trained weights on pairs that they did not see and put them among the shipped ones, with their model card.

    python benchmarks/ship.py WEIGHTS.safetensors NAME

Needs the real pairs in ../shared, of which `pairs.py` names the held-out ones. The card then says what the weights are,
from what data (with its licence) and by which recipe they were trained, how to make them again, and what they score
under ``clip``.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from mmdrfuse import models
from mmdrfuse.datasets import LAYOUTS
from mmdrfuse.engine import make
from mmdrfuse.models.checkpoints import SHIPPED, Checkpoint
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import fuse_pairs
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.system.workers import raise_failures
from pairs import MEDICAL, SCENES, held_out_pairs, means

CARD_METRICS = ("EN", "SD", "SF", "AG", "MI", "SCD", "VIF", "Qabf", "SSIM", "CC")
"""Metrics in a student's card."""
TITLES = {
    "ivif": "student for infrared and visible pictures, 113 parameters",
    "medical": "student for PET, SPECT or CT and MRI, 113 parameters",
    "teacher": "teacher for infrared and visible pictures, 556,489 parameters",
}


def main() -> None:
    """Write the card and the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("name", choices=TITLES)
    arguments = parser.parse_args()
    weights = models.read(arguments.weights)
    sets = {dataset: held_out_pairs(dataset) for dataset in (MEDICAL if arguments.name == "medical" else SCENES)}
    layouts = weights.card["data"]["pairs"]
    card = {
        **weights.card,
        "title": TITLES[arguments.name],
        "made_by": "make weights",
        "licences": {layout: LAYOUTS[layout].licence for layout in layouts if layout in LAYOUTS},
        "scores": {f"{dataset}, {len(pairs)} pairs, clip": _scores(weights, pairs) for dataset, pairs in sets.items()},
    }
    models.write(SHIPPED / f"{arguments.name}.safetensors", weights.arrays, card)
    print(f"wrote {SHIPPED / arguments.name}.safetensors: {card['scores']}")


def _scores(weights: Checkpoint, pairs: list[Pair]) -> dict[str, dict[str, float]]:
    """Fuse once, as a teacher takes its time, and score under both protocols."""
    with TemporaryDirectory() as folder:
        for _ in raise_failures(fuse_pairs(Choices(Fuser(make(weights)), weights), pairs, Path(folder))):
            pass
        found = {
            name: means(Path(folder), pairs, metrics=CARD_METRICS, protocol=name) for name in ("standard", "cddfuse")
        }
    return {name: {metric: round(mean, 4) for metric, mean in scores.items()} for name, scores in found.items()}


if __name__ == "__main__":
    main()
