"""What ``eval`` and ``detect`` have in common: their options, their sources, and the documents that they write."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mmdrfuse.cli.shared.console import Report, messages, progress, write_output
from mmdrfuse.cli.shared.options import EXISTING_FOLDER, FILE_OR_STREAM, command_line
from mmdrfuse.errors import MMDRFuseError, OutputError, PairingError

if TYPE_CHECKING:
    from mmdrfuse.pair import Pair
    from mmdrfuse.reports import Written

Function = TypeVar("Function", bound=Callable[..., Any])

fused_argument = click.argument("fused", nargs=-1, type=EXISTING_FOLDER)
baselines_option = click.option(
    "--baselines", default="", show_default=False, metavar="A,B,…",
    help="Score fusions without a network beside yours: max, mean, affine; or a source: infrared, visible.",
)  # fmt: skip
score_workers_option = click.option(
    "--workers", type=click.IntRange(1), metavar="N", show_default="one for every 8 pictures, up to all cores",
    help="Score in N processes.",
)  # fmt: skip


html_option = click.option(
    "--html", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Write a report with table, pictures and plots as one HTML file, which asks no server.",
)  # fmt: skip
full_option = click.option(
    "--full", is_flag=True,
    help="With --html: write all pictures in full size too, into a folder beside FILE that the report links to.",
)  # fmt: skip


def sources_options(function: Function, kind: click.Path = EXISTING_FOLDER) -> Function:
    """Add the options that name the folders of the sources.

    Args:
        function: Of the command.
        kind: What may be named.
    """
    for option in (
        click.option("--vis", "visible", metavar="DIR", type=kind, help="Folder of the visible sources."),
        click.option("--ir", "infrared", metavar="DIR", type=kind, help="Folder of the infrared sources."),
    ):
        function = option(function)
    return function


def csv_option(what: str) -> Callable[[Function], Function]:
    """Return the option ``--csv``.

    Args:
        what: Has a line in the file, such as ``picture``.
    """
    return click.option(
        "--csv", "csv_", metavar="FILE|-", type=FILE_OR_STREAM,
        help=f"Write one line a {what} as CSV to a file; - writes them to standard output, and nothing else.",
    )  # fmt: skip


def pair_sources(
    infrared: Path | None, visible: Path | None, report: Report
) -> "tuple[Sequence[Pair] | None, list[MMDRFuseError]]":
    """Pair the sources that the options name.

    Args:
        infrared: Folder of the infrared sources.
        visible: Folder of the visible sources.
        report: Gets the files that are in no pair.

    Returns:
        The pairs, None if no folders are named; and the files that are in no pair.
    """
    from mmdrfuse.datasets import pair_folders

    if bool(infrared) != bool(visible):
        raise click.UsageError("--ir and --vis go together: give both, or neither")
    if not (infrared and visible):
        return None, []
    pairing = pair_folders(infrared, visible, recursive=True)
    unpaired: list[MMDRFuseError] = [
        PairingError(line) for line in (*pairing.orphan_lines(), *pairing.ambiguous_lines())
    ]
    for failure in unpaired:
        report.add(failure)
    return pairing.pairs, unpaired


def write_documents(documents: Mapping[str, Iterable[str]], report: Report) -> None:
    """Write texts to files or, for ``-``, to standard output; where one cannot be written, the others still are.

    Args:
        documents: Target → text, or its parts.
        report: Gets the failures.
    """
    for target in sorted(documents, key="-".__eq__):  # files first: nobody may read standard output any more
        try:
            write_output(target, documents[target])
        except OutputError as error:
            report.add(error)


def check_html(html: Path | None, *, full: bool, overwrite: bool) -> None:
    """Refuse, before any work is done, a report that could not be written afterwards.

    Args:
        html: The file; None for no report.
        full: Whether a folder of pictures is wanted beside it.
        overwrite: Whether the two may be replaced.
    """
    if full and not html:
        raise click.UsageError("--full is for the report; add --html FILE")
    if html:
        from mmdrfuse.reports import check_target

        check_target(html, full=full, overwrite=overwrite)


def write_html(write: "Callable[..., Written]", html: Path, report: Report, **options: Any) -> None:  # noqa: ANN401
    """Write an HTML report, and print its size and how many pairs have pictures in it.

    Args:
        write: A function such as `mmdrfuse.reports.write_report`, without its first argument.
        html: The file.
        report: Gets the failure.
        options: Further arguments of ``write``.
    """
    command = command_line(click.get_current_context())
    try:
        written = write(html, command=command, progress=progress, **options)
    except MMDRFuseError as error:
        report.add(error)
        return
    left_out = f", pictures of {written.embedded} of {written.pairs} pairs" if written.embedded < written.pairs else ""
    messages().print(f"report written to {html} ({written.nbytes / 1e6:.1f} MB{left_out})")
