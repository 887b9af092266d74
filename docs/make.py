"""Write the generated parts of the docs: tables of metrics, recipes and results, the Python library, and the picture.

    python docs/make.py [--demo DEMO]

DEMO is the folder that `mmdrfuse demo` wrote; without it the picture stays as it is.
"""

import argparse
import importlib
import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE.parent / "benchmarks" / "results"
PICTURE = HERE / "demo.jpg"
WIDTH = 380
"""Pixels of each of the picture's three parts."""

PYTHON = {
    "Fuse and score": ("mmdrfuse.fuse", "mmdrfuse.evaluate", "mmdrfuse.metrics.names"),
    "Weights": (
        "mmdrfuse.models.load", "mmdrfuse.models.read", "mmdrfuse.models.write", "mmdrfuse.models.from_pretrained",
    ),
    "Export": ("mmdrfuse.export.export", "mmdrfuse.export.render", "mmdrfuse.export.Options"),
    "Pairs": ("mmdrfuse.datasets.find_pairs", "mmdrfuse.datasets.pair_folders"),
    "Patches": ("mmdrfuse.datasets.PatchFile",),
    "Labels, and sets for detectors": (
        "mmdrfuse.datasets.labels.read",
        "mmdrfuse.datasets.export.export",
        "mmdrfuse.datasets.export.ExportOptions",
    ),
    "Two cameras": ("mmdrfuse.registration.estimate",),
    "Many files": ("mmdrfuse.pipeline.fuse.folder.fuse_pairs", "mmdrfuse.pipeline.score.evaluate_folders",
        "mmdrfuse.pipeline.score.evaluate_recordings", "mmdrfuse.pipeline.score.evaluate_videos"),
    "Reports": ("mmdrfuse.reports.write_report", "mmdrfuse.reports.write_detection_report"),
    "Detection": (
        "mmdrfuse.detection.open_detector", "mmdrfuse.detection.detect_folders", "mmdrfuse.detection.score_results",
        "mmdrfuse.detection.read_results",
    ),
    "Training": ("mmdrfuse.training.train", "mmdrfuse.training.refine_student"),
    "Errors": ("mmdrfuse.errors",),
}  # fmt: skip
"""The public names that `python.md` shows, by heading."""

PYTHON_EXAMPLE = """```python
import mmdrfuse
from mmdrfuse.datasets import scene
from mmdrfuse.errors import MMDRFuseError

street = scene(0)  # a made-up pair; take arrays of your own instead

try:
    fused = mmdrfuse.fuse(street.infrared, street.visible)  # H×W×3, uint8
except MMDRFuseError as error:
    print(error)  # says what was expected, what came, and what to do next

scores = mmdrfuse.evaluate(fused, street.infrared, street.visible, metrics=("EN", "SD", "VIF"))
```"""
"""How `python.md` begins."""

FOLDERS_EXAMPLE = """Folders are fused by the same steps as in `mmdrfuse fuse`, and get the same manifest:

```python
from pathlib import Path
from mmdrfuse import models
from mmdrfuse.datasets import pair_folders
from mmdrfuse.engine import make
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import fuse_pairs, settle
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.score import evaluate_folders

weights = models.read("ivif")
choices = Choices(Fuser(make(weights), range="clip"), weights)
pairs = pair_folders(Path("scenes/ir"), Path("scenes/vi")).pairs

choices, pairs = settle(choices, pairs, Path("fused"))  # one range for the whole set
for pair, result in fuse_pairs(choices, pairs, Path("fused"), workers=2):
    if isinstance(result, MMDRFuseError):
        print(pair.name, result)

scores = evaluate_folders([Path("fused")], baselines=["max"], metrics=["EN", "SD"])
```"""
"""What follows it."""


METHODS = {
    "infrared": "infrared",
    "visible": "visible",
    "mean": "mean",
    "max": "max(I, V)",
    "affine": "1.25·(0.7·max + 0.3·mean) − 20",
    "released student, minmax": "the authors' student, stretched",
    "released teacher, minmax": "the authors' teacher, stretched",
}
"""Method in the results of benchmarks → its words in tables; others are shipped weights."""

OTHERS = ("released student, minmax", "released teacher, minmax", "max", "affine")
"""Methods in the tables of scores beside ours."""

SCENES = {"TNO": "TNO, 5", "RoadScene": "RoadScene, 57", "LLVIP": "LLVIP, 10"}
MEDICAL = {"Harvard/CT-MRI": "CT, 53", "Harvard/PET-MRI": "PET, 81", "Harvard/SPECT-MRI": "SPECT, 111"}
"""Set → its title, with the number of pairs held out."""


DISPLACEMENTS = {
    "none": "not at all", "shift": "by 5 % of the width", "similarity": "also by 10 % of scale and 5 degrees",
    "homography": "each corner by 8 %", "view": "to 60 to 80 % of the view",
}  # fmt: skip
"""How the benchmark of `align` moves pairs → its words in tables."""

REACHED = {
    "exact": (
        "a picture and its own negative, moved {moved}",
        "median {median px:.2f} px, worst {worst px:.2f} px",
    ),
    "equivariance": (
        "registered pairs, moved {moved}: the answer moves along",
        "within 2 px: {within 2 px %} %",
    ),
    "displaced": (
        "registered pairs, moved {moved}",
        "within 2 % of the width: {within 2 % of the width %} %; of these accepted: {right ones accepted %} %; "
        "wrong and accepted: {wrong ones accepted %} %",
    ),
    "metu": (
        "single pairs of two real rigs (METU-VisTIR)",
        "within 1 % of the width: {below 1 % of the width %} %; accepted: {accepted %} %",
    ),
    "landmarks": ("pairs with points marked by hand", "below 3 px: {below 3 px}"),
    "mixed": ("infrared and visible of different scenes", "accepted: {accepted}"),
    "degenerate": ("constant, noise, ramp, hot pixel, upside down, mirrored", "accepted: {accepted}"),
    "sets": ("sets of {pairs} pairs of {set}, moved {moved}", "two sets differ by {px between halves:.2f} px"),
    "different scenes": ("a set of pairs of different scenes ({set})", "accepted: {accepted:d}"),
}  # fmt: skip
"""Row of the benchmark of `align` → which pictures it takes, and what it reached."""


SLICES = {
    "slices": "kind",
    "method": "method",
    "tries": "tries",
    "within 4 % of the width, %": "within 4 % (%)",
    "accepted, %": "accepted (%)",
    "accepted and farther off, %": "accepted beyond 4 % (%)",
    "median error of accepted, px": "median error of accepted (px)",
    "two answers differ by, px": "moves with the displacement (median px)",
    "wrong slice accepted": "accepted, wrong slice",
    "wrong patient accepted": "accepted, wrong patient",
}
"""Column of the table of medical slices → what the benchmark calls it."""


def metrics_page() -> str:
    """Return the page of metrics: the table that the code itself is built from."""
    from mmdrfuse.metrics import markdown_table

    return f"""# Metrics

`mmdrfuse eval --list` prints this table. ↑ means that more is better, ↓ that less is better. *Smallest* is the smallest
picture that the metric takes.

The last column lists the protocols that have the metric. A *protocol* says which number goes by the name: `standard` is
the metric as its own paper defines it, and the others reproduce published programs. What a protocol does differently
stands in brackets; † marks an error of the published program that is reproduced. Never compare scores of different
protocols. See [eval](eval.md).

{markdown_table().strip()}
"""


def python_page() -> str:
    """Return the page of the Python library: signatures and docstrings."""
    parts = [
        "# The Python library",
        PYTHON_EXAMPLE,
        "Images are NumPy arrays, H×W or H×W×3. Every expected failure is an `MMDRFuseError`. `import mmdrfuse` "
        "imports nothing heavy; only training and `models.load` import torch.",
        FOLDERS_EXAMPLE,
        "The rest of this page is made from the docstrings.",
    ]
    for heading, names in PYTHON.items():
        parts.append(f"## {heading}")
        parts += [_entry(name) for name in names]
    return "\n\n".join(parts) + "\n"


def recipes_page() -> str:
    """Return the page of recipes with its tables of fields as the dataclasses have them."""
    from mmdrfuse.recipes.writing import markdown_table

    page = (HERE / "recipes.md").read_text(encoding="utf-8")
    for command in ("teach", "distill", "refine"):
        page = _filled(page, f"fields-{command}", markdown_table(command))
    return page


def weights_page() -> str:
    """Return the page of weights with its tables of scores and detection as the benchmarks measured them."""
    means = json.loads((RESULTS / "scores.json").read_text(encoding="utf-8"))["means"]
    detectors = json.loads((RESULTS / "detection.json").read_text(encoding="utf-8"))["detectors"]
    tables = {
        "scores-scenes": _scores_table(means, SCENES, "scenes"),
        "scores-medical": _scores_table(means, MEDICAL, "medical"),
        "detection": "\n".join(_detection_table(detector, halves) for detector, halves in detectors.items()),
    }
    page = (HERE / "weights.md").read_text(encoding="utf-8")
    for name, table in tables.items():
        page = _filled(page, name, f"\n{table}\n")
    return page


def differences_page() -> str:
    """Return the page of differences with what leaving out each part of the loss costs, under both policies."""
    document = json.loads((RESULTS / "ablation.json").read_text(encoding="utf-8"))
    page = (HERE / "differences.md").read_text(encoding="utf-8")
    for policy, found in document["summary"].items():
        page = _filled(page, f"ablation-{policy}", f"\n{_ablation_tables(document['metrics'], found)}\n")
    return page


def _ablation_tables(metrics: list[str], found: dict[str, Any]) -> str:
    """Return the means with their spread over the seeds, and what each part of the loss earns."""
    rows, gains = [], []
    for name, row in found["means"].items():
        spreads = [f" ± {spread:.2f}" if row["seeds"] > 1 else "" for spread in row["spread"]]
        cells = [f"{mean:.2f}{spread}" for mean, spread in zip(row["mean"], spreads, strict=True)]
        rows.append([name, str(row["seeds"]) if row["seeds"] > 1 else "", *cells])
    for name, row in found["gains"].items():
        cells = [f"{gain:+.1f} ({low:+.1f} to {high:+.1f})".replace("-", "−") for gain, low, high in row]
        gains.append([name.removeprefix("without "), *cells])
    means = _table(["", "seeds", *metrics], rows)
    return f"{means}\n\n{_table(['earns, %', *metrics], gains)}\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def align_page() -> str:
    """Return the page of rigs with its tables of what was reached as the benchmark measured it."""
    rows = json.loads((RESULTS / "align.json").read_text(encoding="utf-8"))["rows"]
    page = (HERE / "align.md").read_text(encoding="utf-8")
    page = _filled(page, "reached", f"\n{_reached_table(rows)}\n")
    page = _filled(page, "rivals", f"\n{_rivals_table(rows)}\n")
    slices = json.loads((RESULTS / "align_medical.json").read_text(encoding="utf-8"))["rows"]
    cells = [["" if row[key] is None else str(row[key]) for key in SLICES.values()] for row in slices]
    return _filled(page, "slices", f"\n{_table(list(SLICES), cells)}\n\n")


def _reached_table(rows: list[dict[str, Any]]) -> str:
    """Return what `align` reached on each kind of pairs."""
    lines = ["| pictures | half | tries | reached |", "|---|---|---|---|"]
    for row in rows:
        name = row["kind"] if row.get("kind") == "different scenes" else row["row"]
        if name not in REACHED or row.get("px between halves", 0) is None:  # rivals; a set too small for two halves
            continue
        pictures, reached = REACHED[name]
        words = {"tries": row.get("pairs"), **row, "moved": DISPLACEMENTS.get(row.get("kind", ""), "")}
        cells = [pictures.format_map(words), f"`{row['half']}`", words["tries"], reached.format_map(words)]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def _rivals_table(rows: list[dict[str, Any]]) -> str:
    """Return how many of the moved pairs other methods find."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        if row["row"] == "rivals":
            found.setdefault(row["method"], {})[row["kind"]] = row
    lines = [f"| method | pairs | {' | '.join(DISPLACEMENTS.values())} |", "|---" * 7 + "|"]
    for method, kinds in found.items():
        cells = [str(kinds[kind]["within 2 % of the width %"]) for kind in DISPLACEMENTS]
        lines.append(f"| {method} | {kinds['none']['tries']} of `{kinds['none']['half']}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _scores_table(means: dict[str, dict[str, dict[str, float]]], sets: dict[str, str], weights: str) -> str:
    """Return the mean scores of some weights beside those of other methods, set by set."""
    metrics = list(next(iter(means.values()))["max"])
    lines = [f"| pairs | method | {' | '.join(metrics)} |", "|---" * (2 + len(metrics)) + "|"]
    for dataset, title in sets.items():
        for method in (f"ours ({weights})", *OTHERS):
            if row := means[dataset].get(method):
                cells = [f"{value:.{1 if metric == 'SD' else 2}f}" for metric, value in row.items()]
                lines.append(f"| {title} | {METHODS.get(method, f'`{weights}`')} | {' | '.join(cells)} |")
                title = ""
    return "\n".join(lines) + "\n"


def _detection_table(detector: str, halves: dict[str, dict[str, dict[str, dict[str, Any]]]]) -> str:
    """Return one detector's table: AP50:95, AP50, and the interval of the difference to the mean in AP50:95."""
    columns = [f"{half}, {title}" for half in halves for title in ("raw", "tone freed")]
    lines = [f"| {detector} | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    for method in next(iter(halves.values())):
        cells = [_detection_cell(found) for rows in halves.values() for found in rows[method].values()]
        lines.append(f"| {METHODS.get(method, f'`{method}`')} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _detection_cell(found: dict[str, Any]) -> str:
    low, high = (100 * end for end in found["AP to mean"])
    difference = f" [{low:+.1f}, {high:+.1f}]" if high > low else ""
    return f"{100 * found['AP']:.1f} ({100 * found['AP50']:.1f}){difference}".replace("-", "−")


def _filled(page: str, name: str, content: str) -> str:
    """Return a page with new content between the marks of a name."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n{content}{end}{rest.split(end)[1]}"


def picture(demo: Path) -> None:
    """Write infrared, visible and fused picture of the demo's first scene side by side."""
    from PIL import Image

    name = sorted(path.name for path in (demo / "ir").iterdir())[0]
    parts = [Image.open(demo / side / name).convert("RGB") for side in ("ir", "vi", "fused")]
    height = round(parts[0].height * WIDTH / parts[0].width)
    canvas = Image.new("RGB", (3 * WIDTH + 2 * 4, height), "white")
    for column, part in enumerate(parts):
        canvas.paste(part.resize((WIDTH, height), Image.Resampling.LANCZOS), (column * (WIDTH + 4), 0))
    canvas.save(PICTURE, quality=85)


def _entry(name: str) -> str:
    """Return signature and docstring of a public name."""
    try:
        value = importlib.import_module(name)
    except ModuleNotFoundError:
        home, _, last = name.rpartition(".")
        value = getattr(importlib.import_module(home), last)
    signature = "" if inspect.ismodule(value) else _signature(value)
    return f"### `{name}`\n\n```text\n{name}{signature}\n\n{inspect.getdoc(value)}\n```"


def _signature(value: Callable[..., object]) -> str:
    """Return a signature with one parameter a line and types as the code writes them."""
    found = inspect.signature(value)
    words = [str(parameter) for parameter in found.parameters.values()]
    kinds = [parameter.kind for parameter in found.parameters.values()]
    if inspect.Parameter.KEYWORD_ONLY in kinds:
        words.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
    returned = (
        ""
        if found.return_annotation in (None, found.empty)
        else f" -> {inspect.formatannotation(found.return_annotation)}"
    )
    lines = "".join(f"    {word},\n" for word in words)
    return _short(f"(\n{lines}){returned}" if words else f"(){returned}")


def _short(signature: str) -> str:
    signature = re.sub(r"<function (\w+) at 0x\w+>", r"\1", signature)  # a default that is a function
    signature = re.sub(
        r"numpy\.ndarray\[tuple\[typing\.Any, \.\.\.\], numpy\.dtype\[([\w.]+)\]\]", r"NDArray[\1]", signature
    )
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z])", "", signature)


PAGES = {
    "differences.md": differences_page,
    "metrics.md": metrics_page,
    "python.md": python_page,
    "recipes.md": recipes_page,
    "weights.md": weights_page,
    "align.md": align_page,
}
"""The generated pages."""


def main() -> None:
    """Write everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path)
    demo = parser.parse_args().demo
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
    if demo:
        picture(demo)


if __name__ == "__main__":
    main()
