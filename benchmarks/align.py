"""Measure how well the matrix of two cameras is found, on real pairs displaced by known matrices and on real rigs.

    python benchmarks/align.py [--only exact,mixed] [--seed 1] [--half report] [--workers 2] [--quick]
        [--json benchmarks/results/align.json] [--records FILE] [--reuse FILE,FILE] [--data ../shared/data]

Needs the real pairs in ../shared. One thread a worker. Rows, each with what was reached:

exact         a visible picture against its own negative with blur and noise, displaced: the truth is exact
displaced     registered pairs displaced, against their nominal truth (they are off by some pixels themselves); and
equivariance  from the same tries: the estimate must move by the displacement
metu          two real rigs, pair by pair, against the matrices of many pairs
landmarks     pairs of two cameras with marked points
mixed         infrared and visible of different scenes: none may be accepted
degenerate    constant, noise, ramp, hot pixel, upside down, mirrored: none may be accepted
sets          ten pairs at once, and ten that are no rig
rivals        phase correlation, ECC, Mattes mutual information and ours on every third of the half's pairs

With --json, rows that ran replace those of the same name and half in the file, and the others stay: a row at a time
will do.
Every row names its half. --records writes every try with its confidence, to choose constants on ``--half tune``.
--reuse sums up such files, of one machine, instead of running.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from rivals import METHODS
from scipy import ndimage
from two_cameras import HALVES, KINDS, Image, Source, displaced, error, generator, gray, sources, stretched, working

from mmdrfuse.registration import estimate
from mmdrfuse.registration.projective import transformed
from mmdrfuse.system.timing import peak_memory
from mmdrfuse.system.workers import ordered, processes, raise_failures
from timing import machine

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MIXED = 500
TOGETHER = 10
"""Pairs of a set."""
FIXED_CAMERAS = "LLVIP"
"""Its pairs show a few street corners: a matrix between two of them can be right."""

Record = dict[str, Any]


@dataclass(frozen=True)
class Try:
    """One piece of work: pictures, and what is done to them."""

    row: str
    kind: str
    sources: tuple[Source, ...]
    seed: int
    data: Path


def main() -> None:
    """Run the rows and print them."""
    arguments = _arguments()
    records = _read(arguments.reuse.split(",")) if arguments.reuse else _run(arguments)
    names = [name for name in ROWS if any(record["row"] == name for record in records)]
    rows = [row for name in names for row in ROWS[name].summary([one for one in records if one["row"] == name])]
    rows = [{**row, "half": arguments.half, "seed": arguments.seed} for row in rows]
    for row in rows:
        print(json.dumps(row), flush=True)
    if arguments.json:
        _merge(arguments.json, rows, records[0])


def _run(arguments: argparse.Namespace) -> list[Record]:
    """Run the tries of the rows that were asked for; a run that is stopped keeps the records of what is done."""
    tries = [one for name in arguments.only.split(",") for one in ROWS[name].tries(arguments)]
    records: list[Record] = [{"row": "machine", **machine()}]
    start = time.perf_counter()
    with processes(arguments.workers) as executor, arguments.records.open("w") as log:
        log.write(json.dumps(records[0]) + "\n")
        outcomes = ordered(executor, run, tries, buffer_size=4 * arguments.workers)
        for number, (one, found) in enumerate(raise_failures(outcomes), 1):
            for record in found:
                records.append({"row": one.row, "kind": one.kind, "pair": one.sources[0].name, **record})
                log.write(json.dumps(records[-1]) + "\n")
            log.flush()
            if not number % 50:
                print(f"# {number} of {len(tries)}, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return records


def _read(names: list[str]) -> list[Record]:
    """Read the records of earlier runs."""
    return [json.loads(line) for name in names for line in Path(name).read_text().splitlines()]


def run(one: Try) -> list[Record]:
    """Do one try, in a process of its own."""
    return ROWS[one.row].run(one)


def _merge(path: Path, rows: list[Record], described: Record) -> None:
    """Write rows to a file in a fixed order; those of other names or of the other half stay."""
    old = json.loads(path.read_text())["rows"] if path.exists() else []
    new = {(row["row"], row["half"]) for row in rows}
    others = [row for row in old if (row["row"], row["half"]) not in new]
    order = ["equivariance", *ROWS]
    merged = sorted([*others, *rows], key=lambda row: (order.index(row["row"]), row["half"]))
    path.write_text(json.dumps({"machine": described, "rows": merged}, indent=1) + "\n")


def estimated(infrared: Image | list[Image], visible: Image | list[Image]) -> Record:
    """Estimate, and return what is found with its time and the peak memory of the process."""
    start = time.process_time()
    found = estimate(infrared, visible)
    return {
        "seconds": time.process_time() - start, "accepted": found.accepted, "confidence": found.confidence,
        "height": found.height, "reason": found.reason, "model": found.model, "memory": peak_memory(),
        "matrix": None if found.matrix is None else found.matrix.tolist(),
    }  # fmt: skip


def matrix_of(record: Record) -> NDArray[np.float64] | None:
    """Return the matrix of a record."""
    return None if record["matrix"] is None else np.array(record["matrix"])


# What is exact


def _exact_tries(arguments: argparse.Namespace) -> Iterator[Try]:
    pairs = sources(arguments.data, arguments.half, ("LLVIP", "RoadScene"))
    for kind in KINDS[1:]:
        for source in pairs[:: max(1, len(pairs) // _some(10, arguments))][: _some(10, arguments)]:
            yield Try("exact", kind, (source,), arguments.seed, arguments.data)


def _exact(one: Try) -> list[Record]:
    _, visible = one.sources[0].read()
    rng = generator(one.sources[0], one.kind, one.seed)
    negative = 255 - ndimage.gaussian_filter(visible.astype(np.float32), 1.0)
    negative = np.clip(negative + rng.normal(0, 4, negative.shape), 0, 255)
    moving, fixed, truth = displaced(negative, visible, one.kind, rng)
    found = estimated(moving, fixed)
    return [{**found, "error": error(matrix_of(found), truth, moving.shape)}]


def _exact_rows(records: list[Record]) -> Iterator[Record]:
    for kind, group in _by(records, "kind"):
        errors = [record["error"] for record in group]
        yield {
            "row": "exact", "kind": kind, "tries": len(errors), "median px": _rounded(np.median(errors)),
            "worst px": _rounded(max(errors)), "accepted %": _percent(record["accepted"] for record in group),
        }  # fmt: skip


# What was displaced


def _displaced_tries(arguments: argparse.Namespace, row: str, every: int) -> Iterator[Try]:
    pairs = sources(arguments.data, arguments.half)
    for source in pairs[:: every * (5 if arguments.quick else 1)]:
        for kind in KINDS:
            yield Try(row, kind, (source,), arguments.seed, arguments.data)


def _pictures(one: Try) -> tuple[Image, Image, NDArray[np.float64]]:
    source = one.sources[0]
    return displaced(*source.read(), one.kind, generator(source, one.kind, one.seed))


def _displaced(one: Try) -> list[Record]:
    moving, fixed, truth = _pictures(one)
    found = estimated(moving, fixed)
    share = error(matrix_of(found), truth, moving.shape) / fixed.shape[1]
    return [{**found, "error": share, "truth": truth.tolist(), "shape": moving.shape}]


def _displaced_rows(records: list[Record]) -> Iterator[Record]:
    for kind, group in _by(records, "kind"):
        good = [record for record in group if record["error"] < 0.02]
        yield {
            "row": "displaced", "kind": kind, "tries": len(group),
            "within 2 % of the width %": _percent(record["error"] < 0.02 for record in group),
            "right ones accepted %": _percent(record["accepted"] for record in good),
            "wrong ones accepted %": _percent(record["accepted"] and record["error"] >= 0.02 for record in group),
            "seconds a pair": _rounded(np.median([record["seconds"] for record in group])),
            "memory MiB": round(max(record["memory"] for record in group)),
        }  # fmt: skip
    still = {record["pair"]: record for record in records if record["kind"] == "none"}
    for kind in KINDS[1:4]:
        moved = [one for one in records if one["kind"] == kind and one["pair"].startswith(("LLVIP", "RoadScene"))]
        hits = _percent(_moves_along(still[record["pair"]], record) for record in moved)
        yield {"row": "equivariance", "kind": kind, "tries": len(moved), "within 2 px %": hits}


def _moves_along(still: Record, moved: Record) -> bool:
    """Return whether the estimate of a displaced pair is the one of the still pair, displaced."""
    first, second = matrix_of(still), matrix_of(moved)
    return first is not None and error(second, first @ np.array(moved["truth"]), moved["shape"]) < 2


# Real rigs


def _metu_tries(arguments: argparse.Namespace) -> Iterator[Try]:
    folder = arguments.data / "unaligned" / "metu"
    files = sorted((folder / "ir").iterdir())
    for file in files[: _some(len(files), arguments)]:
        source = Source("metu", file, folder / "vis" / file.name)
        yield Try("metu", "", (source,), arguments.seed, arguments.data)


def _metu(one: Try) -> list[Record]:
    truth = json.loads((one.data / "unaligned" / "truth.json").read_text())
    source = one.sources[0]
    matrix = np.array(truth["rigs"][truth["pairs"][f"metu/{source.infrared.name}"]["rig"]])
    infrared, visible = gray(source.infrared), gray(source.visible)
    found = estimated(infrared, visible)
    return [{**found, "error": error(matrix_of(found), matrix, infrared.shape) / visible.shape[1]}]


def _metu_rows(records: list[Record]) -> Iterator[Record]:
    yield {
        "row": "metu", "tries": len(records),
        "below 1 % of the width %": _percent(record["error"] < 0.01 for record in records),
        "below 2 %": _percent(record["error"] < 0.02 for record in records),
        "accepted %": _percent(record["accepted"] for record in records),
        "seconds a pair": _rounded(np.median([record["seconds"] for record in records])),
        "memory MiB": round(max(record["memory"] for record in records)),
    }  # fmt: skip


def _landmark_tries(arguments: argparse.Namespace) -> Iterator[Try]:
    folder = arguments.data / "unaligned" / "vis_ir"
    for file in sorted((folder / "move").iterdir()):
        yield Try("landmarks", "", (Source("vis_ir", file, folder / "fix" / file.name),), 0, arguments.data)


def _landmarks(one: Try) -> list[Record]:
    truth = json.loads((one.data / "unaligned" / "truth.json").read_text())["pairs"]
    source = one.sources[0]
    points = next(entry for name, entry in truth.items() if name.startswith("vis_ir/") and
                  name.split("/")[-1] == source.infrared.stem)  # fmt: skip
    found = estimated(gray(source.infrared), gray(source.visible))
    matrix = matrix_of(found)
    moving, fixed = np.array(points["landmarks_move"]), np.array(points["landmarks_fix"])
    reached = transformed(matrix, moving) if matrix is not None else np.full_like(fixed, np.inf)
    return [{**found, "error": float(np.linalg.norm(reached - fixed, axis=1).mean())}]


def _landmark_rows(records: list[Record]) -> Iterator[Record]:
    errors = [_rounded(record["error"]) for record in records]
    accepted = sum(record["accepted"] for record in records)
    below = sum(one < 3 for one in errors)
    yield {"row": "landmarks", "tries": len(errors), "below 3 px": below, "accepted": accepted, "px": errors}


# What is to be refused


def _mixed_tries(arguments: argparse.Namespace) -> Iterator[Try]:
    rng = np.random.default_rng([arguments.seed, HALVES.index(arguments.half)])
    pairs = sources(arguments.data, arguments.half)
    count = 0
    while count < _some(MIXED, arguments):
        one, other = (pairs[index] for index in rng.choice(len(pairs), 2, replace=False))
        if one.set == other.set == FIXED_CAMERAS:
            continue
        count += 1
        yield Try("mixed", "", (one, other), arguments.seed, arguments.data)


def _mixed(one: Try) -> list[Record]:
    infrared, visible = working(one.sources[0].read()[0]), working(one.sources[1].read()[1])
    return [{**estimated(infrared, visible), "visible": one.sources[1].name}]


def _mixed_rows(records: list[Record]) -> Iterator[Record]:
    yield {
        "row": "mixed", "tries": len(records), "accepted": sum(record["accepted"] for record in records),
        "largest confidence": _rounded(max(record["confidence"] for record in records)),
    }  # fmt: skip


DEGENERATE = ("constant", "noise", "ramp", "hot pixel", "upside down", "mirrored")


def _degenerate_tries(arguments: argparse.Namespace) -> Iterator[Try]:
    pairs = sources(arguments.data, arguments.half)
    for kind in DEGENERATE:
        for source in pairs[::10]:
            yield Try("degenerate", kind, (source,), arguments.seed, arguments.data)


def _degenerate(one: Try) -> list[Record]:
    infrared, visible = (working(side) for side in one.sources[0].read())
    height, width = visible.shape
    hot = np.full((height, width), 40, np.uint8)
    hot[height // 2, width // 2] = 255
    bad = {
        "constant": np.full((height, width), 90, np.uint8),
        "noise": np.random.default_rng(one.seed).integers(0, 256, (height, width)).astype(np.uint8),
        "ramp": np.tile(np.linspace(0, 255, width), (height, 1)),
        "hot pixel": hot,
        "upside down": infrared[::-1, ::-1],
        "mirrored": infrared[:, ::-1],
    }
    return [estimated(bad[one.kind], visible)]


def _degenerate_rows(records: list[Record]) -> Iterator[Record]:
    accepted = [f"{record['kind']} {record['pair']}" for record in records if record["accepted"]]
    yield {"row": "degenerate", "tries": len(records), "accepted": len(accepted), "which": accepted}


# Sets


def _set_tries(arguments: argparse.Namespace) -> Iterator[Try]:
    for name in ("LLVIP", "MSRS"):
        for kind in ("none", "view"):
            halves = [tuple(sources(arguments.data, half, (name,))[:TOGETHER]) for half in HALVES]
            if len(halves[0]) < TOGETHER:
                halves = [halves[0] + halves[1]] * 2
            for pairs in halves:
                yield Try("sets", kind, pairs, arguments.seed, arguments.data)
    for names in (("LLVIP", "RoadScene"), ("RoadScene", "TNO"), ("TNO", "RoadScene"), ("VIFB", "LLVIP")):
        sides = [sources(arguments.data, half, (name,)) for half, name in zip(HALVES, names, strict=True)]
        count = min(TOGETHER, *map(len, sides))
        mixed = [Source("-".join(names), one.infrared, other.visible)
                 for one, other in zip(*(side[:count] for side in sides), strict=True)]  # fmt: skip
        yield Try("sets", "different scenes", tuple(mixed), arguments.seed, arguments.data)


def _set(one: Try) -> list[Record]:
    if one.kind == "different scenes":
        infrared, visible = ([stretched(gray(getattr(source, side)), (384, 512)) for source in one.sources]
                             for side in ("infrared", "visible"))  # fmt: skip
        return [{**estimated(infrared, visible), "pairs": len(infrared)}]
    rig = one.sources[0].set
    pairs = [displaced(*source.read(), one.kind, np.random.default_rng(one.seed)) for source in one.sources]
    found = estimated([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    truth, shape = pairs[0][2], pairs[0][0].shape
    off = error(matrix_of(found), truth, shape)
    return [{**found, "pairs": len(pairs), "set": rig, "error": off, "shape": shape}]


def _set_rows(records: list[Record]) -> Iterator[Record]:
    wrong = [record for record in records if record["kind"] == "different scenes"]
    right = [record for record in records if record["kind"] != "different scenes"]
    for first, second in zip(right[0::2], right[1::2], strict=True):
        both, other = matrix_of(first), matrix_of(second)
        alone = both is None or other is None or first["pair"] == second["pair"]
        apart = None if alone else _rounded(error(both, other, first["shape"]))
        yield {
            "row": "sets", "set": first["set"], "kind": first["kind"], "pairs": first["pairs"],
            "px from nominal": [_rounded(one["error"]) for one in (first, second)], "px between halves": apart,
            "height": [_rounded(one["height"]) for one in (first, second)],
            "accepted": [one["accepted"] for one in (first, second)], "seconds": _rounded(first["seconds"]),
        }  # fmt: skip
    for one in wrong:
        names = one["pair"].split("/")[0]
        yield {
            "row": "sets", "set": names, "kind": one["kind"], "pairs": one["pairs"],
            "height": _rounded(one["height"]), "accepted": one["accepted"],
        }  # fmt: skip


# Rivals


def _rivals(one: Try) -> list[Record]:
    moving, fixed, truth = _pictures(one)
    records = []
    for name, method in METHODS.items():
        start = time.process_time()
        found = method(moving, fixed)
        seconds = time.process_time() - start
        share = error(found, truth, moving.shape) / fixed.shape[1]
        records.append({"method": name, "error": share, "seconds": seconds})
    return records


def _rival_rows(records: list[Record]) -> Iterator[Record]:
    for method, group in _by(records, "method"):
        for kind, part in _by(group, "kind"):
            yield {
                "row": "rivals", "method": method, "kind": kind, "tries": len(part),
                "within 2 % of the width %": _percent(record["error"] < 0.02 for record in part),
                "seconds a pair": _rounded(np.median([record["seconds"] for record in part])),
            }  # fmt: skip


@dataclass(frozen=True)
class Row:
    """How a row's tries are made, done and summed up."""

    tries: Callable[[argparse.Namespace], Iterator[Try]]
    run: Callable[[Try], list[Record]]
    summary: Callable[[list[Record]], Iterator[Record]]


ROWS = {
    "exact": Row(_exact_tries, _exact, _exact_rows),
    "displaced": Row(partial(_displaced_tries, row="displaced", every=2), _displaced, _displaced_rows),
    "metu": Row(_metu_tries, _metu, _metu_rows),
    "landmarks": Row(_landmark_tries, _landmarks, _landmark_rows),
    "mixed": Row(_mixed_tries, _mixed, _mixed_rows),
    "degenerate": Row(_degenerate_tries, _degenerate, _degenerate_rows),
    "sets": Row(_set_tries, _set, _set_rows),
    "rivals": Row(partial(_displaced_tries, row="rivals", every=3), _rivals, _rival_rows),
}


def _some(count: int, arguments: argparse.Namespace) -> int:
    """Return how many of ``count`` tries are made."""
    return max(3, count // 5) if arguments.quick else count


def _by(records: list[Record], key: str) -> Iterator[tuple[str, list[Record]]]:
    """Group records by a key, in the order of its first appearance."""
    for value in dict.fromkeys(record[key] for record in records):
        yield value, [record for record in records if record[key] == value]


def _percent(values: Iterator[bool]) -> int | None:
    found = list(values)
    return round(100 * sum(found) / len(found)) if found else None


def _rounded(value: float) -> float:
    return round(float(value), 3)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(ROWS), help="which rows")
    parser.add_argument("--seed", type=int, default=1, help="of displacements and mixed pairs")
    parser.add_argument("--half", choices=HALVES, default="report", help="of the pairs")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--quick", action="store_true", help="a fifth of the tries")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--records", type=Path, default=Path(os.devnull))
    parser.add_argument("--reuse", help="records to sum up")
    parser.add_argument("--data", type=Path, default=DATA)
    return parser.parse_args()


if __name__ == "__main__":
    main()
