"""Time the warping and resizing of pictures with the library that we use against another that could do it.

    python benchmarks/geometry.py [--size WxH] [--pictures N] [--repeat N] [--json FILE]

Warping takes pictures through a projective matrix, as ``fuse --transform`` does: scikit-image, which we use, against
SciPy's `map_coordinates` at positions that NumPy computes. Resizing brings pictures of half the size to the full size
and back, as ``fuse --size-policy`` does: Pillow, which we use, against scikit-image. A row says how many values differ
between the two, and by how much at most: in resizing, by the treatment of the edge and the filter's shape.
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates
from skimage.transform import resize

from mmdrfuse.datasets.scenes.synthetic import scene
from mmdrfuse.registration.geometry import Matrix, resized, warped
from timing import machine, time_interleaved

Array = npt.NDArray[Any]
Work = Callable[[], Array]

MATRIX: Matrix = (1.02, 0.01, -5.0, -0.008, 0.99, 3.0, 1e-5, -2e-5, 1.0)
"""From one camera to another beside it: scale, rotation, shift and a little perspective."""


def main() -> None:
    """Print the table, and write it as JSON with --json."""
    arguments = _arguments()
    width, height = (int(side) for side in arguments.size.split("x"))
    made = scene(1, height=height, width=width)
    pictures = {
        "8-bit grey": made.infrared,
        "16-bit grey": made.infrared.astype(np.uint16) * 257,
        "8-bit RGB": made.visible,
    }
    rows: dict[str, dict[str, Any]] = {}
    for kind, picture in pictures.items():
        for task, (ours, other) in _tasks(picture).items():
            row = _compared(ours, other, arguments.pictures, arguments.repeat)
            rows[f"{task}, {kind}"] = row
            times = f"{row['ours']['best']:7.1f} ms a picture, {row['other']['best']:7.1f} ms with the other"
            print(f"{task + ', ' + kind:22} {times}; {row['differing']:.1%} differ, by at most {row['by at most']}")
    if arguments.json:
        document = {"machine": machine(), "size": arguments.size, "pictures": arguments.pictures, "rows": rows}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def warped_by_scipy(picture: Array) -> Array:
    """Warp a picture by `MATRIX` with SciPy, to its own size."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float64)
    across, down, scale = (row[0] * x + row[1] * y + row[2] for row in np.linalg.inv(np.reshape(MATRIX, (3, 3))))
    places = np.stack([down / scale, across / scale])
    planes = picture[..., None] if picture.ndim == 2 else picture
    moved = [
        map_coordinates(planes[..., channel].astype(np.float64), places, order=1, mode="grid-constant")
        for channel in range(planes.shape[2])
    ]
    return np.rint(np.stack(moved, axis=-1).reshape(picture.shape)).astype(picture.dtype)


def resized_by_skimage(picture: Array, height: int, width: int) -> Array:
    """Resize a picture with scikit-image, without aliasing."""
    values = resize(picture.astype(np.float32), (height, width), order=1, preserve_range=True)
    return np.rint(values).astype(picture.dtype)


def _tasks(picture: Array) -> dict[str, tuple[Work, Work]]:
    """Return each task as it is done here and as another library does it."""
    full = picture.shape[:2]
    half = full[0] // 2, full[1] // 2
    small = resized(picture, *half)
    return {
        "warp": (partial(warped, picture, MATRIX, *full), partial(warped_by_scipy, picture)),
        "enlarge": (partial(resized, small, *full), partial(resized_by_skimage, small, *full)),
        "reduce": (partial(resized, picture, *half), partial(resized_by_skimage, picture, *half)),
    }


def _compared(ours: Work, other: Work, pictures: int, repeat: int) -> dict[str, Any]:
    """Time both over a folder of pictures, in milliseconds a picture, and count the values that differ."""

    def folder(work: Work) -> None:
        for _ in range(pictures):
            work()

    row: dict[str, Any] = time_interleaved({"ours": partial(folder, ours), "other": partial(folder, other)}, repeat)
    for times in row.values():
        times.update({name: (np.array(value) / pictures).tolist() for name, value in times.items()})
    difference = np.abs(ours().astype(int) - other().astype(int))
    return row | {"differing": float((difference > 0).mean()), "by at most": int(difference.max())}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x1024")
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
