"""Print VIFB's published values beside ours, for the pairs and methods at hand, with the count of matching digits.

    python benchmarks/vifb.py [--shared DIR] [--workers N] [--json FILE]

VIFB (Zhang, Ye, Xiao, CVPRW 2020) published 13 metrics of 25 methods on 21 pairs, each to five digits. In ../shared are
eight of its pairs with the results of five methods. A cell shows the published value, ours, and in parentheses how many
digits agree where not all five do.
"""

import argparse
import json
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from mmdrfuse.metrics import PROTOCOLS, evaluate, find_metric

DIGITS = 5

Table = dict[str, dict[str, dict[str, float]]]


def main() -> None:
    """Score every image at hand, print a table for each pair, and the count of digits."""
    arguments = _arguments()
    published_file = arguments.shared / "oracle" / "vifb_published.json"
    if not published_file.is_file():
        sys.exit(f"{published_file} is missing; name the folder of the real data with --shared")
    published: Table = json.loads(published_file.read_text())
    folder = arguments.shared / "data" / "VIFB"
    cases = [
        (pair, method) for pair in published for method in published[pair] if _fused(folder, pair, method).exists()
    ]
    with ProcessPoolExecutor(arguments.workers) as pool:
        scored = list(pool.map(_score, [folder] * len(cases), *zip(*cases, strict=True)))
    ours: Table = {pair: {} for pair in published}
    for (pair, method), scores in zip(cases, scored, strict=True):
        ours[pair][method] = scores
    counts: Counter[int] = Counter()
    for pair in published:
        counts += _show(pair, published[pair], ours[pair])
    print("digits that agree: " + ", ".join(f"{digits}: {counts[digits]} values" for digits in sorted(counts)))
    if arguments.json:
        arguments.json.write_text(json.dumps({"published": published, "ours": ours}, indent=1) + "\n")


def matching_digits(published: float, ours: float) -> int:
    """Count how many leading digits agree, both values being rounded to as many."""
    agreeing = (digits for digits in range(DIGITS, 0, -1) if f"{published:.{digits}g}" == f"{ours:.{digits}g}")
    return next(agreeing, 0)


def _fused(folder: Path, pair: str, method: str) -> Path:
    return folder / "fused" / f"{pair}_{method}.jpg"


def _score(folder: Path, pair: str, method: str) -> dict[str, float]:
    paths = _fused(folder, pair, method), folder / "IR" / f"{pair}.jpg", folder / "VI" / f"{pair}.jpg"
    fused, infrared, visible = (np.asarray(Image.open(path)) for path in paths)
    protocol = PROTOCOLS["vifb"]
    theirs = json.loads((folder.parents[1] / "oracle" / "vifb_published.json").read_text())[pair][method]
    scores = evaluate(fused, infrared, visible, metrics=theirs, protocol="vifb")
    return {name: scores[find_metric(name, protocol).name] for name in theirs}


def _show(pair: str, published: dict[str, dict[str, float]], ours: dict[str, dict[str, float]]) -> Counter[int]:
    counts: Counter[int] = Counter()
    print(f"{pair:18}" + "".join(f"{method:>21}" for method in ours))
    for metric in next(iter(published.values())):
        line = f"  {metric:16}"
        for method, scores in ours.items():
            value, score = published[method][metric], scores[metric]
            digits = matching_digits(value, score)
            counts[digits] += 1
            remark = "" if digits == DIGITS else f" ({digits})"
            line += f"{value:>9.5g} {score:<8.5g}{remark:3}".rjust(21)
        print(line)
    print()
    return counts


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
