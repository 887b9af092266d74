"""Score one pair at 1280×1024 from its files, beside the field's own Python kits, in turns and in one run.

    OMP_NUM_THREADS=1 python benchmarks/kits.py [--size WxH] [--repeat N] [--json FILE]

- The published scripts: what those of CDDFuse and its followers do for each picture, written again by us with OpenCV,
  NumPy, SciPy, scikit-image and scikit-learn: read three files, make gray levels, and compute the ten usual metrics one
  after the other. Ours is the protocol `cddfuse`, which gives the same numbers.
- torchmetrics: its functions that a fusion score can be made of, beside `standard`.
- All metrics of `standard` together, and the peak memory of each in a process of its own.
- `mmdrfuse eval --metrics all` of a folder by one and by two processes: how many times as fast two are.

A row says how many times as fast ours is, by the medians and by processor time, which other work disturbs less, and by
how much the results differ. Rows of a single metric have our checks and conversion of three pictures in them. A library
that cannot be imported has a row that says so.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from metrics import USUAL, plain_mi, plain_qabf, plain_vif
from skimage.metrics import structural_similarity

from mmdrfuse import images
from mmdrfuse.datasets.scenes.synthetic import scene
from mmdrfuse.metrics import evaluate, names
from mmdrfuse.system.timing import peak_memory
from timing import machine, time_interleaved

Array = npt.NDArray[Any]
Triple = tuple[Array, Array, Array]
Row = dict[str, Any]

LIBRARIES = ("opencv-python-headless", "scikit-image", "scikit-learn", "torchmetrics")
"""Of the kits, beside those that `timing` names."""

KINDS = ("fused", "infrared", "visible")
FILES = tuple(f"{kind}.png" for kind in KINDS)

PICTURES = 64
"""That two processes share: the start of a process must not count."""


def main() -> None:
    """Print the table, and write it as JSON with --json; with --peak, do one thing and print the peak memory."""
    arguments = _arguments()
    if arguments.peak:
        LONG[arguments.peak](arguments.folder)
        print(peak_memory() or 0.0)
        return
    with tempfile.TemporaryDirectory() as folder:
        _make_files(Path(folder), arguments.size)
        document = {
            "size": arguments.size,
            "kits": _compared(Path(folder), arguments.repeat),
            "peak MiB": {name: _peak(name, folder) for name in LONG},
            "processes": _processes(Path(folder)),
            "machine": machine() | {name: _version(name) for name in LIBRARIES},
        }
    _show(document)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _make_files(folder: Path, size: str) -> None:
    width, height = (int(side) for side in size.split("x"))
    pair = scene(1, height=height, width=width)
    fused = np.maximum(pair.infrared[..., None], pair.visible)
    for name, picture in zip(FILES, (fused, pair.infrared, pair.visible), strict=True):
        images.write(folder / name, picture)


def ours(folder: Path, metrics: tuple[str, ...] = USUAL, protocol: str = "cddfuse") -> dict[str, float]:
    """Read three files and score them."""
    return evaluate(*(images.read(folder / name) for name in FILES), metrics=metrics, protocol=protocol)


def script(folder: Path) -> dict[str, float]:
    """Read three files and score them as the published scripts do, one metric after the other."""
    triple = _gray(folder)
    return {metric: function(*triple) for metric, function in SCRIPT.items()}


def nothing(_folder: Path) -> None:
    """Do nothing: what the imports alone take."""


LONG: dict[str, Callable[[Path], Any]] = {
    "imports alone": nothing,
    "published scripts, ten": script,
    "ours, ten": ours,
    "ours, all of standard": partial(ours, metrics=names("standard"), protocol="standard"),
}
"""What is run in a process of its own to see its peak memory."""


def _gray(folder: Path) -> Triple:
    import cv2

    cv2.setNumThreads(1)
    fused, infrared, visible = (_rounded_gray(cv2.imread(str(folder / name)), cv2) for name in FILES)
    return fused, infrared, visible


def _rounded_gray(picture: Array, cv2: Any) -> Array:
    return np.round(cv2.cvtColor(picture.astype(np.float32), cv2.COLOR_BGR2GRAY))


def _entropy(fused: Array, _a: Array, _b: Array) -> float:
    shares = np.bincount(fused.astype(np.uint8).ravel(), minlength=256) / fused.size
    return float(-(shares * np.log2(shares + (shares == 0))).sum())


def _deviation(fused: Array, _a: Array, _b: Array) -> float:
    return float(np.sqrt(np.mean((fused.astype(float) - fused.mean(dtype=float)) ** 2)))


def _spatial_frequency(fused: Array, _a: Array, _b: Array) -> float:
    levels = fused.astype(float)
    return float(np.sqrt(np.mean(np.diff(levels, axis=0) ** 2) + np.mean(np.diff(levels, axis=1) ** 2)))


def _average_gradient(fused: Array, _a: Array, _b: Array) -> float:
    down, across = np.gradient(fused.astype(float))
    return float(np.mean(np.sqrt((across**2 + down**2) / 2)))


def _mutual_information(fused: Array, a: Array, b: Array) -> float:
    try:
        from sklearn.metrics import mutual_info_score
    except ImportError:  # its contingency table by SciPy
        return plain_mi(fused, a, b, base=np.e)
    return float(sum(mutual_info_score(fused.ravel(), source.ravel()) for source in (a, b)))


def _correlation(x: Array, y: Array) -> float:
    x = x - x.mean(dtype=float)
    y = y - y.mean(dtype=float)
    return float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()))


def _differences(fused: Array, a: Array, b: Array) -> float:
    return _correlation(fused - b, a) + _correlation(fused - a, b)


def _mean_correlation(fused: Array, a: Array, b: Array) -> float:
    return (_correlation(fused, a) + _correlation(fused, b)) / 2


def _similarity(fused: Array, a: Array, b: Array) -> float:
    return float(sum(structural_similarity(fused, source, data_range=2) for source in (a, b)))


SCRIPT: dict[str, Callable[[Array, Array, Array], float]] = {
    "EN": _entropy, "SD": _deviation, "SF": _spatial_frequency, "AG": _average_gradient, "MI": _mutual_information,
    "SCD": _differences, "VIF": plain_vif, "Qabf": partial(plain_qabf, hong=True), "SSIM": _similarity,
    "CC": _mean_correlation,
}  # fmt: skip
"""The ten usual metrics as the scripts compute them, from gray levels in single precision."""


def torchmetrics_functions(triple: Triple) -> dict[str, Callable[[], float]]:
    """Return the metrics that torchmetrics has functions for, each as the sum or mean of both sources.

    Raises:
        ImportError: torchmetrics, or what it needs, cannot be imported.
    """
    import torch
    from torchmetrics.functional.clustering import mutual_info_score
    from torchmetrics.functional.image import (
        structural_similarity_index_measure,
        visual_information_fidelity,
    )
    from torchmetrics.functional.regression import pearson_corrcoef

    fused, *sources = (torch.from_numpy(image.astype(np.float32)) for image in triple)
    four = [image[None, None] for image in (fused, *sources)]

    def ssim() -> float:
        return float(sum(structural_similarity_index_measure(four[0], one, data_range=255.0) for one in four[1:]))

    def vif() -> float:
        return float(sum(visual_information_fidelity(four[0], one) for one in four[1:]))

    def correlation() -> float:
        return float(sum(pearson_corrcoef(fused.ravel(), one.ravel()) for one in sources) / 2)

    def information() -> float:
        whole = [image.ravel().long() for image in (fused, *sources)]
        return float(sum(mutual_info_score(whole[0], one) for one in whole[1:]) / np.log(2))

    return {"SSIM": ssim, "VIF": vif, "CC": correlation, "MI": information}


def _compared(folder: Path, repeat: int) -> dict[str, Row]:
    rows = {"published scripts, ten from files": _flow(folder, repeat)}
    triple = _gray(folder)
    stored = [image.astype(np.uint8) for image in triple]
    for metric, function in SCRIPT.items():
        evaluated = partial(evaluate, *stored, metrics=metric, protocol="cddfuse")
        rows[f"scripts' {metric}"] = _row(evaluated, partial(function, *triple), metric, repeat)
    try:
        functions = torchmetrics_functions(triple)
    except ImportError as error:
        rows["torchmetrics"] = {"missing": str(error)}
    else:
        for metric, call in functions.items():
            rows[f"torchmetrics' {metric}"] = _row(partial(evaluate, *stored, metrics=metric), call, metric, repeat)
    rows["all of standard, from files"] = time_interleaved(
        {"ours": lambda: LONG["ours, all of standard"](folder)}, repeat
    )
    return rows


def _flow(folder: Path, repeat: int) -> Row:
    timed: Row = time_interleaved({"ours": partial(ours, folder), "kit": partial(script, folder)}, repeat)
    scores, theirs = ours(folder), script(folder)
    timed["difference"] = max(abs(scores[metric] / theirs[metric] - 1.0) for metric in USUAL)
    return timed


def _row(evaluated: Callable[[], dict[str, float]], kit: Callable[[], float], metric: str, repeat: int) -> Row:
    timed: Row = time_interleaved({"ours": evaluated, "kit": kit}, repeat)
    timed["difference"] = abs(evaluated()[metric] / kit() - 1.0)
    return timed


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _peak(name: str, folder: str) -> float:
    command = [sys.executable, __file__, "--peak", name, "--folder", folder]
    return round(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _processes(folder: Path) -> Row:
    for kind, file in zip(KINDS, FILES, strict=True):
        (folder / kind).mkdir()
        for number in range(PICTURES):
            (folder / kind / f"{number:02}.png").hardlink_to(folder / file)
    return time_interleaved({str(count): partial(_score_folder, folder, count) for count in (1, 2)}, 1)


def _score_folder(folder: Path, processes: int) -> None:
    fused, infrared, visible = (str(folder / kind) for kind in KINDS)
    command = [sys.executable, "-m", "mmdrfuse", "eval", fused, "--ir", infrared, "--vis", visible]
    subprocess.run([*command, "--metrics", "all", "--workers", str(processes)], check=True, capture_output=True)


def _show(document: Row) -> None:
    print(f"{'':36} {'ours':>10} {'kit':>10} {'ratio':>7} {'by CPU':>7}   relative difference")
    for name, row in document["kits"].items():
        if "missing" in row:
            print(f"{name:36} not timed: {row['missing']}")
            continue
        line = f"{name:36} {row['ours']['median']:7.1f} ms"
        if "kit" in row:
            ratio, by_processor = (row["kit"][how] / max(row["ours"][how], 1e-3) for how in ("median", "processor"))
            line += f" {row['kit']['median']:7.1f} ms {ratio:7.1f} {by_processor:7.1f}   {row['difference']:.1e}"
        else:
            line += f"   processor time {row['ours']['processor']:.0f} ms"
        print(line)
    print("\npeak memory of a process of its own, MiB")
    for name, peak in document["peak MiB"].items():
        print(f"{name:36} {peak:7.0f}")
    one, two = (document["processes"][count]["median"] / 1e3 for count in ("1", "2"))
    what = f"eval --metrics all of {PICTURES} pictures"
    print(f"\n{what}: {one:.1f} s by one process, {two:.1f} s by two, {one / two:.2f} times as fast")
    about = document["machine"]
    versions = ", ".join(f"{name} {about[name]}" for name in LIBRARIES)
    print(f"\n{document['size']}, {about['processor']}, commit {about['commit']}; {versions}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="1280x1024")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--peak", choices=tuple(LONG), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
