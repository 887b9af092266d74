"""Time the compiled kernel against torch and the BLAS at 1280×1024, and the parts of fusing one pair of files.

The kernel goes from 8 bits to 8 bits; torch reads and returns float32 planes, which flatters it. "torch at its best" is
channels-last, without gradients, and, by tuned malloc (glibc's), without a page fault a call. "the multiply-adds as
GEMM" is a product of float32 matrices with as many of them, by NumPy's BLAS on one thread.

All take turns in one process, after a pause in which the threads of the one before go to sleep
(`mmdrfuse.system.timing`): OpenMP's wait busily for a while after their work, on processors that the next one then has
to share.

python benchmarks/engine.py [--size WxH] [--repeat N] [--weights NAME|FILE] [--json FILE]
"""

import argparse
import contextlib
import ctypes
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmdrfuse import images, models
from mmdrfuse.datasets.scenes.synthetic import scene
from mmdrfuse.engine import fuse_stored, make
from mmdrfuse.images import from_unit, luminance, recolour, to_unit
from mmdrfuse.pipeline.efficiency import multiply_adds
from timing import machine, time_interleaved


def main() -> None:
    """Print the table, and write it as JSON with --json."""
    arguments = _arguments()
    if os.environ.get("OMP_NUM_THREADS") != "1":  # the BLAS reads it as it is loaded; torch is set in every turn
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"OMP_NUM_THREADS": "1"})
    width, height = (int(side) for side in arguments.size.split("x"))
    made = scene(1, height=height, width=width)
    engines = _engines(made, arguments)
    rows = engines | _parts(made, arguments)
    ratios = _ratios(engines)
    document = {"machine": machine(), "size": arguments.size, "milliseconds": rows, "ratios": ratios}
    for name, row in rows.items():
        low, high = row["quartiles"]
        differs = f"  levels that differ from torch: {row['differing']}" if "differing" in row else ""
        print(
            f"{name:36} {row['median']:7.2f} ms  [{low:.2f}, {high:.2f}], best {row['best']:.2f}, "
            f"processor {row['processor']:.2f}{differs}"
        )
    for what, ratio in ratios.items():
        print(
            f"{what:42} {ratio['median']:5.1f} by medians, {ratio['best']:5.1f} by best times, "
            f"{ratio['processor']:5.1f} by processor time"
        )
    print(f"{document['machine']['processor']}, {document['machine']['cores']} cores")
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _engines(made: Any, arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    checkpoint = models.read(arguments.weights)
    sources = made.infrared, luminance(made.visible)
    planes = tuple(map(to_unit, sources))
    counts = sorted({1, os.cpu_count() or 1})
    labels = {count: f"{count} thread{'s' * (count > 1)}" for count in counts}
    eager = make(checkpoint, kind="torch")
    work: dict[str, Callable[[], Any]] = {
        "the multiply-adds as GEMM, 1 thread": _product(multiply_adds(checkpoint, *planes[0].shape))
    }
    for count in counts:
        kernel = make(checkpoint, threads=count)
        work[f"kernel, {labels[count]}"] = lambda kernel=kernel: fuse_stored(kernel, *sources)
        work[f"torch, {labels[count]}"] = _with_threads(count, lambda: eager(*planes))
    rows = time_interleaved(work, arguments.repeat)
    best = _channels_last(arguments.weights, planes)  # from here on the whole process has the tuned malloc
    tuned = {f"torch at its best, {labels[count]}": _with_threads(count, best) for count in counts}
    rows |= time_interleaved(tuned, arguments.repeat)
    expected = from_unit(eager(*planes), 0, 1, np.uint8).astype(int)
    for name in (name for name in rows if name.startswith("kernel")):
        difference = np.abs(work[name]().astype(int) - expected)
        rows[name] |= {"differing": int((difference > 0).sum()), "by at most": int(difference.max())}
    return rows


def _with_threads(count: int, run: Callable[[], Any]) -> Callable[[], Any]:
    import torch

    def limited() -> Any:
        torch.set_num_threads(count)
        return run()

    return limited


def _channels_last(weights: str, planes: tuple[Any, Any]) -> Callable[[], Any]:
    import torch

    with contextlib.suppress(OSError, AttributeError):  # keep freed memory: glibc's M_MMAP_THRESHOLD, M_TRIM_THRESHOLD
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 2**30)
        libc.mallopt(-1, 2**30)
    network = models.load(weights).to(memory_format=torch.channels_last)
    sources = [torch.from_numpy(plane)[None, None] for plane in planes]

    def run() -> Any:
        with torch.inference_mode():
            return network(*sources).fused[0, 0].numpy()

    return run


def _product(count: int) -> Callable[[], Any]:
    """Return a product of square matrices, repeated until it has as many multiply-adds."""
    side = 512
    a, b = np.random.default_rng(0).random((2, side, side), dtype=np.float32)
    last = max(1, round(count % side**3 / side**2))

    def run() -> Any:
        for _ in range(count // side**3):
            a @ b
        return a[:last] @ b

    return run


def _ratios(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Compare by medians and, as a busy machine hurts short work and threads most, by best and processor times."""
    pairs = {}
    for label in (name.split(", ")[1] for name in rows if name.startswith("kernel")):
        for slower in ("torch", "torch at its best"):
            pairs[f"{slower} over kernel, {label}"] = (f"{slower}, {label}", f"kernel, {label}")
    pairs["kernel over GEMM, 1 thread"] = ("kernel, 1 thread", "the multiply-adds as GEMM, 1 thread")
    return {
        what: {kind: rows[a][kind] / rows[b][kind] for kind in ("median", "best", "processor")}
        for what, (a, b) in pairs.items()
    }


def _parts(made: Any, arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    engine = make(models.read(arguments.weights))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for ending in ("jpg", "png"):
            images.write(folder / f"visible.{ending}", made.visible)
        luma = luminance(made.visible)
        fused = fuse_stored(engine, made.infrared, luma)
        return time_interleaved(
            {
                "read colour JPEG": lambda: images.read(folder / "visible.jpg"),
                "read colour PNG": lambda: images.read(folder / "visible.png"),
                "luminance": lambda: luminance(made.visible),
                "colour": lambda: recolour(fused, made.visible, luma),
                "write colour PNG": lambda: images.write(folder / "fused.png", made.visible),
                "write grey PNG": lambda: images.write(folder / "gray.png", fused),
            },
            arguments.repeat,
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x1024")
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--weights", default="ivif")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
