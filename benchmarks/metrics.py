"""Time the metrics at 1280×1024 on one thread, the usual ones against plain SciPy versions of the same definitions.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py [--size WxH] [--repeat N] [--json FILE]

The plain versions are written the way the field's programs are: `scipy.signal.convolve2d` with two-dimensional windows
for VIF and Qabf, one filter after the other for SSIM, a contingency table of sorted levels for MI. Each row says by how
much the two results differ.
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d, gaussian_filter, uniform_filter
from scipy.signal import convolve2d
from scipy.sparse import coo_matrix

from mmdrfuse.datasets.scenes.synthetic import scene
from mmdrfuse.images import luminance
from mmdrfuse.metrics import evaluate, names
from mmdrfuse.metrics.shared.triple import Triple
from mmdrfuse.metrics.shared.windows import gaussian_taps
from mmdrfuse.metrics.vif import vif
from timing import machine, time_interleaved

Array = npt.NDArray[Any]

USUAL = ("EN", "SD", "SF", "AG", "MI", "SCD", "VIF", "Qabf", "SSIM", "CC")
GOALS = {"VIF": 15.0, "Qabf": 5.0, "SSIM": 3.0, "MI": 5.0}
"""How many times as fast as the plain version a metric should be."""

SOBEL = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])


def main() -> None:
    """Print the tables, and write them as JSON with --json."""
    arguments = _arguments()
    width, height = (int(side) for side in arguments.size.split("x"))
    pair = scene(1, height=height, width=width)
    a = pair.infrared
    b = luminance(pair.visible)
    images = np.maximum(a, b), a, b
    document = {
        "size": arguments.size,
        "against plain SciPy": _compared(images, arguments.repeat),
        "filters": _filters(images, arguments.repeat),
        "every metric": _every(images, max(1, arguments.repeat // 2)),
        "machine": machine(),
    }
    _show(document)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _compared(images: tuple[Array, Array, Array], repeat: int) -> dict[str, dict[str, Any]]:
    plain: dict[tuple[str, str], Callable[[Array, Array, Array], float]] = {
        ("standard", "VIF"): plain_vif,
        ("standard", "Qabf"): partial(plain_qabf, hong=False),
        ("standard", "SSIM"): plain_ssim,
        ("standard", "MI"): plain_mi,
        ("cddfuse", "VIF"): plain_vif,
        ("cddfuse", "Qabf"): partial(plain_qabf, hong=True),
        ("cddfuse", "SSIM"): plain_ssim_single,
        ("cddfuse", "MI"): partial(plain_mi, base=np.e),
    }
    rows: dict[str, dict[str, Any]] = {}
    for (protocol, metric), function in plain.items():
        ours = partial(evaluate, *images, metrics=metric, protocol=protocol)
        timed = time_interleaved({"ours": ours, "plain": partial(function, *images)}, repeat)
        timed["ratio"] = timed["plain"]["median"] / timed["ours"]["median"]
        timed["difference"] = abs(ours()[metric] / function(*images) - 1.0)
        rows[f"{metric} {protocol}"] = timed
    return rows


def _filters(images: tuple[Array, Array, Array], repeat: int) -> dict[str, dict[str, Any]]:
    """Time the eight weighted means of one 17×17 window, which VIF is made of, by each library that is installed."""
    f, a, b = (image.astype(np.float64) for image in images)
    taps = gaussian_taps(17, 3.4)
    maps = (f, a, b, f * f, a * a, b * b, f * a, f * b)
    work: dict[str, Callable[[], Any]] = {
        "numba, all four scales and VIF itself": lambda: vif(Triple(f, a, b)),
        "scipy.ndimage.correlate1d": lambda: [correlate1d(correlate1d(x, taps, axis=0), taps, axis=1) for x in maps],
    }
    try:
        import cv2
    except ImportError:
        pass
    else:
        cv2.setNumThreads(1)
        work["cv2.sepFilter2D"] = lambda: [cv2.sepFilter2D(x, -1, taps, taps) for x in maps]
    return time_interleaved(work, repeat)


def _every(images: tuple[Array, Array, Array], repeat: int) -> dict[str, dict[str, Any]]:
    work = {metric: partial(evaluate, *images, metrics=metric) for metric in names("standard")}
    work["the ten usual ones"] = partial(evaluate, *images, metrics=USUAL)
    work["the ten usual ones, cddfuse"] = partial(evaluate, *images, metrics=USUAL, protocol="cddfuse")
    work["all of standard"] = partial(evaluate, *images, metrics=names("standard"))
    return time_interleaved(work, repeat)


def plain_vif(fused: Array, a: Array, b: Array) -> float:
    """Visual information fidelity with two-dimensional windows."""
    return sum(_plain_vifp(source.astype(float), fused.astype(float)) for source in (a, b))


def _plain_vifp(x: Array, y: Array) -> float:
    through = direct = 0.0
    for size in (17, 9, 5, 3):
        window = np.outer(gaussian_taps(size, size / 5), gaussian_taps(size, size / 5))
        mean = partial(convolve2d, in2=window, mode="valid")
        if size < 17:
            x = mean(x)[::2, ::2]
            y = mean(y)[::2, ::2]

        mu_x = mean(x)
        mu_y = mean(y)
        var_x = np.maximum(mean(x * x) - mu_x * mu_x, 0)
        var_y = np.maximum(mean(y * y) - mu_y * mu_y, 0)
        cov = mean(x * y) - mu_x * mu_y

        gain = cov / (var_x + 1e-10)
        noise = var_y - gain * cov
        flat_x = var_x < 1e-10
        gain[flat_x] = 0
        noise[flat_x] = var_y[flat_x]
        var_x[flat_x] = 0
        flat_y = var_y < 1e-10
        gain[flat_y] = 0
        noise[flat_y] = 0
        opposed = gain < 0
        noise[opposed] = var_y[opposed]
        gain[opposed] = 0

        through += np.log10(1 + gain**2 * var_x / (np.maximum(noise, 1e-10) + 2)).sum()
        direct += np.log10(1 + var_x / 2).sum()
    return float(through / direct)


def plain_qabf(fused: Array, a: Array, b: Array, *, hong: bool) -> float:
    """Edge transfer, as published (`hong`) or by the definition of `standard`."""
    g_f, angle_f = _plain_gradient(fused)
    preserved_total = total = 0.0
    for source in (a, b):
        g, angle = _plain_gradient(source)
        if hong:
            strength = g_f.copy()
            direction = 1 - abs(angle - angle_f) / (np.pi / 2)
        else:
            strength = np.ones_like(g)
            direction = 2 / np.pi * abs(abs(angle - angle_f) - np.pi / 2)
            direction[g_f == 0] = 0
        weaker = g > g_f
        strength[weaker] = g_f[weaker] / g[weaker]
        stronger = g < g_f
        strength[stronger] = g[stronger] / g_f[stronger]

        quality = 0.9994 / (1 + np.exp(-15 * (strength - 0.5))) * 0.9879 / (1 + np.exp(-22 * (direction - 0.8)))
        preserved_total += (quality * g).sum()
        total += g.sum()
    return float(preserved_total / total)


def _plain_gradient(image: Array) -> tuple[Array, Array]:
    levels = image.astype(float)
    across = convolve2d(levels, SOBEL, mode="same")
    down = convolve2d(levels, -SOBEL.T, mode="same")
    angle = np.full_like(across, np.pi / 2)
    slanted = across != 0
    angle[slanted] = np.arctan(down[slanted] / across[slanted])
    return np.sqrt(across**2 + down**2), angle


def plain_ssim(fused: Array, a: Array, b: Array) -> float:
    """Structural similarity with a Gaussian window."""
    mean = partial(gaussian_filter, sigma=1.5, radius=5)
    pairs = ((source.astype(float), fused.astype(float)) for source in (a, b))
    return sum(_plain_similarity(x, y, mean, 5, 1.0, (2.55**2, 7.65**2)) for x, y in pairs)


def plain_ssim_single(fused: Array, a: Array, b: Array) -> float:
    """Structural similarity with a uniform window in single precision."""
    mean = partial(uniform_filter, size=7)
    pairs = ((source.astype(np.float32), fused.astype(np.float32)) for source in (a, b))
    return sum(_plain_similarity(x, y, mean, 3, 49 / 48, (4e-4, 3.6e-3)) for x, y in pairs)


def _plain_similarity(
    x: Array, y: Array, mean: Callable[[Array], Array], margin: int, sample: float, constants: tuple[float, float]
) -> float:
    c1, c2 = constants
    mu_x = mean(x)
    mu_y = mean(y)
    var_x = sample * (mean(x * x) - mu_x * mu_x)
    var_y = sample * (mean(y * y) - mu_y * mu_y)
    cov = sample * (mean(x * y) - mu_x * mu_y)
    values = ((2 * mu_x * mu_y + c1) * (2 * cov + c2)) / ((mu_x**2 + mu_y**2 + c1) * (var_x + var_y + c2))
    return float(values[margin:-margin, margin:-margin].mean(dtype=np.float64))


def plain_mi(fused: Array, a: Array, b: Array, *, base: float = 2.0) -> float:
    """Mutual information from a contingency table."""
    total = 0.0
    for source in (a, b):
        (rows, row), (columns, column) = (np.unique(x.ravel(), return_inverse=True) for x in (source, fused))
        table = coo_matrix((np.ones(row.size), (row, column)), shape=(rows.size, columns.size)).toarray() / row.size
        independent = np.outer(table.sum(axis=1), table.sum(axis=0))
        counted = table > 0
        total += (table[counted] * np.log(table[counted] / independent[counted])).sum() / np.log(base)
    return float(total)


def _show(document: dict[str, Any]) -> None:
    print(f"{'metric, protocol':18} {'ours':>9} {'plain':>9} {'ratio':>7} {'goal':>7}   relative difference")
    for name, row in document["against plain SciPy"].items():
        ours, plain, goal = row["ours"]["median"], row["plain"]["median"], GOALS[name.split()[0]]
        print(f"{name:18} {ours:6.1f} ms {plain:6.0f} ms {row['ratio']:7.1f} {goal:7.0f}   {row['difference']:.1e}")
    print("\nfilters: the eight window means of VIF's first scale")
    for name, row in document["filters"].items():
        print(f"{name:40} {row['median']:7.1f} ms")
    print("\nevery metric by itself, from uint8 arrays")
    for name, row in document["every metric"].items():
        print(f"{name:40} {row['median']:7.1f} ms  [{row['quartiles'][0]:.1f}, {row['quartiles'][1]:.1f}]")
    about = document["machine"]
    print(f"\n{document['size']}, {about['processor']}, peak memory of this process {about['peak']} MiB")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x1024")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
