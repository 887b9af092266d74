"""Measure what `mmdrfuse export` writes: size of the file, levels that differ from the engine's, time of one pair.

    python benchmarks/export.py [--weights NAME ...] [--size WxH] [--repeat N] [--json FILE]

Levels are compared on one made-up scene for every student by the range ``clip``; a row gives the worst student. All are
timed by turns with the first student, on one thread. The C header is compiled with ``cc -O3``, and again for
this very processor.
"""

import argparse
import ctypes
import json
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mmdrfuse import models
from mmdrfuse.datasets.scenes.synthetic import scene
from mmdrfuse.engine import fuse_stored, make
from mmdrfuse.export import TARGETS, Options, render
from mmdrfuse.images import luminance
from mmdrfuse.models import Checkpoint
from mmdrfuse.pipeline.peers import load_peers
from timing import machine, time_interleaved

Planes = npt.NDArray[np.uint8]
Fuse = Callable[[Planes, Planes], Planes]

VARIANTS = {
    "C": (),
    "C, MMDRFUSE_FAST": ("-DMMDRFUSE_FAST",),
    "C, MMDRFUSE_FAST, this processor": ("-DMMDRFUSE_FAST", "-march=native"),
    "C, MMDRFUSE_FIXED": ("-DMMDRFUSE_FIXED",),
    "C, MMDRFUSE_FIXED, this processor": ("-DMMDRFUSE_FIXED", "-march=native"),
}
"""Name → flags for the compiler."""

READERS = ("onnxruntime", "OpenCV", "OpenVINO")
"""Programs that read the ONNX model."""

WRAPPER = """
#include "student.h"
int rows_size(int width) { return (int)mmdrfuse_rows_size(width); }
int fuse(const uint8_t *infrared, const uint8_t *visible, uint8_t *fused, int width, int height, void *rows) {
    return mmdrfuse_fuse(infrared, visible, fused, width, height, rows);
}
"""


def main() -> None:
    """Print the table, and write it as JSON with --json."""
    arguments = _arguments()
    width, height = (int(side) for side in arguments.size.split("x"))
    made = scene(1, height=height, width=width)
    pair = made.infrared, luminance(made.visible)
    with tempfile.TemporaryDirectory() as folder:
        students = {name: _forms(models.read(name), *pair, Path(folder)) for name in arguments.weights}
        work = {form: partial(fuse, *pair) for form, fuse in students[arguments.weights[0]].items()}
        rows: dict[str, dict[str, Any]] = time_interleaved(work, arguments.repeat)
        for forms in students.values():
            expected = forms["engine"](*pair).astype(int)
            for form, fuse in forms.items():
                off = np.abs(fuse(*pair).astype(int) - expected)
                rows[form]["differing"] = max(rows[form].get("differing", 0), float((off > 0).mean()))
                rows[form]["by at most"] = max(rows[form].get("by at most", 0), int(off.max()))
    for form, row in rows.items():
        print(
            f"{form:36} {row['median']:7.2f} ms, best {row['best']:7.2f}; "
            f"{row['differing']:9.4%} differ, by at most {row['by at most']}"
        )
    sizes = _sizes(arguments.weights)
    print(", ".join(f"{name}: {size} bytes" for name, size in sizes.items()))
    if arguments.json:
        document = {"machine": machine(), "size": arguments.size, "bytes": sizes, "rows": rows}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _forms(checkpoint: Checkpoint, infrared: Planes, visible: Planes, folder: Path) -> dict[str, Fuse]:
    """Return each form of a student as a function from two planes to one."""
    height, width = infrared.shape
    engine = make(checkpoint)
    forms: dict[str, Fuse] = {"engine": partial(fuse_stored, engine)}
    for number, (name, flags) in enumerate(VARIANTS.items()):
        place = folder / f"{checkpoint.name}-{number}"
        place.mkdir()
        forms[name] = _compiled(checkpoint, flags, place)
    peers, _ = load_peers(READERS, checkpoint, width=width, height=height, threads=1)
    return forms | {f"ONNX in {name}": fuse for name, fuse in peers.items()}


def _compiled(checkpoint: Checkpoint, flags: tuple[str, ...], folder: Path) -> Fuse:
    (folder / "student.h").write_bytes(render(checkpoint, "c", Options(range="clip")))
    (folder / "wrapper.c").write_text(WRAPPER)
    library = folder / "student.so"
    command = ["cc", "-std=c99", "-O3", *flags, "-shared", "-fPIC", folder / "wrapper.c", "-o", library]
    subprocess.run(command, check=True)
    functions = ctypes.CDLL(str(library))

    def fuse(infrared: Planes, visible: Planes) -> Planes:
        height, width = infrared.shape
        fused = np.empty_like(infrared)
        rows = np.empty(functions.rows_size(width), np.uint8)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (infrared, visible, fused, rows)]
        functions.fuse(*pointers[:3], width, height, pointers[3])
        return fused

    return fuse


def _sizes(students: list[str]) -> dict[str, int]:
    """Return the size of every file, of the largest student."""
    sizes = {target: max(len(render(name, target)) for name in students) for target in TARGETS}
    return sizes | {"onnx, uint8": max(len(render(name, "onnx", Options("uint8"))) for name in students)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    students = ["scenes", "clean", "day", "medical", "night"]
    parser.add_argument("--weights", nargs="+", default=students, metavar="NAME")
    parser.add_argument("--size", default="1280x1024")
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
