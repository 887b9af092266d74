"""Do detectors find people in fused pictures? AP of persons, with the tone freed, on labelled pairs of LLVIP.

    python benchmarks/detection.py [--weights FILE ...] [--resamples N] [--json benchmarks/results/detection.json]

Needs ../shared, which has two detectors as ONNX, and labels. A detector likes some exposures more than others, so a
comparison at one tone compares exposures. So every method is scored twice: raw, and at the tone ``gain·level + offset``
that is best, for this method and detector, on pictures that are not scored: the pairs that students were trained on
choose for those that were held out, and the reverse. Intervals are of the paired difference to the mean of both sides,
over resampled pictures.

What was detected is kept in ``runs/detection``, so that only new weights take minutes. `ship.py` puts the results into
the cards of the shipped weights.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from detectors import DETECTION, DETECTORS, LEAST_SCORE, OVERLAP, Boxes, Detect, Gray
from precision import average_precision, matched

from mmdrfuse import images, models
from mmdrfuse.datasets import find_pairs
from mmdrfuse.engine import make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for
from pairs import DATA, HOLD_OUT, SHARED, fingerprint
from timing import machine

LABELS = DETECTION / "labels" / "llvip32_coco.json"

HALVES = ("10 pairs that no student saw", "22 others")
"""Each half chooses the tone for the other one."""

GAINS, OFFSETS = (1.0, 0.7, 0.5), (0.0, 30.0, 60.0, 90.0)
"""Of the tones that are tried."""

Tone = tuple[float, float]
RAW: Tone = (1.0, 0.0)
TONES = list(product(GAINS, OFFSETS))

Found = dict[Tone, dict[str, Boxes]]
"""Tone → name of the pair → what was detected."""

Method = tuple[str, Callable[[Pair], Gray]]
"""What tells a method from its other versions, and what makes a luminance of a pair."""


def main() -> None:
    """Detect in every method's pictures at every tone, and print the table."""
    arguments = _arguments()
    methods = _methods(arguments.weights)
    found = _detected(methods, _pairs(), arguments.cache)
    document: dict[str, Any] = {"machine": machine(), "resamples": arguments.resamples}
    document["fingerprints"] = {name: key.split()[0] for name, (key, _) in methods.items()}
    document["detectors"] = {}
    for detector, each in found.items():
        document["detectors"][detector] = _rows(each, arguments.resamples)
        _show(detector, document["detectors"][detector])
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _pairs() -> dict[str, Pair]:
    _, pairing = find_pairs(DATA / "LLVIP")
    return {pair.name.split("/")[-1]: pair for pair in pairing.pairs}


def _halves() -> dict[str, list[str]]:
    """Return the names of the pairs that were held out, and of the others."""
    _, pairing = find_pairs(DATA / "LLVIP")
    trained, held_out = ([pair.name.split("/")[-1] for pair in some] for some in pairing.held_out(HOLD_OUT))
    return dict(zip(HALVES, (held_out, trained), strict=True))


def _methods(files: Sequence[str]) -> dict[str, Method]:
    """Return every method by name."""
    released = models.read(SHARED / "published" / "student.model")
    fusers = {name: (name, Fuser(BASELINES[name], "clip", "gray")) for name in ("mean", "max", "affine")}
    fusers["released student, minmax"] = fingerprint(released), Fuser(make(released), "minmax", "gray")
    ours = [name for name in models.names() if models.read(name).network == "student"]
    for name in [*ours, *files]:
        weights = models.read(name)
        policy = range_for(weights, "auto")
        fusers[name] = f"{fingerprint(weights)} {policy}", Fuser(make(weights), policy, "gray")
    sides: dict[str, Method] = {
        "infrared": ("infrared", lambda pair: images.luminance(images.read(pair.infrared))),
        "visible": ("visible", lambda pair: images.luminance(images.read(pair.visible))),
    }
    return sides | {name: (key, _fused(fuser)) for name, (key, fuser) in fusers.items()}


def _fused(fuser: Fuser) -> Callable[[Pair], Gray]:
    return lambda pair: fuser(images.read(pair.infrared), images.read(pair.visible)).image


def _detected(methods: Mapping[str, Method], pairs: Mapping[str, Pair], cache: Path) -> dict[str, dict[str, Found]]:
    """Detect by every detector in every method's pictures, unless that was done before."""
    found: dict[str, dict[str, Found]] = {}
    for detector, start in DETECTORS.items():
        detect = start()
        found[detector] = {}
        for name, (key, fuse) in methods.items():
            what = repr((detector, key, TONES, LEAST_SCORE, OVERLAP))
            kept = cache / f"{sha256(what.encode()).hexdigest()[:16]}.npz"
            if not kept.exists():
                print(f"{detector}: {name} …", flush=True)
                cache.mkdir(parents=True, exist_ok=True)
                np.savez(kept, **_toned(detect, fuse, pairs))
            arrays = np.load(kept)
            found[detector][name] = {
                tone: {pair: arrays[f"{number} {pair}"] for pair in pairs} for number, tone in enumerate(TONES)
            }
    return found


def _toned(detect: Detect, fuse: Callable[[Pair], Gray], pairs: Mapping[str, Pair]) -> dict[str, Boxes]:
    """Fuse each pair once, and detect in it at every tone."""
    boxes = {}
    for name, pair in pairs.items():
        picture = fuse(pair).astype(np.float32)
        for number, (gain, offset) in enumerate(TONES):
            toned = np.clip(np.rint(gain * picture + offset), 0, 255).astype(np.uint8)
            boxes[f"{number} {name}"] = detect(toned)
    return boxes


def _rows(found: Mapping[str, Found], resamples: int) -> dict[str, Any]:
    """Score each half of the pairs: each method raw, and at the tone that is best on the other half."""
    matches = {
        method: {tone: matched(boxes, LABELS) for tone, boxes in tones.items()} for method, tones in found.items()
    }
    halves = _halves()
    rows: dict[str, Any] = {}
    for half, other in (HALVES, HALVES[::-1]):
        names = halves[half]
        drawn = np.random.default_rng(0).choice(names, (resamples, len(names)))

        def precisions(method: str, tone: Tone, names: Sequence[str]) -> tuple[float, float]:
            return average_precision([matches[method][tone][name] for name in names])

        best = {method: max(TONES, key=lambda tone: precisions(method, tone, halves[other])[0]) for method in matches}
        rows[half] = {method: {} for method in matches}
        for title, tones in (("raw", dict.fromkeys(matches, RAW)), ("tone freed", best)):
            spread = {
                method: np.array([precisions(method, tone, sample) for sample in drawn])
                for method, tone in tones.items()
            }
            for method, tone in tones.items():
                gap = np.percentile(spread[method] - spread["mean"], (2.5, 97.5), axis=0)
                precision, at_half = precisions(method, tone, names)
                rows[half][method][title] = {
                    "AP": precision, "AP50": at_half, "tone": tone,
                    "AP to mean": gap[:, 0].tolist(), "AP50 to mean": gap[:, 1].tolist(),
                }  # fmt: skip
    return rows


def _show(detector: str, halves: Mapping[str, Any]) -> None:
    for half, rows in halves.items():
        print(f"{detector}, {half}: AP50:95 and AP50 in %, and the difference to the mean in AP50:95")
        for method, row in rows.items():
            print(f"  {method:26} {'   '.join(_cells(row))}", flush=True)


def _cells(row: Mapping[str, Any]) -> Iterator[str]:
    for title, found in row.items():
        low, high = (100 * end for end in found["AP to mean"])
        gain, offset = found["tone"]
        tone = f" at {gain:g}·y + {offset:g}" if title != "raw" else ""
        yield f"{title} {100 * found['AP']:.1f} {100 * found['AP50']:.1f} [{low:+.1f}, {high:+.1f}]{tone}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", nargs="*", default=[], metavar="FILE", help="more students")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--cache", type=Path, default=Path("runs/detection"), help="folder of what was detected")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
