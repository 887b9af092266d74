"""Do detectors find people in fused pictures? AP of persons, with the tone freed, on labelled pairs of LLVIP.

    python benchmarks/detection.py [--weights FILE ...] [--resamples N] [--json benchmarks/results/detection.json]

Needs ../shared, which has two detectors as ONNX, and labels. As ``mmdrfuse detect``, it scores every method twice: raw,
and at the tone that is best, for this method and detector, on pictures that are not scored. Here the halves that choose
for each other are the pairs that students were trained on, and those that were held out. Intervals are of the paired
difference to the mean of both sides, over resampled pictures.

What was detected is cached in ``runs/detection``, so that only new weights take minutes. `ship.py` puts the results
into the cards of the shipped weights.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse import images, models
from mmdrfuse.datasets import find_pairs, labels
from mmdrfuse.detection.detections import MIN_SCORE, NMS_IOU, Detections, Detector
from mmdrfuse.detection.detectors import open_detector
from mmdrfuse.detection.matching import Matches
from mmdrfuse.detection.resampling import RESAMPLES, Weights, draws, precision_by_threshold
from mmdrfuse.detection.running import three_channels
from mmdrfuse.detection.tones import GRID, RAW
from mmdrfuse.engine import make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.images.values.tones import Tone
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for
from mmdrfuse.system.atomic import writing
from pairs import DATA, HOLD_OUT, SHARED, fingerprint
from timing import machine

DETECTION = SHARED / "detection"
LABELS = DETECTION / "labels" / "llvip32_coco.json"
DETECTORS = {"YOLOX-Nano": "yolox_nano.onnx", "FastestDet": "FastestDet.onnx"}

PERSON = 0
"""COCO's first class, and the only one of the labels."""

HALVES = ("10 pairs that no student saw", "22 others")
"""Each half chooses the tone for the other one."""

Gray = NDArray[np.uint8]

Found = dict[Tone, Matches]
"""Tone → what was detected in all pairs, matched with the labels."""

Method = tuple[str, Callable[[Pair], Gray]]
"""What tells a method from its other versions, and what makes a luminance of a pair."""


def main() -> None:
    """Detect in every method's pictures at every tone, and print the table."""
    arguments = _arguments()
    methods = _methods(arguments.weights)
    document: dict[str, Any] = {"machine": machine(), "resamples": arguments.resamples}
    document["fingerprints"] = {name: key.split()[0] for name, (key, _) in methods.items()}
    document["detectors"] = {}
    for title, file in DETECTORS.items():
        detector = open_detector(DETECTION / file).only(frozenset({PERSON}))
        found = {name: _matched(_detected(detector, method, arguments.cache)) for name, method in methods.items()}
        document["detectors"][title] = _rows(found, arguments.resamples)
        _show(title, document["detectors"][title])
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _pairs() -> list[Pair]:
    _, pairing = find_pairs(DATA / "LLVIP")
    return list(pairing.pairs)


def _halves() -> dict[str, NDArray[np.int64]]:
    """Return the indices of the pairs that were held out, and of the others."""
    _, pairing = find_pairs(DATA / "LLVIP")
    held_out = np.isin([pair.name for pair in pairing.pairs], [pair.name for pair in pairing.held_out(HOLD_OUT)[1]])
    return dict(zip(HALVES, (np.flatnonzero(held_out), np.flatnonzero(~held_out)), strict=True))


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


def _detected(detector: Detector, method: Method, cache: Path) -> dict[Tone, list[Detections]]:
    """Detect in a method's pictures of all pairs at every tone, unless that was done before."""
    key, fuse = method
    what = repr((detector.description(), key, GRID, MIN_SCORE, NMS_IOU))
    file = cache / f"{sha256(what.encode()).hexdigest()[:16]}.npz"
    if not file.exists():
        print(f"{Path(detector.name).stem}: {key} …", flush=True)
        pictures = [fuse(pair) for pair in _pairs()]
        found = [detector(three_channels(tone(picture))) for tone in GRID for picture in pictures]
        with writing(file) as temporary:
            np.savez(temporary, *(np.column_stack([one.boxes, one.scores]) for one in found))
    arrays = np.load(file)
    tables = [arrays[f"arr_{number}"] for number in range(len(arrays))]
    found = [Detections(table[:, :4], table[:, 4], np.full(len(table), PERSON)) for table in tables]
    count = len(found) // len(GRID)
    return {tone: found[number * count : (number + 1) * count] for number, tone in enumerate(GRID)}


def _matched(found: Mapping[Tone, Sequence[Detections]]) -> Found:
    names = [pair.name for pair in _pairs()]
    by_name, _ = labels.read(LABELS).matched(names)
    truth = [by_name[name] for name in names]
    return {tone: Matches.of(each, truth, PERSON) for tone, each in found.items()}


def _rows(found: Mapping[str, Found], resamples: int) -> dict[str, Any]:
    """Score each half of the pairs: each method raw, and at the tone that is best on the other half."""
    halves = _halves()
    count = sum(map(len, halves.values()))
    rows: dict[str, Any] = {}
    for half, other in (HALVES, HALVES[::-1]):
        chosen = {method: _best(tones, halves[other], count) for method, tones in found.items()}
        weights = np.zeros((1 + resamples, count))
        weights[0, halves[half]] = 1  # the first row is the half itself, the others are drawn from it
        weights[1:, halves[half]] = draws(len(halves[half]), resamples)
        rows[half] = {method: {} for method in found}
        for title, tones in (("raw", dict.fromkeys(found, RAW)), ("tone freed", chosen)):
            precisions = {method: _precisions(found[method][tone], weights) for method, tone in tones.items()}
            for method, values in precisions.items():
                low, high = np.percentile((values - precisions["mean"])[1:], (2.5, 97.5), axis=0)
                rows[half][method][title] = {
                    "AP": values[0, 0], "AP50": values[0, 1], "tone": [tones[method].gain, tones[method].offset],
                    "AP to mean": [low[0], high[0]], "AP50 to mean": [low[1], high[1]],
                }  # fmt: skip
    return rows


def _best(tones: Found, half: NDArray[np.int64], count: int) -> Tone:
    weights = np.zeros((1, count))
    weights[0, half] = 1
    return max(tones, key=lambda tone: _precisions(tones[tone], weights)[0, 0])


def _precisions(matches: Matches, weights: Weights) -> NDArray[np.float64]:
    """Compute AP50:95 and AP50 of each set of pictures: (R, 2)."""
    by_threshold = precision_by_threshold(matches, weights)
    return np.stack([by_threshold.mean(axis=1), by_threshold[:, 0]], axis=1)


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
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    parser.add_argument("--cache", type=Path, default=Path("runs/detection"), help="folder of what was detected")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
