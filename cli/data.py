"""``mmdrfuse data``: list the known sets, check pairs of pictures, verify files of patches, and export sets."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mmdrfuse.cli.data_export import export
from mmdrfuse.cli.shared.console import Report, check_outputs, progress, show, write_output
from mmdrfuse.cli.shared.options import (
    ANY_PATH,
    EXISTING,
    EXISTING_FOLDER,
    Command,
    cluster_option,
    complete_layouts,
    json_option,
    layout_option,
    overwrite_option,
    pair_regex_option,
    workers_option,
)
from mmdrfuse.errors import PatchFileError

if TYPE_CHECKING:
    from rich.table import Table

    from mmdrfuse.datasets.checks.check import CheckReport
    from mmdrfuse.datasets.sets.catalogue import Form, Layout
    from mmdrfuse.system.workers import Workers

_EXAMPLES = 4
"""Files and pairs that a row names; the JSON document names all."""
_SIZES = 6
"""Sizes and kinds of pictures that get a line of their own; the rest are summed up in one."""


@click.group(short_help="List known sets, check your own pairs, verify patches, export for detectors.")
def data() -> None:
    """List the known public sets, check your own pairs of pictures, verify files of patches, and export sets."""


@data.command(cls=Command, short_help="List the known public sets, or show one: folders, size, source, licence.")
@click.argument("name", required=False, shell_complete=complete_layouts)
def info(name: str | None) -> None:
    """List the public sets that mmdrfuse knows; with NAME, show one of them.

    For one set it shows how the folders and files are named, how many pairs there are and of which size, where to get
    them, the licence, and the paper to cite.
    """
    from mmdrfuse.datasets import LAYOUTS
    from mmdrfuse.errors import UnknownNameError

    if name is None:
        show(_catalogue(LAYOUTS.values()))
        return
    if name.lower() not in LAYOUTS:
        raise UnknownNameError("layout", name, LAYOUTS)
    show(_entry(LAYOUTS[name.lower()]))


@data.command(
    cls=Command,
    short_help="Check a set of pairs: unreadable files, missing partners, near-duplicates, misalignment.",
)
@click.argument("source", metavar="SRC", type=EXISTING)
@click.argument("visible", metavar="[VIS]", type=EXISTING_FOLDER, required=False)
@layout_option
@pair_regex_option
@json_option
@workers_option
@cluster_option
@overwrite_option
def check(
    source: Path,
    visible: Path | None,
    layout: str | None,
    pair_regex: str | None,
    json_: str | None,
    workers: "Workers",
    overwrite: bool,
) -> None:
    """Read every pair of the set SRC and report what is wrong with it.

    SRC is the root folder of a set, a table of pairs (.csv), or, with VIS, the folder of the infrared pictures; VIS is
    then the folder of the visible ones.

    The check finds files that cannot be read, pictures without a partner or with more than one, sizes that differ
    within a pair, pictures that hold one value only, near-duplicates between train, val and test, and pairs that are
    clearly not aligned. The exit code is 1 if it finds any of these, and 0 if not.
    """
    from mmdrfuse.datasets.checks.check import check as look

    if visible and not source.is_dir():
        raise click.UsageError("with VIS, SRC must be the folder of the infrared pictures, and it is a file")
    check_outputs(json_, overwrite=overwrite)
    report = look(
        (source, visible) if visible else source,
        layout=layout,
        pair_regex=pair_regex,
        workers=workers,
        progress=progress,
    )
    if json_:
        write_output(json_, json.dumps(report.document(), indent=1, allow_nan=False) + "\n")
    if json_ != "-":  # the file first, as the reader of the table may stop reading
        _show(report)
    if report.attention:
        raise SystemExit(1)


@data.command(cls=Command, short_help="Verify files of patches: that every patch is as it was written.")
@click.argument("files", metavar="FILE.h5...", type=ANY_PATH, nargs=-1, required=True)
def verify(files: tuple[Path, ...]) -> None:
    """Read every patch of each FILE.h5, and compare the content with the fingerprint that `mmdrfuse prepare` wrote."""
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


data.add_command(export)


def _show(report: "CheckReport") -> None:
    """Print the verdict, then tables of the problems, of notes, and of the pictures' properties."""
    from rich.text import Text

    from mmdrfuse.datasets.checks.check import NOTES, PROBLEMS

    problems = report.attention
    kinds = ", ".join(f"{len(lines)} × {PROBLEMS[name]}" for name, lines in problems.items())
    pairs = f"{len(report.pairs)} pair{'s' * (len(report.pairs) != 1)}"
    results: list[Table | Text] = [
        Text.assemble(
            f"{report.source}: {pairs}, layout {report.layout.name}; ",
            (f"needs attention: {kinds}", "bold red") if problems else ("nothing needs attention", "bold green"),
        )
    ]
    for title, names, lines in (("needs attention", PROBLEMS, problems), ("notes", NOTES, report.notes)):
        if lines:
            rows = ((names[name], str(len(each)), _few(each, report.source)) for name, each in lines.items())
            results.append(_table(title, ("what", "count", "examples"), rows))
    if "rig" in report.notes:
        pair = report.pairs[0].pair
        folders = f"{pair.infrared.parent} {pair.visible.parent}"
        results.append(Text(f"mmdrfuse align {folders} -o rig.yaml  finds the matrix"))
    if counted := list(_pictures(report)):
        results.append(_table("pictures", ("", ""), counted))
    show(*results)


def _pictures(report: "CheckReport") -> Iterable[tuple[str, str]]:
    """Yield counts by size, kind, split and label folder, and the median alignment of the sides."""
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
    if median := report.alignment:
        right, down = (round(each, 1) + 0.0 for each in median.shift)  # + 0.0 turns -0.0 into 0.0
        yield "alignment", f"score {median.score:.2f}, shift {right:+.1f}, {down:+.1f} px (medians)"


def _counts(counts: "Counter[str]", what: str) -> str:
    """Return a line for each of the most common values, and one that counts the rest."""
    common = counts.most_common(_SIZES)
    lines = [f"{count} × {name}" for name, count in common]
    rest = counts.total() - sum(count for _, count in common)
    if rest:
        lines.append(f"{rest} {what} of {len(counts) - _SIZES} others")
    return "\n".join(lines)


def _few(lines: Sequence[str], source: str) -> str:
    """Return the first lines, with paths relative to the source, and a count of the rest."""
    shown = list(lines[:_EXAMPLES])
    if len(lines) > _EXAMPLES:
        shown.append(f"and {len(lines) - _EXAMPLES} more")
    return "\n".join(shown).replace(f"{source}/", "")


def _catalogue(layouts: "Iterable[Layout]") -> "Table":
    rows = ((layout.name, str(layout.count or ""), _size(layout), layout.title) for layout in layouts)
    return _table("known sets; for details: mmdrfuse data info NAME", ("name", "pairs", "size", "what"), rows)


def _entry(layout: "Layout") -> "Table":
    """Return a table with a row for each fact about a set, and for each word of its patterns."""
    from mmdrfuse.datasets.sets.keys import INFRARED_WORDS, VISIBLE_WORDS

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
    """Describe the root's name and the folder that a form needs in order to be recognised."""
    root = f" in a root named *{form.root}*" if form.root else ""
    return f"{root}{f' beside {form.beside}' if form.beside else ''}"


def _size(layout: "Layout") -> str:
    return "{}x{}".format(*layout.size) if layout.size else ""


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> "Table":
    """Lay out rows of plain text; no cell is read as markup, whatever a folder is called."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), show_header=any(headings), title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in {"count", "pairs"} else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
