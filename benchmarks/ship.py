"""Score trained weights on pairs that they did not see and put them among the shipped ones, with their model card.

    python benchmarks/ship.py WEIGHTS.safetensors NAME
    python benchmarks/ship.py --detection

Needs the real pairs in ../shared, of which `pairs.py` names the held-out ones. The card then says what the weights are,
from what data (with its licence) and by which recipe they were trained, how to make them again, for which range and
light they are, and what they score so. What detectors see is from ``results/detection.json``, if `detection.py` has
looked at these very weights. The second form puts it into the cards of all shipped students, and changes nothing else.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmdrfuse import models, recipes
from mmdrfuse.datasets import LAYOUTS, find_pairs
from mmdrfuse.engine import make
from mmdrfuse.models.checkpoints import SHIPPED, Checkpoint
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import fuse_pairs
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.system.workers import raise_failures
from pairs import DATA, HOLD_OUT, MEDICAL, SCENES, TRAINED, fingerprint, held_out_pairs, means

DETECTION = Path(__file__).parent / "results" / "detection.json"

CARD_METRICS = ("EN", "SD", "SF", "AG", "MI", "SCD", "VIF", "Qabf", "SSIM", "CC")
"""Metrics in a student's card."""
TITLES = {
    "scenes": "student for infrared and visible pictures, 113 parameters",
    "clean": "student for infrared and visible pictures, of made-up scenes alone, 113 parameters",
    "day": "student for recordings by day, 113 parameters",
    "night": "student for recordings at night, 113 parameters",
    "medical": "student for PET, SPECT or CT and MRI, 113 parameters",
    "teacher": "teacher for infrared and visible pictures, 556,489 parameters",
}
LIGHTS = {"scenes": "any", "clean": "any", "day": "day", "night": "night", "medical": "", "teacher": "any"}


def main() -> None:
    """Write the card and the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, nargs="?")
    parser.add_argument("name", choices=TITLES, nargs="?")
    parser.add_argument("--seeds", default="", help="what was tried, such as '0, 1, 2; chosen by …'")
    parser.add_argument("--detection", action="store_true", help="write only what detectors see into the cards")
    arguments = parser.parse_args()
    if arguments.detection:
        for name in models.names():
            write(name, models.read(name), models.read(name).card)
    elif arguments.name:
        _ship(arguments.name, models.read(arguments.weights), arguments.seeds)
    else:
        parser.error("give the weights and their name, or --detection")


def _ship(name: str, weights: Checkpoint, seeds: str) -> None:
    """Make the card, and write it with the weights."""
    data = _data(weights, name)
    card = {
        **weights.card,
        "title": TITLES[name],
        "range": weights.card.get("range", "clip"),
        "light": LIGHTS[name],
        "data": data,
        "made_by": "make weights",
        "licences": {layout: LAYOUTS[layout].licence for layout in data["pairs"] if layout in LAYOUTS},
        "seeds": seeds or weights.card.get("seeds", ""),
    }
    sets = {dataset: held_out_pairs(dataset) for dataset in (MEDICAL if name == "medical" else SCENES)}
    card["scores"] = {
        f"{dataset}, {len(pairs)} pairs, {card['range']}{_seen(name, dataset)}": _scores(weights, pairs, card["range"])
        for dataset, pairs in sets.items()
    }
    write(name, weights, card)
    print(f"{name}: {card['scores']}")


def write(name: str, weights: Checkpoint, card: dict[str, Any]) -> None:
    """Write the weights with their card, to which what detectors see is added."""
    detected = detection(name, weights)
    if not detected and weights.network == "student":
        print(f"{name}: run benchmarks/detection.py, and then ship.py --detection, for what detectors see")
    others = {key: value for key, value in card.items() if key != "detection"}
    file = SHIPPED / f"{name}.safetensors"
    models.write(file, weights.arrays, {**others, "detection": detected} if detected else others)
    print(f"wrote {file}")


def detection(name: str, weights: Checkpoint) -> dict[str, Any]:
    """Return what detectors see in the pictures of these weights: half of the pairs → detector → tone → AP."""
    results = json.loads(DETECTION.read_text())
    if results["fingerprints"].get(name) != fingerprint(weights):
        return {}
    detected: dict[str, Any] = {}
    for detector, halves in results["detectors"].items():
        for half, rows in halves.items():
            row = {title: _rounded(found) for title, found in rows[name].items()}
            detected.setdefault(half, {})[detector] = row
    return detected


def _rounded(found: dict[str, Any]) -> dict[str, Any]:
    return {
        key: [round(each, 4) for each in value] if isinstance(value, list) else round(value, 4)
        for key, value in found.items()
    }


def _data(weights: Checkpoint, name: str) -> dict[str, Any]:
    """Return what the weights were trained on, and what the student was that they were refined from."""
    data = {"options": {"hold_out": HOLD_OUT}, "pairs": {}} | (weights.card.get("data") or {})
    refined_from = recipes.plan(name).student
    if refined_from or not data["pairs"]:
        data["pairs"] = {**data["pairs"], **_trained(name)}
    return data


def _trained(name: str) -> dict[str, int]:
    """Count the pairs of each layout that a student was refined on."""
    made_up = recipes.plan(name).others["demo"].get("pairs")
    if made_up:
        return {"made-up": int(made_up)}
    counts: Counter[str] = Counter()
    for dataset in recipes.plan(name).sets:
        layout, pairing = find_pairs(DATA / dataset)
        held_out = HOLD_OUT if dataset in TRAINED else None
        known = layout.name if layout.name != "folders" else dataset.split("/")[0].lower()
        counts[known] += len(pairing.held_out(held_out)[0])
    return dict(counts)


def _seen(name: str, dataset: str) -> str:
    return ", trained on" if dataset in recipes.plan(name).sets and dataset not in TRAINED else ""


def _scores(weights: Checkpoint, pairs: list[Pair], policy: str) -> dict[str, dict[str, float]]:
    """Fuse once, as a teacher takes its time, and score under both protocols."""
    with TemporaryDirectory() as folder:
        for _ in raise_failures(fuse_pairs(Choices(Fuser(make(weights), policy), weights), pairs, Path(folder))):
            pass
        found = {
            name: means(Path(folder), pairs, metrics=CARD_METRICS, protocol=name) for name in ("standard", "cddfuse")
        }
    return {name: {metric: round(mean, 4) for metric, mean in scores.items()} for name, scores in found.items()}


if __name__ == "__main__":
    main()
