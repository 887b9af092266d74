"""Time the compiled kernel against torch at 1280×1024, and the parts of fusing one pair of files.

python benchmarks/engine.py [--size WxH] [--repeat N] [--weights NAME|FILE] [--json FILE]
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmdrfuse import images, models
from mmdrfuse.datasets.synthetic import scene
from mmdrfuse.engine import make
from mmdrfuse.images import from_unit, luminance, recolour, to_unit
from timing import in_turns, machine


def main() -> None:
    """Print the table, and write it as JSON when asked."""
    arguments = _arguments()
    width, height = (int(side) for side in arguments.size.split("x"))
    made = scene(1, height=height, width=width)
    rows = _engines(made, arguments) | _parts(made, arguments)
    document = {"machine": machine(), "size": arguments.size, "milliseconds": rows}
    for name, row in rows.items():
        differs = f"  levels that differ from torch: {row['differing']}" if "differing" in row else ""
        print(f"{name:34} {row['median']:8.2f} ms  [{row['quartiles'][0]:.2f}, {row['quartiles'][1]:.2f}]{differs}")
    torch, kernel = rows["torch, 1 thread"]["median"], rows["kernel, 1 thread"]["median"]
    print(f"kernel against torch, one thread each: {torch / kernel:.1f} times as fast   ({machine()['processor']})")
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _engines(made: Any, arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    import torch

    checkpoint = models.read(arguments.weights)
    planes = to_unit(made.infrared), to_unit(luminance(made.visible))
    reference = make(checkpoint, kind="torch")

    def with_threads(count: int) -> Callable[[], Any]:
        def run() -> Any:
            torch.set_num_threads(count)
            return reference(*planes)

        return run

    cores = os.cpu_count() or 1
    work: dict[str, Callable[[], Any]] = {}
    for count in sorted({1, cores}):
        kernel = make(checkpoint, kind="cpu", threads=count)
        label = f"{count} thread{'s' * (count > 1)}"
        work[f"kernel, {label}"] = lambda kernel=kernel: kernel(*planes)
        work[f"torch, {label}"] = with_threads(count)
    rows = in_turns(work, arguments.repeat)
    expected = from_unit(reference(*planes), 0, 1, np.uint8)
    for name in rows:
        rows[name]["differing"] = int((from_unit(work[name](), 0, 1, np.uint8) != expected).sum())
    return rows


def _parts(made: Any, arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    engine = make(models.read(arguments.weights))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for ending in ("jpg", "png"):
            images.write(folder / f"visible.{ending}", made.visible)
        luma = luminance(made.visible)
        planes = to_unit(made.infrared), to_unit(luma)
        fused = from_unit(engine(*planes), 0, 1, np.uint8)
        return in_turns(
            {
                "read colour JPEG": lambda: images.read(folder / "visible.jpg"),
                "read colour PNG": lambda: images.read(folder / "visible.png"),
                "luminance": lambda: luminance(made.visible),
                "to [0, 1], both sides": lambda: (to_unit(made.infrared), to_unit(made.infrared)),
                "to 8 bits": lambda: from_unit(planes[0], 0, 1, np.uint8),
                "colour": lambda: recolour(fused, made.visible, luma),
                "write colour PNG": lambda: images.write(folder / "fused.png", made.visible),
                "write grey PNG": lambda: images.write(folder / "gray.png", fused),
            },
            arguments.repeat,
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x1024")
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--weights", default="ivif")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
