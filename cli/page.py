"""``mmdrfuse page``: open the page that fuses in a browser, or write it to a file."""

import sys
import tempfile
import webbrowser
from pathlib import Path

import click

from mmdrfuse.cli.shared.console import messages, write_bytes
from mmdrfuse.cli.shared.options import FILE_OR_STREAM, Command, overwrite_option
from mmdrfuse.errors import MMDRFuseError


@click.command(cls=Command, short_help="Open a page that fuses in your browser, or write it.")
@click.option(
    "-o", "--output", metavar="FILE|-", type=FILE_OR_STREAM,
    help="Write the page to a file, and open nothing; - is standard output.",
)  # fmt: skip
@overwrite_option
def page(output: str | None, overwrite: bool) -> None:
    """Open a page that fuses pictures, videos and cameras in your browser.

    The page is one HTML file with all shipped students. It works without internet, from a memory stick, and on phones.
    Nothing that you give it leaves your device. `mmdrfuse export WEIGHTS --to page` writes one with your own weights.
    """
    from mmdrfuse.export.page import write_page
    from mmdrfuse.system.atomic import writing

    content = write_page().encode()
    if output == "-":
        write_bytes(content)
        sys.stdout.flush()
        return
    if output:
        with writing(Path(output), overwrite=overwrite) as temporary:
            temporary.write_bytes(content)
        messages().print(f"the page is in {output}; open it with a browser")
        return

    with tempfile.NamedTemporaryFile(prefix="mmdrfuse-", suffix=".html", delete=False) as file:
        file.write(content)
    if not webbrowser.open(Path(file.name).as_uri()):
        Path(file.name).unlink()
        raise MMDRFuseError("no browser was found here; write the page to a file with -o, and open that")
    messages().print(f"opened {file.name}")
