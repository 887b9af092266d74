"""The papers' protocol in small: a detector is trained on each method's pictures, and finds people in others.

    python benchmarks/detection_head.py [--methods A,B,…] [--steps N] [--seeds 0 1 2] [--json FILE]

Needs ../shared and the extras ``detect`` and ``efficientnet``. The detector is a head of about 54,000 parameters on the
frozen features of EfficientNet-Lite0, trained in tens of seconds. Every method gets the same head, start, steps and
size. The 32 labelled pairs of LLVIP are divided into blocks of neighbours; each block is searched by a head that was
trained on the others. All pictures together give the average precision of a seed. 30 of the pairs are from one camera,
so the blocks share a background: the numbers rank methods on this place, and say little about others.
"""

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits

from mmdrfuse import images
from mmdrfuse.datasets import labels
from mmdrfuse.datasets.export import ExportOptions, export
from mmdrfuse.detection.detections import Detections, non_maximum_suppression
from mmdrfuse.detection.labels import LabelledPicture
from mmdrfuse.detection.precision import average_precision
from mmdrfuse.losses.backbones import efficientnet
from mmdrfuse.registration.geometry import resized
from pairs import DATA, SHARED

LABELS = SHARED / "detection" / "labels" / "voc"
METHODS = "auto,mean,max,infrared,visible"
HEIGHT, WIDTH = 512, 640
"""Size at which the detector sees the pictures."""
STRIDE = 16
"""Pixels from one place where a person may be found to the next."""
WIDTHS = (240, 672)
"""Channels of the two maps of features."""
BATCH, RATE = 8, 2e-3
FOCUS = 2.0
"""Exponent of the focal loss."""


@dataclass(frozen=True)
class Picture:
    """The features of one picture and its mirror image, and its boxes on 640×512 pixels."""

    name: str
    features: tuple[Tensor, Tensor]
    truth: tuple[LabelledPicture, LabelledPicture]


class Head(nn.Module):
    """Score each place, and predict the distances to the left, upper, right and lower edge of the person there."""

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.fine = nn.Conv2d(WIDTHS[0], 24, 1)
        self.coarse = nn.Conv2d(WIDTHS[1], 48, 1)
        self.mix = nn.Conv2d(72, 24, 3, padding=1)
        self.out = nn.Conv2d(24, 5, 1)
        nn.init.constant_(self.out.bias, 0.0)
        with torch.no_grad():
            self.out.bias[0] = -math.log(99)  # at first, one place in a hundred is a person

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores before the sigmoid (N, H, W), and boxes in pixels (N, H, W, 4)."""
        values = (features - self.mean) / self.deviation
        fine, coarse = values.split(WIDTHS, dim=1)
        mixed = torch.relu(self.mix(torch.relu(torch.cat([self.fine(fine), self.coarse(coarse)], dim=1))))
        found = self.out(mixed)
        left, up, right, down = (STRIDE * found[:, 1:].clamp(-4, 4).exp()).unbind(1)
        x, y = (centres.to(found) for centres in _centres())
        return found[:, 0], torch.stack([x - left, y - up, x + right, y + down], dim=-1)


def main() -> None:
    """Train and test every method with every seed, and print the table."""
    arguments = _arguments()
    torch.set_num_threads(1)
    start = time.perf_counter()
    out = arguments.work / "set"
    options = ExportOptions(methods=tuple(arguments.methods.split(",")), labels=LABELS, formats=("voc",))
    export(DATA / "LLVIP", out, options, resume=True, warn=lambda _: None)
    network = efficientnet.load().eval().requires_grad_(False)
    document: dict[str, list[dict[str, float]]] = {}
    for method in options.methods:
        pictures = _pictures(out / method, network)
        document[method] = [_score(pictures, seed, arguments) for seed in arguments.seeds]
        print(_row(method, document[method]), flush=True)
    print(f"{time.perf_counter() - start:.0f} s, {sum(map(torch.numel, _head(pictures).parameters())):,} parameters")
    if arguments.json:
        settings = {"steps": arguments.steps, "folds": arguments.folds, "seeds": arguments.seeds}
        arguments.json.write_text(json.dumps({"settings": settings, "methods": document}, indent=1) + "\n")


def _pictures(folder: Path, network: nn.Module) -> list[Picture]:
    """Return all pictures of a method with their features, in the order of their names."""
    read = labels.read(folder / "voc")
    pictures = []
    for path in sorted((folder / "images").rglob("*.png")):
        gray = resized(images.luminance(images.read(path)), HEIGHT, WIDTH)
        truth = read.pictures[path.stem].resized(WIDTH, HEIGHT)
        both = gray, gray[:, ::-1].copy()
        pictures.append(Picture(path.stem, tuple(_features(one, network) for one in both), (truth, _mirrored(truth))))
    return pictures


def _features(gray: NDArray[np.uint8], network: nn.Module) -> Tensor:
    """Return the maps at 1/8 and 1/16 of the size, both at 1/16: 912×32×40, float16."""
    with torch.inference_mode():
        *_, fine, coarse = network(torch.from_numpy(gray)[None, None].float() / 255)
        return torch.cat([avg_pool2d(fine, 2), coarse], dim=1)[0].half().clone()


def _mirrored(truth: LabelledPicture) -> LabelledPicture:
    return truth.warped([-1, 0, WIDTH - 1, 0, 1, 0, 0, 0, 1], WIDTH, HEIGHT)


def _score(pictures: Sequence[Picture], seed: int, arguments: argparse.Namespace) -> dict[str, float]:
    """Search each block of pictures by a head that was trained on the others; return the average precision of all."""
    found: list[Detections] = []
    for block in np.array_split(np.arange(len(pictures)), arguments.folds):
        chosen = set(block.tolist())
        head = _train([one for number, one in enumerate(pictures) if number not in chosen], seed, arguments.steps)
        found += [_detect(head, pictures[number]) for number in block]
    score = average_precision(found, [one.truth[0] for one in pictures], ["person"])
    return {"AP": score.ap, "AP50": score.ap50, "AP75": score.ap75}


def _head(pictures: Sequence[Picture]) -> Head:
    stacked = torch.stack([one.features[0].float() for one in pictures])
    return Head(stacked.mean((0, 2, 3))[:, None, None], stacked.std((0, 2, 3))[:, None, None] + 1e-3)


def _train(pictures: Sequence[Picture], seed: int, steps: int) -> Head:
    """Train a head; the seed decides on its start and the order of the pictures."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    head = _head(pictures)
    targets = [[_targets(truth) for truth in one.truth] for one in pictures]
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=1e-2)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
        drawn = [(int(generator.integers(len(pictures))), int(generator.integers(2))) for _ in range(BATCH)]
        features = torch.stack([pictures[number].features[side].float() for number, side in drawn])
        wanted, counted, boxes = (torch.stack(each) for each in zip(*(targets[n][s] for n, s in drawn), strict=True))
        loss = _loss(*head(features), wanted, counted, boxes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return head.eval()


def _targets(truth: LabelledPicture) -> tuple[Tensor, Tensor, Tensor]:
    """Return for each place whether a person's middle half is there, whether the place counts, and the box."""
    x, y = _centres()
    wanted = torch.zeros(x.shape, dtype=torch.bool)
    counted = torch.ones(x.shape, dtype=torch.bool)
    boxes = torch.zeros(*x.shape, 4)
    for index in np.argsort(-truth.areas):  # the smaller person is in front of the larger
        x0, y0, x1, y1 = truth.boxes[index].tolist()
        if truth.ignored[index]:
            counted &= ~((x >= x0) & (x < x1) & (y >= y0) & (y < y1))
            continue
        middle = ((x - (x0 + x1) / 2).abs() <= max((x1 - x0) / 4, STRIDE / 2)) & (
            (y - (y0 + y1) / 2).abs() <= max((y1 - y0) / 4, STRIDE / 2)
        )
        wanted |= middle
        boxes[middle] = torch.tensor([x0, y0, x1, y1])
    return wanted, counted | wanted, boxes


def _loss(scores: Tensor, found: Tensor, wanted: Tensor, counted: Tensor, boxes: Tensor) -> Tensor:
    """Return the focal loss of all places that count, and -log of the overlap where a person is."""
    people = wanted.sum().clamp(min=1)
    entropy = binary_cross_entropy_with_logits(scores, wanted.float(), reduction="none")
    missing = 1 - torch.exp(-entropy)  # the probability of the wrong answer
    focal = (missing**FOCUS * entropy * counted).sum() / people

    ours, theirs = found[wanted], boxes[wanted]
    inner = (torch.minimum(ours[:, 2:], theirs[:, 2:]) - torch.maximum(ours[:, :2], theirs[:, :2])).clamp(min=0)
    areas = [(box[:, 2:] - box[:, :2]).clamp(min=0).prod(dim=1) for box in (ours, theirs)]
    common = inner.prod(dim=1)
    overlap = common / (areas[0] + areas[1] - common + 1e-6)
    return focal - torch.log(overlap.clamp(min=1e-6)).sum() / people


def _detect(head: Head, picture: Picture) -> Detections:
    with torch.inference_mode():
        scores, boxes = head(picture.features[0].float()[None])
    flat = boxes.reshape(-1, 4).clamp(min=0)
    flat = torch.minimum(flat, torch.tensor([WIDTH, HEIGHT, WIDTH, HEIGHT]))
    return non_maximum_suppression(flat.double().numpy(), scores.sigmoid().reshape(-1, 1).double().numpy())


def _centres() -> tuple[Tensor, Tensor]:
    """Return x and y of the middle of each place, in pixels."""
    y, x = torch.meshgrid(torch.arange(HEIGHT // STRIDE), torch.arange(WIDTH // STRIDE), indexing="ij")
    return (x + 0.5) * STRIDE, (y + 0.5) * STRIDE


def _row(method: str, scores: Sequence[dict[str, float]]) -> str:
    """Return a method's means over the seeds, and the range of AP50:95."""
    means = {name: 100 * float(np.mean([score[name] for score in scores])) for name in scores[0]}
    singles = [100 * score["AP"] for score in scores]
    listed = "  ".join(f"{name} {value:5.1f}" for name, value in means.items())
    return f"{method:10} {listed}   AP of the seeds {min(singles):.1f} to {max(singles):.1f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", default=METHODS)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--work", type=Path, default=Path("runs/detection_head"), help="folder of the exported set")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
