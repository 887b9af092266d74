"""Fill the template of a report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from mmdrfuse.reports import plots, selection
from mmdrfuse.reports.contents import Column, Contents, rounded
from mmdrfuse.reports.pictures import PairPictures

MOST_SCORES = 400_000
"""Single scores that a report holds; beyond, it lists and plots only the pairs that it shows first."""
_ASSETS = Path(__file__).parent / "assets"
_SCRIPTS = ("data.js", "table.js", "view.js", "compare.js", "pairs.js", "scatter.js")
"""In the order in which they build on each other."""


class Renderer:
    """The page of one evaluation; called with its pictures, it returns the bytes of the file.

    Args:
        contents: What the report says.
        limit: Bytes of the file, which the page states.
        folder: Name of the folder beside it with the pictures in full size; empty for none.
    """

    def __init__(self, contents: Contents, limit: int, folder: str) -> None:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_ASSETS),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("report.html.jinja")
        self._contents = contents
        self._folder = folder
        size = len(contents.methods) * len(contents.metrics)
        self._listed = list(contents.reasons)[: max(1, MOST_SCORES // size)]
        self._data = self._for_scripts()
        self._fixed = {
            "contents": contents,
            "limit": f"{limit / 1e6:g} MB",
            "listed": len(self._listed),
            "folder": folder,
            "css": _asset("report.css"),
            "js": Markup("\n").join(map(_asset, _SCRIPTS)),
            **_plots(contents),
        }

    def __call__(self, pictures: Mapping[int, PairPictures], side: int) -> bytes:
        """Return the page.

        Args:
            pictures: Pair's number → its pictures.
            side: Pixels of their longer side, at most.
        """
        embedded = [pair for pair, read in pictures.items() if any(read.webp)]
        text = self._template.render(
            self._fixed,
            embedded=len(embedded),
            side=side,
            data=_json(self._data | {"embedded": embedded, "side": side}),
            pictures={pair: _json(_for_page(read)) for pair, read in pictures.items()},
        )
        return text.encode("utf-8", "replace")  # names that are no UTF-8 have characters that no page can hold

    def _for_scripts(self) -> dict[str, Any]:
        """Return what the page's scripts sort, copy, list and draw."""
        contents = self._contents
        numbers = contents.numbers
        disagreements = selection.disagreement(numbers)
        overall = selection.overall(numbers)
        return {
            "methods": contents.methods,
            "columns": [_column(one) for one in contents.columns],
            "metrics": [_column(one) for one in contents.metrics],
            "same": contents.columns == contents.metrics,
            "panes": contents.panes,
            "summary": contents.summary,
            "pairs": {pair: contents.pairs[pair] for pair in self._listed},
            "listed": self._listed,
            "reasons": {pair: contents.reasons[pair] for pair in self._listed},
            "scores": {
                pair: [[rounded(float(value)) for value in row] for row in numbers.values[:, pair]]
                for pair in self._listed
            },
            "disagreement": {pair: rounded(float(disagreements[pair])) for pair in self._listed},
            "overall": {pair: rounded(float(overall[pair])) for pair in self._listed},
            "folder": self._folder,
            "checkerboards": contents.has_rig,
            "boxes": bool(contents.labelled or contents.boxes),
        }


def _column(column: Column) -> dict[str, Any]:
    return {"name": column.name, "heading": column.heading, "up": column.up}


def _plots(contents: Contents) -> dict[str, Any]:
    headings = [column.heading for column in contents.columns]
    ranks = [[cell.rank for cell in row.cells] for row in contents.rows]
    critical = {
        metric: plots.critical_difference(metric, contents.methods, found)
        for metric, found in contents.rankings.items()
    }
    boxes = {
        column.name: plots.distribution(
            column.name, list(zip(contents.methods, contents.numbers.values[..., place], strict=True))
        )
        for place, column in enumerate(contents.metrics)
    }
    ranked = any(rank for row in ranks for rank in row)
    heat = plots.heat_map(contents.methods, headings, ranks) if ranked else None
    return {"heat_map": heat, "critical": critical, "distributions": boxes}


def _for_page(read: PairPictures) -> dict[str, Any]:
    return {
        "width": read.width,
        "height": read.height,
        "webp": read.webp,
        "originals": read.original_names,
        "files": read.files,
        "hashes": read.hashes,
        "errors": read.errors,
        "boxes": [[[box.x0, box.y0, box.x1, box.y1, box.kind, box.name] for box in boxes] for boxes in read.boxes],
    }


def _json(value: Any) -> Markup:  # noqa: ANN401
    """Return JSON that is safe within a script element, whatever the names hold."""
    return htmlsafe_json_dumps(value, separators=(",", ":"), allow_nan=False)


def _asset(name: str) -> Markup:
    return Markup((_ASSETS / name).read_text(encoding="utf-8"))
