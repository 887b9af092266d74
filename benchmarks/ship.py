"""Score trained weights on pairs that they did not see and put them among the shipped ones, with their model card.

    python benchmarks/ship.py WEIGHTS.safetensors NAME

Needs the real pairs in ../shared, of which `pairs.py` says what is unseen. The card then says what the weights are,
from what data (with its licence) and by which recipe they were trained, how to make them again, and what they score
under ``clip``.
"""

import argparse
from pathlib import Path

from mmdrfuse import models
from mmdrfuse.datasets import LAYOUTS
from mmdrfuse.engine import make
from mmdrfuse.models.checkpoints import SHIPPED
from mmdrfuse.pipeline.fusion import Fuser
from mmdrfuse.pipeline.pairs import Pair
from pairs import MEDICAL, SCENES, means, unseen

TOLD = ("EN", "SD", "SF", "AG", "MI", "SCD", "VIF", "Qabf", "SSIM", "CC")
"""What a card says of a student."""
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
    fuser = Fuser(make(weights))
    sets = {dataset: unseen(dataset) for dataset in (MEDICAL if arguments.name == "medical" else SCENES)}
    layouts = weights.card["data"]["pairs"]
    card = {
        **weights.card,
        "title": TITLES[arguments.name],
        "made_by": "make weights",
        "licences": {layout: LAYOUTS[layout].licence for layout in layouts if layout in LAYOUTS},
        "scores": {
            f"{dataset}, {len(pairs)} pairs, clip": {
                protocol: _scores(fuser, pairs, protocol) for protocol in ("standard", "cddfuse")
            }
            for dataset, pairs in sets.items()
        },
    }
    models.write(SHIPPED / f"{arguments.name}.safetensors", weights.arrays, card)
    print(f"wrote {SHIPPED / arguments.name}.safetensors: {card['scores']}")


def _scores(fuser: Fuser, pairs: list[Pair], protocol: str) -> dict[str, float]:
    return {metric: round(mean, 4) for metric, mean in means(fuser, pairs, metrics=TOLD, protocol=protocol).items()}


if __name__ == "__main__":
    main()
