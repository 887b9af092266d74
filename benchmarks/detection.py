"""Do detectors find people in fused pictures? AP of persons, with the tone freed, on labelled pairs of LLVIP.

    python benchmarks/detection.py [--weights FILE ...] [--resamples N] [--json FILE]

Needs ../shared (two detectors as ONNX, and labels) and the extra ``detection``. A detector likes some exposures more
than others, so a comparison at one tone compares exposures. So every method is scored twice: raw, and with
``gain·level + offset`` chosen, for each method and detector, on pictures that are not scored: the pairs that students
were trained on choose for those that were held out, and the reverse. AP is by faster-coco-eval; intervals are of the
paired difference to the mean of both sides, over resampled pictures.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdrfuse import images, models
from mmdrfuse.datasets import find_pairs
from mmdrfuse.engine import make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for
from pairs import DATA, HOLD_OUT, SHARED

DETECTION = SHARED / "detection"
LABELS = DETECTION / "labels" / "llvip32_coco.json"
PERSON = 0
"""COCO's first class."""

GAINS, OFFSETS = (1.0, 0.7, 0.5), (0.0, 30.0, 60.0, 90.0)
"""Of the tones that are tried."""

LEAST_SCORE, OVERLAP = 0.03, 0.6
"""Below which a box is dropped, and above which the weaker of two is."""

Gray = NDArray[np.uint8]
Boxes = NDArray[np.float64]
"""(N, 5): left, top, width, height in pixels, and score."""


def main() -> None:
    """Detect in every method's pictures at every tone, and print the table."""
    arguments = _arguments()
    methods, document = _methods(arguments.weights), dict[str, Any]()
    _, pairing = find_pairs(DATA / "LLVIP")
    pairs = {pair.name.split("/")[-1]: pair for pair in pairing.pairs}
    held_out = [pair.name.split("/")[-1] for pair in pairing.held_out(HOLD_OUT)[1]]
    halves = {"10 pairs that no student saw": held_out, "22 others": [name for name in pairs if name not in held_out]}
    for detector, detect in (("YOLOX-Nano", yolox()), ("FastestDet", fastest())):
        found = {method: _detected(detect, fuse, pairs) for method, fuse in methods.items()}
        document[detector] = {
            half: _rows(found, names, next(other for title, other in halves.items() if title != half), arguments)
            for half, names in halves.items()
        }
        _show(detector, document[detector])
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


Tone = tuple[float, float]
Found = dict[Tone, dict[str, Boxes]]
"""Tone → name of the pair → what was detected."""


def _rows(
    found: dict[str, Found], names: list[str], others: list[str], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Score each method raw, and at the tone that is best on other pictures, beside the mean of both sides."""
    generator = np.random.default_rng(0)
    resampled = [list(generator.choice(names, len(names))) for _ in range(arguments.resamples)]
    chosen = {
        method: max(tones, key=lambda tone: average_precision(tones[tone], others)[0])
        for method, tones in found.items()
    }
    rows: dict[str, Any] = {}
    for title, tone_of in (("raw", dict.fromkeys(found, (1.0, 0.0))), ("tone freed", chosen)):
        boxes = {method: found[method][tone_of[method]] for method in found}
        spread = {
            method: [average_precision(each, sample)[0] for sample in resampled] for method, each in boxes.items()
        }
        for method, each in boxes.items():
            precision = average_precision(each, names)
            gap = np.percentile(np.subtract(spread[method], spread["mean"]), (2.5, 97.5)) if resampled else (0.0, 0.0)
            rows.setdefault(method, {})[title] = {
                "AP": precision[0], "AP50": precision[1], "to mean": list(map(float, gap)), "tone": tone_of[method],
            }  # fmt: skip
    return rows


def average_precision(boxes: dict[str, Boxes], names: list[str]) -> tuple[float, float]:
    """Compute AP50:95 and AP50 of persons; a picture may come several times.

    Args:
        boxes: By name of the picture, what was detected.
        names: The pictures to score.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    truth = json.loads(LABELS.read_text())
    known = {Path(image["file_name"]).stem: image for image in truth["images"]}
    pictures = [{**known[name], "id": number} for number, name in enumerate(names)]
    marked, found = [], []
    for number, name in enumerate(names):
        labels = [one for one in truth["annotations"] if one["image_id"] == known[name]["id"]]
        marked += [{**one, "id": len(marked) + place + 1, "image_id": number} for place, one in enumerate(labels)]
        found += [
            {"image_id": number, "category_id": 1, "bbox": list(map(float, box[:4])), "score": float(box[4])}
            for box in boxes[name]
        ]
    if not found:
        return 0.0, 0.0
    with redirect_stdout(StringIO()):
        reference = COCO({**truth, "images": pictures, "annotations": marked})
        evaluation = COCOeval_faster(reference, reference.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), float(evaluation.stats[1])


def yolox(size: int = 416) -> Callable[[Gray], Boxes]:
    """Return YOLOX-Nano: scaled to fit, 114 at the right and below, three scales of cells with an offset and a size."""
    run = _session("yolox_nano.onnx")
    steps = (8, 16, 32)
    cells = [np.stack(np.meshgrid(*[np.arange(size // step)] * 2), axis=-1).reshape(-1, 2) for step in steps]
    x, y = np.concatenate(cells).T
    step = np.concatenate([np.full(len(each), step) for each, step in zip(cells, steps, strict=True)])

    def detect(picture: Gray) -> Boxes:
        scale = size / max(picture.shape)
        height, width = (round(side * scale) for side in picture.shape)
        canvas = np.full((size, size), 114, np.float32)
        canvas[:height, :width] = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
        raw = run(canvas)[0]
        centre_x, centre_y = (raw[:, 0] + x) * step, (raw[:, 1] + y) * step
        widths, heights = np.exp(raw[:, 2]) * step, np.exp(raw[:, 3]) * step
        scores = raw[:, 4] * raw[:, 5 + PERSON]
        return _strongest(centre_x / scale, centre_y / scale, widths / scale, heights / scale, scores)

    return detect


def fastest(size: int = 352) -> Callable[[Gray], Boxes]:
    """Return FastestDet: stretched to a square in [0, 1], one scale of cells."""
    run = _session("FastestDet.onnx")

    def detect(picture: Gray) -> Boxes:
        height, width = picture.shape
        square = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR), np.float32)
        raw = run(square / 255)[0].astype(np.float64)
        rows, columns = raw.shape[1:]
        row, column = np.mgrid[:rows, :columns]
        scores = raw[0] ** 0.6 * raw[5 + PERSON] ** 0.4
        centre_x, centre_y = (column + np.tanh(raw[1])) / columns * width, (row + np.tanh(raw[2])) / rows * height
        widths, heights = width / (1 + np.exp(-raw[3])), height / (1 + np.exp(-raw[4]))
        return _strongest(*(values.ravel() for values in (centre_x, centre_y, widths, heights, scores)))

    return detect


def _session(name: str) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return a network that takes one grey plane, three times over."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(DETECTION / name), options)
    source = session.get_inputs()[0].name

    def run(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        output: NDArray[np.float32] = session.run(None, {source: np.stack([plane] * 3)[None].astype(np.float32)})[0]
        return output

    return run


def _strongest(x: Boxes, y: Boxes, width: Boxes, height: Boxes, scores: Boxes) -> Boxes:
    """Keep boxes that no stronger one overlaps."""
    boxes = np.stack([x - width / 2, y - height / 2, width, height, scores], axis=1)[scores > LEAST_SCORE]
    boxes = boxes[np.argsort(-boxes[:, 4])]
    chosen: list[Boxes] = []
    for box in boxes:
        if all(_overlap(box, other) <= OVERLAP for other in chosen):
            chosen.append(box)
    return np.array(chosen).reshape(-1, 5)


def _overlap(one: Boxes, other: Boxes) -> float:
    sides = np.minimum(one[:2] + one[2:4], other[:2] + other[2:4]) - np.maximum(one[:2], other[:2])
    common = float(np.prod(np.clip(sides, 0, None)))
    return common / (float(np.prod(one[2:4])) + float(np.prod(other[2:4])) - common)


def _methods(files: list[str]) -> dict[str, Callable[[Pair], Gray]]:
    """Return what makes a luminance of a pair, by name."""
    released = models.read(SHARED / "published" / "student.model")
    fusers = {name: Fuser(engine, "clip", "gray") for name, engine in BASELINES.items()}
    fusers["released student, minmax"] = Fuser(make(released), "minmax", "gray")
    ours = [name for name in models.names() if models.read(name).network == "student"]
    for name in [*ours, *files]:
        weights = models.read(name)
        fusers[name] = Fuser(make(weights), range_for(weights, "auto"), "gray")
    sides: dict[str, Callable[[Pair], Gray]] = {
        "infrared": lambda pair: images.luminance(images.read(pair.infrared)),
        "visible": lambda pair: images.luminance(images.read(pair.visible)),
    }
    return sides | {name: _fused(fuser) for name, fuser in fusers.items()}


def _fused(fuser: Fuser) -> Callable[[Pair], Gray]:
    return lambda pair: fuser(images.read(pair.infrared), images.read(pair.visible)).image


def _detected(detect: Callable[[Gray], Boxes], fuse: Callable[[Pair], Gray], pairs: dict[str, Pair]) -> Found:
    """Detect in a method's pictures at every tone."""
    found: Found = {tone: {} for tone in product(GAINS, OFFSETS)}
    for name, pair in pairs.items():
        picture = fuse(pair).astype(np.float32)
        for gain, offset in found:
            toned = np.clip(np.rint(gain * picture + offset), 0, 255).astype(np.uint8)
            found[gain, offset][name] = detect(toned)
    return found


def _show(detector: str, halves: dict[str, Any]) -> None:
    for half, rows in halves.items():
        print(f"{detector}, {half}: AP50:95 and AP50, and the difference to the mean in AP50:95")
        for method, row in rows.items():
            print(f"  {method:26} {'   '.join(_cells(row))}", flush=True)


def _cells(row: dict[str, Any]) -> Iterator[str]:
    for title, found in row.items():
        low, high = (100 * end for end in found["to mean"])
        gain, offset = found["tone"]
        tone = f" at {gain:g}·y + {offset:g}" if title != "raw" else ""
        yield f"{title} {100 * found['AP']:.1f} {100 * found['AP50']:.1f} [{low:+.1f}, {high:+.1f}]{tone}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", nargs="*", default=[], metavar="FILE", help="more students")
    parser.add_argument("--resamples", type=int, default=200)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
