"""Write the generated parts of the docs: tables of metrics and recipes, the Python library, and the README's picture.

    python docs/make.py [--demo DEMO]

DEMO is the folder that `mmdrfuse demo` wrote; without it the picture stays as it is.
"""

import argparse
import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
PICTURE = HERE / "demo.jpg"
WIDTH = 380
"""Pixels of each of the picture's three parts."""

PYTHON = {
    "Fuse and score": ("mmdrfuse.fuse", "mmdrfuse.evaluate", "mmdrfuse.metrics.names"),
    "Weights": ("mmdrfuse.models.load", "mmdrfuse.models.read", "mmdrfuse.models.write"),
    "Pairs": ("mmdrfuse.datasets.find_pairs", "mmdrfuse.datasets.pair_folders"),
    "Patches": ("mmdrfuse.datasets.PatchFile",),
    "Many files": ("mmdrfuse.pipeline.score.evaluate_folders",),
    "Training": ("mmdrfuse.training.train", "mmdrfuse.training.refine_student"),
    "Errors": ("mmdrfuse.errors",),
}  # fmt: skip
"""The public names that `python.md` shows, by heading."""


def metrics_page() -> str:
    """Return the page of metrics: the table that the code itself is built from."""
    from mmdrfuse.metrics import markdown_table

    return f"""# Metrics

`mmdrfuse eval --list` prints this table. A *protocol* says which of the numbers that go by a name is meant:
`standard` is each metric as its own paper defines it; the others reproduce published programs, errors (†) included.
Scores of different protocols cannot be compared. See [eval](eval.md).

{markdown_table().strip()}
"""


def python_page() -> str:
    """Return the page of the Python library: signatures and docstrings."""
    parts = [
        "# The Python library",
        "This page is made from the docstrings. Images are NumPy arrays, H×W or H×W×3. Importing `mmdrfuse` imports "
        "nothing heavy; torch is imported by training and by `models.load` alone.",
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
        begin, end = f"<!-- begin fields-{command} -->", f"<!-- end fields-{command} -->"
        before, rest = page.split(begin)
        after = rest.split(end)[1]
        page = f"{before}{begin}\n{markdown_table(command)}{end}{after}"
    return page


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


PAGES = {"metrics.md": metrics_page, "python.md": python_page, "recipes.md": recipes_page}
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
