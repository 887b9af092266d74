"""Sheets of fused pictures to look at: whole, and at 200 % where the edges of the sources are hardest.

    python benchmarks/sheets.py [--sets A,B] [--pairs N] [--weights FILE ...] [--out runs/sheets]

Needs the real pairs in ../shared. Each set gets two sheets, of pairs that no training saw: SET.png and SET-edges.png.
Columns are both sides, the released student stretched, max(I, V), the affine mix, and our students for the set.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from mmdrfuse import images, models
from mmdrfuse.engine import make
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.images.sheet import sheet
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for
from pairs import MEDICAL, SHARED, held_out_pairs

OURS = {"LLVIP": ("scenes", "night"), "RoadScene": ("scenes", "day"), "TNO": ("scenes", "day"),
        "MSRS/test": ("scenes", "night")} | dict.fromkeys(MEDICAL, ("medical",))  # fmt: skip
"""Set → the shipped students for it."""

HEIGHT = 240
"""Of a picture on a sheet."""

SIDE = 120
"""Of the window with the hardest edges, which is shown at 200 %."""


def main() -> None:
    """Fuse some pairs of each set, and write the sheets."""
    arguments = _arguments()
    for dataset in arguments.sets.split(","):
        fusers = _fusers([*OURS[dataset], *arguments.weights])
        titles = ("infrared", "visible", *fusers)
        whole, edges = [], []
        for pair in _spread(held_out_pairs(dataset), arguments.pairs):
            row = _row(pair, list(fusers.values()))
            window = hardest(row[0], row[1])
            whole.append(row)
            edges.append([np.asarray(_doubled(picture[window])) for picture in row])
        name = dataset.replace("/", "-")
        images.write(arguments.out / f"{name}.png", sheet(whole, titles, height=HEIGHT))
        images.write(arguments.out / f"{name}-edges.png", sheet(edges, titles, height=2 * SIDE))
        print(f"{arguments.out / name}.png and -edges.png: {len(whole)} pairs")


def hardest(infrared: NDArray[np.uint8], visible: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Return the window of `SIDE` pixels in which the edges of both sides are hardest."""
    strength = np.zeros(infrared.shape[:2])
    for side in (infrared, visible):
        strength += ndimage.gaussian_gradient_magnitude(images.luminance(side).astype(np.float64), 1)
    half = SIDE // 2
    means = ndimage.uniform_filter(strength, SIDE)[half : -half or None, half : -half or None]
    top, left = np.unravel_index(means.argmax(), means.shape)
    return slice(int(top), int(top) + SIDE), slice(int(left), int(left) + SIDE)


def _row(pair: Pair, fusers: Sequence[Fuser]) -> list[NDArray[Any]]:
    infrared, visible = pair.sources()
    return [infrared, visible, *(fuser(infrared, visible).image for fuser in fusers)]


def _doubled(picture: NDArray[Any]) -> Image.Image:
    """Enlarge without smoothing, so that every pixel can be seen."""
    image = Image.fromarray(picture)
    return image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST)


def _spread(pairs: Sequence[Pair], count: int) -> list[Pair]:
    numbers = np.unique(np.linspace(0, len(pairs) - 1, min(count, len(pairs))).round().astype(int))
    return [pairs[number] for number in numbers]


def _fusers(ours: Sequence[str]) -> dict[str, Fuser]:
    released = models.read(SHARED / "published" / "student.model")
    fusers = {"released, minmax": Fuser(make(released), "minmax")}
    fusers |= {name: Fuser(BASELINES[name]) for name in ("max", "affine")}
    for name in ours:
        weights = models.read(name)
        fusers[name] = Fuser(make(weights), range_for(weights, "auto"))
    return fusers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(OURS), help="folders of ../shared/data")
    parser.add_argument("--pairs", type=int, default=10, help="of each set, at most")
    parser.add_argument("--weights", nargs="*", default=[], metavar="FILE", help="more students of ours")
    parser.add_argument("--out", type=Path, default=Path("runs/sheets"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
