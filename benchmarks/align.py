"""Measure how well the matrix of two cameras is found, on real pairs displaced by known matrices and on real rigs.

    python benchmarks/align.py [--quick] [--only exact,mixed] [--json benchmarks/results/align.json]

Needs the real pairs in ../shared. One thread. Rows, each with what was reached:

exact         a visible picture against its own negative with blur and noise, displaced: the truth is exact
equivariance  the same pair displaced and not: the estimate must move by the displacement
displaced     error against the nominal truth of registered sets (which are off by some pixels themselves)
metu          two real rigs, pair by pair, against the matrices of many pairs
landmarks     pairs of two cameras with marked points
mixed         infrared and visible of different scenes: none may be accepted; of LLVIP's fixed cameras by themselves
degenerate    constant, noise, ramp, hot pixel, upside down: none may be accepted
sets          ten pairs at once
rivals        phase correlation (scikit-image) and Mattes mutual information (SimpleITK), on the pairs of `displaced`

With --json, rows that ran replace those of the same name in the file, and the others stay: a row at a time will do.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.transform import resize

from mmdrfuse.datasets import find_pairs
from mmdrfuse.images import luminance, read
from mmdrfuse.registration import estimate
from mmdrfuse.registration.fields import resized, warped
from mmdrfuse.registration.projective import (
    centre,
    corners,
    from_corners,
    similarity_about,
    transformed,
)
from timing import machine

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SETS = ("LLVIP", "RoadScene", "TNO", "MSRS")
KINDS = ("shift", "similarity", "homography", "view")
"""Displacements: 5 % of the width; that, 10 % of scale and 5 degrees; the corners by 8 %; 60 to 80 % of the view."""

Image = NDArray[Any]
Row = dict[str, Any]


def main() -> None:
    """Run the rows and print them."""
    arguments = _arguments()
    scale = 0.2 if arguments.quick else 1.0
    rows: list[Row] = []
    for name in arguments.only.split(","):
        start = time.process_time()
        for row in ROWS[name](scale):
            row = {"row": name, **row}
            rows.append(row)
            print(json.dumps(row), flush=True)
        print(f"# {name}: {time.process_time() - start:.0f} s of CPU", file=sys.stderr, flush=True)
    peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(f"# peak memory {peak} MiB", file=sys.stderr)
    if arguments.json:
        _merge(arguments.json, rows, peak)


def _merge(path: Path, rows: list[Row], peak: int) -> None:
    """Write rows to a file in the order of `ROWS`; those of other names stay."""
    document = json.loads(path.read_text()) if path.exists() else {"rows": [], "peak memory (MiB)": 0}
    names = {row["row"] for row in rows}
    others = [row for row in document["rows"] if row["row"] not in names]
    document["rows"] = sorted([*others, *rows], key=lambda row: list(ROWS).index(row["row"]))
    document["peak memory (MiB)"] = max(peak, document["peak memory (MiB)"])
    path.write_text(json.dumps({"machine": machine(), **document}, indent=1) + "\n")


def exact(scale: float) -> Iterator[Row]:
    """Estimate where the truth is exact."""
    rng = np.random.default_rng(7)
    pairs = list(islice(_pairs(("LLVIP", "RoadScene"), 5), 10))
    for kind in KINDS:
        errors = []
        for _, visible in pairs[: max(3, round(10 * scale))]:
            negative = 255 - ndimage.gaussian_filter(visible.astype(np.float32), 1.0)
            negative = np.clip(negative + rng.normal(0, 4, negative.shape), 0, 255)
            moving, fixed, truth = _displaced(negative, visible, kind, rng)
            errors.append(_error(estimate(moving, fixed).matrix, truth, moving.shape))
        yield {
            "kind": kind,
            "tries": len(errors),
            "median px": _rounded(np.median(errors)),
            "worst px": _rounded(max(errors)),
        }


def equivariance(scale: float) -> Iterator[Row]:
    """Compare the estimates for a pair displaced and not."""
    for kind in KINDS[:3]:
        rng, hits, count = np.random.default_rng(11), 0, 0
        for infrared, visible in islice(_pairs(("LLVIP", "RoadScene"), 4), round(40 * scale)):
            still, fixed, identity = _displaced(infrared, visible, "none", rng)
            moving, _, truth = _displaced(infrared, visible, kind, rng)
            first, second = estimate(still, fixed).matrix, estimate(moving, fixed).matrix
            count += 1
            if first is not None and second is not None:
                # `truth` takes the displaced infrared to where the still one is.
                wanted = first @ np.linalg.inv(identity) @ truth
                hits += _error(second, wanted, moving.shape) < 2
        yield {"kind": kind, "tries": count, "within 2 px %": round(100 * hits / count)}


def displaced(scale: float) -> Iterator[Row]:
    """Estimate registered pairs that were displaced, against the nominal truth."""
    for kind in ("none", *KINDS):
        rng, errors, accepted = np.random.default_rng(13), [], []
        for infrared, visible in islice(_pairs(SETS, 3), round(60 * scale)):
            moving, fixed, truth = _displaced(infrared, visible, kind, rng)
            found = estimate(moving, fixed)
            errors.append(_error(found.matrix, truth, moving.shape) / fixed.shape[1])
            accepted.append(found.accepted)
        good = np.array(errors) < 0.02
        taken = np.array(accepted)
        yield {
            "kind": kind, "tries": len(errors), "within 2 % of the width %": round(100 * float(good.mean())),
            "right ones accepted %": round(100 * float(taken[good].mean())),
            "wrong ones accepted %": round(100 * float((taken & ~good).mean())),
        }  # fmt: skip


def metu(scale: float) -> Iterator[Row]:
    """Estimate each pair of two real rigs."""
    truth = json.loads((DATA / "unaligned" / "truth.json").read_text())
    errors, accepted, seconds = [], [], []
    names = [name for name in truth["pairs"] if name.startswith("metu/")]
    for name in names[: round(len(names) * scale)]:
        file = name.split("/")[1]
        infrared, visible = (_gray(DATA / "unaligned" / "metu" / side / file) for side in ("ir", "vis"))
        start = time.process_time()
        found = estimate(infrared, visible)
        seconds.append(time.process_time() - start)
        matrix = np.array(truth["rigs"][truth["pairs"][name]["rig"]])
        errors.append(_error(found.matrix, matrix, infrared.shape) / visible.shape[1])
        accepted.append(found.accepted)
    below = np.array(errors)
    yield {
        "tries": len(errors), "below 1 % of the width %": round(100 * float((below < 0.01).mean())),
        "below 2 %": round(100 * float((below < 0.02).mean())), "accepted %": round(100 * float(np.mean(accepted))),
        "seconds a pair": round(float(np.median(seconds)), 2),
    }  # fmt: skip


def landmarks(scale: float) -> Iterator[Row]:
    """Estimate pairs with marked points."""
    folder = DATA / "unaligned" / "vis_ir"
    truth = json.loads((DATA / "unaligned" / "truth.json").read_text())["pairs"]
    errors = []
    for name, entry in truth.items():
        if not name.startswith("vis_ir/"):
            continue
        file = f"{name.split('/')[-1]}.png"
        infrared, visible = _gray(folder / "move" / file), _gray(folder / "fix" / file)
        found = estimate(infrared, visible)
        moving, fixed = np.array(entry["landmarks_move"]), np.array(entry["landmarks_fix"])
        reached = transformed(found.matrix, moving) if found.matrix is not None else np.full_like(fixed, np.inf)
        errors.append(float(np.linalg.norm(reached - fixed, axis=1).mean()))
    yield {
        "tries": len(errors),
        "below 3 px": int((np.array(errors) < 3).sum()),
        "px": [_rounded(one) for one in errors],
    }


def mixed(scale: float) -> Iterator[Row]:
    """Give infrared and visible of different pairs.

    LLVIP's cameras are fixed: its pairs show the same few street corners, so a matrix between two of them can be right.
    They are counted by themselves.
    """
    rng = np.random.default_rng(17)
    pairs = [(name, pair) for name in SETS for pair in islice(_pairs((name,), 2), 30)]
    results: dict[str, list[tuple[float, bool]]] = {"different scenes": [], "LLVIP with LLVIP": []}
    for _ in range(round(500 * scale)):
        one, other = rng.choice(len(pairs), 2, replace=False)
        infrared, visible = _working(pairs[one][1][0]), _working(pairs[other][1][1])
        found = estimate(infrared, visible)
        both = pairs[one][0] == pairs[other][0] == "LLVIP"
        results["LLVIP with LLVIP" if both else "different scenes"].append((found.confidence, found.accepted))
    for kind, outcomes in results.items():
        yield {
            "kind": kind, "tries": len(outcomes), "accepted": sum(taken for _, taken in outcomes),
            "largest confidence": _rounded(max((value for value, _ in outcomes), default=0.0)),
        }  # fmt: skip


def degenerate(scale: float) -> Iterator[Row]:
    """Return pictures that show nothing, or a scene upside down."""
    rng = np.random.default_rng(19)
    infrared, visible = next(_pairs(("RoadScene",), 1))
    height, width = visible.shape
    hot = np.full((height, width), 40, np.uint8)
    hot[height // 2, width // 2] = 255
    bad = {
        "constant": np.full((height, width), 90, np.uint8),
        "noise": rng.integers(0, 256, (height, width)).astype(np.uint8),
        "ramp": np.tile(np.linspace(0, 255, width), (height, 1)),
        "hot pixel": hot,
        "upside down": infrared[::-1, ::-1],
        "mirrored": infrared[:, ::-1],
    }
    yield {"accepted": [name for name, picture in bad.items() if estimate(picture, visible).accepted]}


def sets(scale: float) -> Iterator[Row]:
    """Estimate ten pairs at once, displaced alike, and sets that are no rig."""
    for name in ("LLVIP", "MSRS"):
        pairs = list(islice(_pairs((name,), 1), 20))
        for kind in ("none", "view"):
            errors, seconds = [], 0.0
            estimates = []
            for part in (pairs[0::2][:10], pairs[1::2][:10]) if len(pairs) >= 10 else (pairs,):
                moving, fixed = [], []
                for infrared, visible in part:
                    one, other, truth = _displaced(infrared, visible, kind, np.random.default_rng(23))
                    moving.append(one)
                    fixed.append(other)
                start = time.process_time()
                found = estimate(moving, fixed)
                seconds = time.process_time() - start
                estimates.append(found)
                errors.append(_error(found.matrix, truth, moving[0].shape))
            halves = None
            if len(estimates) == 2 and all(one.matrix is not None for one in estimates):
                halves = _rounded(_error(estimates[0].matrix, estimates[1].matrix, moving[0].shape))
            yield {
                "set": name, "kind": kind, "pairs": len(part), "px from nominal": [_rounded(one) for one in errors],
                "px between halves": halves, "coarse": [_rounded(one.coarse) for one in estimates],
                "accepted": [one.accepted for one in estimates], "seconds": round(seconds, 1),
            }  # fmt: skip
    for one, other in (("LLVIP", "RoadScene"), ("RoadScene", "TNO"), ("TNO", "RoadScene")):
        infrared = [_fitted(pair[0]) for pair in islice(_pairs((one,), 1), 10)]
        visible = [_fitted(pair[1]) for pair in islice(_pairs((other,), 1), 10)]
        found = estimate(infrared, visible)
        yield {"set": f"{one} with {other}", "coarse": _rounded(found.coarse), "accepted": found.accepted}


def rivals(scale: float) -> Iterator[Row]:
    """Let other methods estimate pairs that were displaced."""
    methods = {"phase correlation": _phase_correlation, "mutual information": _mutual_information, "ours": _ours}
    for kind in ("none", "shift", "similarity", "view"):
        rng = np.random.default_rng(13)
        pairs = [_displaced(*pair, kind, rng) for pair in islice(_pairs(SETS, 3), round(60 * scale))]
        for name, method in methods.items():
            start = time.process_time()
            errors = [
                _error(method(moving, fixed), truth, moving.shape) / fixed.shape[1] for moving, fixed, truth in pairs
            ]
            seconds = (time.process_time() - start) / len(pairs)
            yield {
                "method": name, "kind": kind, "tries": len(pairs), "seconds a pair": round(seconds, 2),
                "within 2 % of the width %": round(100 * float((np.array(errors) < 0.02).mean())),
            }  # fmt: skip


def _ours(moving: Image, fixed: Image) -> NDArray[np.float64] | None:
    return estimate(moving, fixed).matrix


def _phase_correlation(moving: Image, fixed: Image) -> NDArray[np.float64]:
    """Correlate the phases of the pictures' gradients, as if both had one view."""
    from skimage.registration import phase_cross_correlation

    stretching = np.diag([fixed.shape[1] / moving.shape[1], fixed.shape[0] / moving.shape[0], 1.0])
    stretched = resize(moving.astype(np.float32), fixed.shape)
    sides = [np.hypot(*np.gradient(side.astype(np.float32))) for side in (fixed, stretched)]
    (down, across), *_ = phase_cross_correlation(*sides, upsample_factor=10)
    shift = np.array([[1, 0, across], [0, 1, down], [0, 0, 1.0]])
    return shift @ stretching


def _mutual_information(moving: Image, fixed: Image) -> NDArray[np.float64]:
    """Maximise Mattes mutual information over similarities, from coarse to fine."""
    import SimpleITK

    images = [SimpleITK.GetImageFromArray(side.astype(np.float32)) for side in (fixed, moving)]
    start = SimpleITK.CenteredTransformInitializer(*images, SimpleITK.Similarity2DTransform())
    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.2, 1)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 200)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SetInitialTransform(start, inPlace=False)
    method.SetInterpolator(SimpleITK.sitkLinear)
    try:
        back = method.Execute(*images)  # from visible to infrared pixels
    except RuntimeError:  # the two no longer overlap
        return np.eye(3)
    points = corners(fixed.shape)
    there = np.array([back.TransformPoint(point.tolist()) for point in points])
    return np.linalg.inv(from_corners(points, there))


ROWS = {
    "exact": exact, "equivariance": equivariance, "displaced": displaced, "metu": metu, "landmarks": landmarks,
    "mixed": mixed, "degenerate": degenerate, "sets": sets, "rivals": rivals,
}  # fmt: skip


def _pairs(names: tuple[str, ...], every: int) -> Iterator[tuple[Image, Image]]:
    """Return every Nth pair of each set, in turns, grey."""
    lists = [find_pairs(DATA / name)[1].pairs[::every] for name in names]
    for index in range(max(map(len, lists))):
        for pairs in lists:
            if index < len(pairs):
                infrared, visible = (_gray(path) for path in (pairs[index].infrared, pairs[index].visible))
                if infrared.shape == visible.shape:
                    yield infrared, visible


def _gray(path: Path) -> Image:
    return luminance(read(path))


def _working(picture: Image) -> Image:
    """Resize to 640 pixels across where a picture is larger."""
    scale = min(1.0, 640 / picture.shape[1])
    return resized(picture.astype(np.float32), scale)[0]


def _fitted(picture: Image) -> Image:
    """Resize to 512×384 pixels, whatever the shape."""
    return resize(picture.astype(np.float32), (384, 512), anti_aliasing=True)


def _displaced(
    infrared: Image, visible: Image, kind: str, rng: np.random.Generator
) -> tuple[Image, Image, NDArray[np.float64]]:
    """Cut a margin off the visible and sample the infrared through a random matrix of a kind.

    Returns:
        Infrared, visible, and the matrix from infrared to visible pixels.
    """
    if kind != "view":
        infrared, visible = _working(infrared), _working(visible)
    height, width = visible.shape
    margin_y, margin_x = int(0.08 * height), int(0.08 * width)
    fixed = visible[margin_y : height - margin_y, margin_x : width - margin_x]
    size = fixed.shape
    matrix = np.eye(3)
    middle = centre(size)
    shift = rng.uniform(-0.05, 0.05, 2) * size[1]
    if kind == "shift":
        matrix[:2, 2] = shift
    elif kind == "similarity":
        turn = np.deg2rad(rng.uniform(-5, 5))
        matrix = similarity_about(rng.uniform(0.9, 1.1), turn, middle, middle + shift)
    elif kind == "homography":
        source = corners(size)
        matrix = from_corners(source, source + rng.uniform(-0.08, 0.08, (4, 2)) * [size[1], size[0]])
    elif kind == "view":
        size = size[0] // 2, size[1] // 2
        scale = rng.uniform(0.6, 0.8) * fixed.shape[1] / size[1]
        matrix = similarity_about(scale, 0.0, centre(size), middle + shift)
        infrared = ndimage.gaussian_filter(infrared.astype(np.float32), 0.4 * scale)
    onto = np.array([[1, 0, margin_x], [0, 1, margin_y], [0, 0, 1.0]]) @ matrix
    moving = warped(infrared, np.linalg.inv(onto), size, edge=True)
    moving = np.clip(moving + rng.normal(0, 1, moving.shape), 0, 255)
    return np.rint(moving).astype(np.uint8), np.rint(fixed).astype(np.uint8), matrix


def _error(found: NDArray[np.float64] | None, truth: NDArray[np.float64], shape: tuple[int, ...]) -> float:
    """Return the mean distance over a grid of the infrared's pixels, visible pixels."""
    if found is None:
        return float("inf")
    across, down = np.meshgrid(np.linspace(0, shape[1] - 1, 9), np.linspace(0, shape[0] - 1, 7))
    points = np.stack([across.ravel(), down.ravel()], axis=1)
    return float(np.linalg.norm(transformed(found, points) - transformed(truth, points), axis=1).mean())


def _rounded(value: float) -> float:
    return round(float(value), 3)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(ROWS), help="which rows")
    parser.add_argument("--quick", action="store_true", help="a fifth of the tries")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
