"""Measure how well slices of CT, PET and SPECT are registered to MRI, displaced by known amounts; and wrong slices.

    python benchmarks/align_medical.py [--half report] [--count 16] [--only CT,PET,SPECT] [--workers 1]
        [--methods field,mutual-information] [--json benchmarks/results/align_medical.json] [--data ../shared/data]

Needs Harvard's registered pairs in ../shared. Each slice is shifted by at most 5 % of the width each way, and turned by
at most 5 degrees. ``right`` is a pair, displaced; ``again`` the same pair displaced otherwise: the estimate must move
by as much. ``slice`` is the MRI of the same patient at least six slices away, ``patient`` that of another one: the
gate must refuse both. ``auto`` is what `estimate` returns: mutual information where it is believed, else the field.

Constants are chosen on ``--half tune``, the patients of even places; what is reported is the other half. Errors are
mean distances of the corners in pixels of 256, against the set's own registration, which is off by some pixels itself.
"""

import argparse
import json
import os
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from two_cameras import HALVES, gray

from mmdrfuse.registration import estimate
from mmdrfuse.registration.geometry import warped
from mmdrfuse.registration.projective import Matrix, centre, corners, similarity_about, transformed
from mmdrfuse.system.workers import ordered, processes, raise_failures
from timing import machine

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
METHODS = ("field", "mutual-information")
WHAT = ("right", "again", "slice", "patient")
NEAR, FAR = 0.02, 0.04
"""Shares of the width: a matrix nearer than the first is right, farther than the second wrong."""
APART = 6
"""Slices between two of a patient that differ."""

Image = NDArray[Any]
Record = dict[str, Any]


@dataclass(frozen=True)
class Try:
    """A slice of a machine, an MRI, and what is tried with them."""

    kind: str
    what: str
    moving: Path
    fixed: Path
    methods: tuple[str, ...]

    def displaced(self) -> tuple[Image, Image, Matrix]:
        """Return the slice displaced at random, the MRI, and the matrix between them."""
        moving, fixed = gray(self.moving), gray(self.fixed)
        rng = np.random.default_rng([zlib.crc32(f"{self.kind}{self.moving.stem}".encode()), WHAT.index(self.what)])
        middle = centre(fixed.shape)
        shift = rng.uniform(-0.05, 0.05, 2) * fixed.shape[1]
        truth = similarity_about(1.0, np.deg2rad(rng.uniform(-5, 5)), middle, middle + shift)
        return warped(moving, np.linalg.inv(truth), *moving.shape), fixed, truth


def main() -> None:
    """Run the tries and print a row for each machine, method and kind of try."""
    arguments = _arguments()
    records: list[Record] = []
    with processes(arguments.workers) as executor:
        for _, found in raise_failures(ordered(executor, run, list(tries(arguments)), buffer_size=16)):
            records += found
    rows = [row for kind in arguments.only.split(",") for row in summary(kind, records)]
    for row in rows:
        print(json.dumps(row), flush=True)
    if arguments.records:
        arguments.records.write_text("".join(json.dumps(record) + "\n" for record in records))
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"machine": machine(), "half": arguments.half, "rows": rows}, indent=1) + "\n"
        )


def tries(arguments: argparse.Namespace) -> Iterator[Try]:
    """Yield what is tried, drawn evenly over the slices of a half of the patients."""
    methods = tuple(arguments.methods.split(","))
    for kind in arguments.only.split(","):
        folder = arguments.data / "Harvard" / f"{kind}-MRI" / "train"
        slices = sorted((folder / "MRI").glob("*.png"))
        patients = sorted({_patient(path) for path in slices})
        half = [path for path in slices if patients.index(_patient(path)) % 2 == HALVES.index(arguments.half)]
        for index in np.linspace(0, len(half) - 1, min(arguments.count, len(half))).round().astype(int):
            fixed = half[index]
            moving = folder / kind / fixed.name
            rng = np.random.default_rng([zlib.crc32(fixed.stem.encode()), 9])
            same = [path for path in slices if _patient(path) == _patient(fixed) and _apart(path, fixed) >= APART]
            others = [path for path in slices if _patient(path) != _patient(fixed)]
            yield Try(kind, "right", moving, fixed, methods)
            yield Try(kind, "again", moving, fixed, methods)
            for what, wrong in (("slice", same), ("patient", others)):
                if wrong:
                    yield Try(kind, what, moving, wrong[int(rng.integers(len(wrong)))], methods)


def run(one: Try) -> list[Record]:
    """Register by each method."""
    moving, fixed, truth = one.displaced()
    points = corners(fixed.shape)
    found: list[Record] = []
    for method in one.methods:
        start = time.process_time()
        result = estimate(moving, fixed, method=method)  # type: ignore[arg-type]
        seconds = time.process_time() - start
        undone = None if result.matrix is None else transformed(result.matrix @ np.linalg.inv(truth), points)
        found.append(
            {
                "kind": one.kind,
                "what": one.what,
                "method": method,
                "pair": one.moving.stem,
                "mri": one.fixed.stem,
                "accepted": result.accepted,
                "confidence": result.confidence,
                "seconds": seconds,
                "width": fixed.shape[1],
                "undone": None if undone is None else undone.tolist(),
                "error": None if undone is None else float(np.linalg.norm(undone - points, axis=1).mean()),
            }
        )
    if found[0]["method"] == "field" and len(found) > 1:
        chosen = found[1] if found[1]["accepted"] else found[0]
        found.append(
            {
                **chosen,
                "method": "auto",
                "seconds": found[1]["seconds"] + (0 if found[1]["accepted"] else found[0]["seconds"]),
            }
        )
    return found


def summary(kind: str, records: list[Record]) -> Iterator[Record]:
    """Yield the rows of one machine."""
    for method in (*METHODS, "auto"):
        mine = [one for one in records if (one["kind"], one["method"]) == (kind, method)]
        right = [one for one in mine if one["what"] in ("right", "again")]
        if not right:
            continue
        believed = [one for one in right if one["accepted"]]
        wrong = {what: [one for one in mine if one["what"] == what] for what in ("slice", "patient")}
        yield {
            "kind": kind, "method": method, "tries": len(right),
            "within 2 % (%)": _percent(_near(right, NEAR), right), "within 4 % (%)": _percent(_near(right, FAR), right),
            "accepted (%)": _percent(believed, right), "median error of accepted (px)": _median(believed),
            "accepted beyond 4 % (%)": _percent([one for one in believed if one["error"] > FAR * one["width"]], right),
            "moves with the displacement (median px)": _equivariance(right),
            **{f"accepted, wrong {what}": f"{sum(one['accepted'] for one in some)} of {len(some)}"
               for what, some in wrong.items()},
            "highest confidence, wrong": round(max(one["confidence"] for one in wrong["slice"] + wrong["patient"]), 2),
            "seconds": round(float(np.median([one["seconds"] for one in mine])), 2),
        }  # fmt: skip


def _equivariance(records: list[Record]) -> float | None:
    """Return how far two estimates of a pair are apart, the displacements undone, where both are believed."""
    by_pair: dict[str, list[NDArray[np.float64]]] = {}
    for one in records:
        if one["accepted"]:
            by_pair.setdefault(one["pair"], []).append(np.array(one["undone"]))
    apart = [float(np.linalg.norm(two[0] - two[1], axis=1).mean()) for two in by_pair.values() if len(two) == 2]
    return round(float(np.median(apart)), 2) if apart else None


def _near(records: list[Record], share: float) -> list[Record]:
    return [one for one in records if one["error"] is not None and one["error"] <= share * one["width"]]


def _percent(some: list[Record], records: list[Record]) -> float:
    return round(100 * len(some) / len(records), 1)


def _median(records: list[Record]) -> float | None:
    return round(float(np.median([one["error"] for one in records])), 2) if records else None


def _patient(path: Path) -> str:
    """Return the number of a patient: what stands before the three digits of the slice."""
    return path.stem[:-3]


def _apart(one: Path, other: Path) -> int:
    return abs(int(one.stem[-3:]) - int(other.stem[-3:]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=HALVES, default="report")
    parser.add_argument("--count", type=int, default=16, help="slices of each machine")
    parser.add_argument("--only", default="CT,PET,SPECT")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--records", type=Path, help="write every try")
    parser.add_argument("--data", type=Path, default=DATA)
    return parser.parse_args()


if __name__ == "__main__":
    main()
