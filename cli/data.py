"""``mmdrfuse data``: what sets there are, whether one is fit for use, and whether a file of patches is whole."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.shared.console import Report, check_deliverable, deliver, progress, show
from mmdrfuse.cli.shared.options import ANY_PATH, EXISTING, EXISTING_FOLDER, Command, overwrite_option, workers_option
from mmdrfuse.errors import PatchFileError

if TYPE_CHECKING:
    from rich.table import Table

    from mmdrfuse.datasets.checks.check import CheckReport
    from mmdrfuse.datasets.sets.catalogue import Form, Layout

_EXAMPLES = 4
"""Names that stand for all of a kind; the JSON document has them all."""
_SIZES = 6
"""Sizes that are counted one by one."""

layout_option = click.option("--layout", metavar="NAME", show_default="recognised", help="The layout that SRC has.")
pair_regex_option = click.option(
    "--pair-regex",
    metavar="REGEX",
    help="What is equal in the names of a pair, as a regular expression for the names without endings: its group "
    "tells it. [default: the whole name]",
)


@click.group(short_help="Know, check and verify data.")
def data() -> None:
    """Show what sets are known, check folders of pairs, and verify files of patches."""


@data.command(cls=Command, short_help="Show what sets are known.")
@click.argument("name", required=False)
def info(name: str | None) -> None:
    """Show what is known of the set NAME: its folders, size, source, licence and citation; without NAME, list all."""
    from mmdrfuse.datasets import LAYOUTS
    from mmdrfuse.errors import UnknownNameError

    if name is None:
        show(_catalogue(LAYOUTS.values()))
        return
    if name.lower() not in LAYOUTS:
        raise UnknownNameError("layout", name, LAYOUTS)
    show(_entry(LAYOUTS[name.lower()]))


@data.command(cls=Command, short_help="Check a set of pairs.")
@click.argument("source", metavar="SRC", type=EXISTING)
@click.argument("visible", metavar="[VIS]", type=EXISTING_FOLDER, required=False)
@layout_option
@pair_regex_option
@click.option(
    "--json", "json_", metavar="FILE|-",
    help="Write everything as JSON; - is standard output, alone.",
)  # fmt: skip
@workers_option
@overwrite_option
def check(
    source: Path,
    visible: Path | None,
    layout: str | None,
    pair_regex: str | None,
    json_: str | None,
    workers: int,
    overwrite: bool,
) -> None:
    """Look at every pair of the set SRC, and say what needs attention; exit code 1 if anything does.

    SRC is the root of a set, a table of pairs (CSV), or the infrared folder beside the visible one, VIS.

    Attention need: files that cannot be read, pictures without a partner or with more than one, sizes that differ
    within a pair, pictures of one value, near-duplicates between train, val and test, and pairs that are clearly not
    aligned.
    """
    from mmdrfuse.datasets.checks.check import check as look

    if visible and not source.is_dir():
        raise click.UsageError("SRC must be a folder where VIS is given: the infrared side")
    check_deliverable(json_, overwrite=overwrite)
    report = look(
        (source, visible) if visible else source,
        layout=layout,
        pair_regex=pair_regex,
        workers=workers,
        progress=progress,
    )
    if json_:
        deliver(json_, json.dumps(report.document(), indent=1, allow_nan=False) + "\n")
    if json_ != "-":  # after the file: whoever reads the table may stop reading
        _show(report)
    if report.attention:
        raise SystemExit(1)


@data.command(cls=Command, short_help="Verify files of patches.")
@click.argument("files", metavar="FILE.h5...", type=ANY_PATH, nargs=-1, required=True)
def verify(files: tuple[Path, ...]) -> None:
    """Read every patch of each FILE.h5 and compare with the fingerprint that `mmdrfuse prepare` wrote."""
    from mmdrfuse.datasets import PatchFile

    report = Report()
    for path in files:
        try:
            file = PatchFile(path, split="all")
            file.verify()
        except PatchFileError as error:
            report.add(error)
            continue
        count, height, width = file.shape
        click.echo(f"{path}: whole, {count} patches of {width}x{height}, fingerprint {file.fingerprint[:12]}")
        report.done += 1
    report.finish("files verified")


def _show(report: "CheckReport") -> None:
    """Print the verdict, what needs attention, what else to know, and what the pictures are."""
    from rich.text import Text

    from mmdrfuse.datasets.checks.check import NOTES, PROBLEMS

    found = report.attention
    kinds = ", ".join(f"{len(lines)} × {PROBLEMS[name]}" for name, lines in found.items())
    pairs = f"{len(report.pairs)} pair{'s' * (len(report.pairs) != 1)}"
    results: list[Table | Text] = [
        Text.assemble(
            f"{report.source}: {pairs}, layout {report.layout.name}; ",
            (f"needs attention: {kinds}", "bold red") if found else ("nothing needs attention", "bold green"),
        )
    ]
    for title, names, lines in (("needs attention", PROBLEMS, found), ("to know", NOTES, report.notes)):
        if lines:
            rows = ((names[name], str(len(each)), _few(each, report.source)) for name, each in lines.items())
            results.append(_table(title, ("what", "count", "which"), rows))
    if counted := list(_pictures(report)):
        results.append(_table("pictures", ("", ""), counted))
    show(*results)


def _pictures(report: "CheckReport") -> Iterable[tuple[str, str]]:
    """Count by size and kind, and sum up how well the sides lie on each other."""
    labels = Counter(str(path.parent).removeprefix(f"{report.source}/") for path in report.pairing.labels)
    for name, counts, what in (
        ("sizes", report.sizes, "pictures"),
        ("infrared", report.kinds(0), "pictures"),
        ("visible", report.kinds(1), "pictures"),
        ("splits", report.splits, "pairs"),
        ("labels", labels, "files"),
    ):
        if counts:
            yield name, _counts(counts, what)
    if middle := report.alignment:
        right, down = (round(each, 1) + 0.0 for each in middle.shift)  # no -0.0
        yield "alignment", f"score {middle.score:.2f}, shift {right:+.1f}, {down:+.1f} px (medians)"


def _counts(counts: "Counter[str]", what: str) -> str:
    """Name what is most, and count the rest."""
    named = [f"{count} × {name}" for name, count in counts.most_common(_SIZES)]
    left = counts.total() - sum(count for _, count in counts.most_common(_SIZES))
    return "\n".join([*named, *([f"{left} {what} of {len(counts) - _SIZES} others"] if left else [])])


def _few(lines: Sequence[str], source: str) -> str:
    """Name the first, below the source, and count the rest."""
    more = len(lines) - _EXAMPLES
    return "\n".join([*lines[:_EXAMPLES], *([f"and {more} more"] if more > 0 else [])]).replace(f"{source}/", "")


def _catalogue(layouts: "Iterable[Layout]") -> "Table":
    rows = ((layout.name, str(layout.count or ""), _size(layout), layout.title) for layout in layouts)
    return _table("known sets; more with  mmdrfuse data info NAME", ("name", "pairs", "size", "what"), rows)


def _entry(layout: "Layout") -> "Table":
    """One row for each thing that is known, and what the patterns' words stand for."""
    from mmdrfuse.datasets.sets.pairing import INFRARED_WORDS, VISIBLE_WORDS

    forms = layout.forms
    facts = {
        "infrared": "\nor ".join(form.infrared + _where(form) for form in forms),
        "visible": "\nor ".join(dict.fromkeys(form.visible for form in forms)),
        "{ir}": "|".join(INFRARED_WORDS) if any("{ir}" in form.infrared for form in forms) else "",
        "{vi}": "|".join(VISIBLE_WORDS) if any("{vi}" in form.visible for form in forms) else "",
        "{split}": "|".join(layout.splits),
        "names": "\nor ".join(dict.fromkeys(form.files for form in forms if form.files != ".+")),
        "infrared names": "\nor ".join(form.sides[0] for form in forms if form.sides[0]),
        "visible names": "\nor ".join(form.sides[1] for form in forms if form.sides[1]),
        "labels": ", ".join(layout.labels),
        "pairs": str(layout.count or ""),
        "size": _size(layout),
        "source": layout.source,
        "licence": layout.licence if layout.source else "",
        "citation": layout.citation,
    }
    return _table(f"{layout.name} – {layout.title}", ("", ""), (fact for fact in facts.items() if fact[1]))


def _where(form: "Form") -> str:
    """Say what else must be there for the form to be recognised."""
    root = f" in a root named *{form.root}*" if form.root else ""
    return f"{root}{f' beside {form.beside}' if form.beside else ''}"


def _size(layout: "Layout") -> str:
    return "{}x{}".format(*layout.size) if layout.size else ""


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> "Table":
    """Lay out rows of plain text; nothing in a cell is markup, whatever a folder is called."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), show_header=any(headings), title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in {"count", "pairs"} else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
