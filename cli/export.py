"""``mmdrfuse export``: a network as a file for other programs and languages."""

import sys

import click

from mmdrfuse.cli.shared.console import messages, write_bytes
from mmdrfuse.cli.shared.options import FILE_OR_STREAM, NAME_OR_FILE, Command, overwrite_option


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from mmdrfuse.export import TARGETS

    return [name for name in TARGETS if name.startswith(incomplete)]


@click.command(cls=Command, short_help="Write a network as a file for other programs and languages.")
@click.argument("weights", type=NAME_OR_FILE)
@click.option(
    "--to", "target", required=True, metavar="onnx|c|page|glsl|wgsl|json|safetensors", shell_complete=_complete,
    help="What to write.",
)  # fmt: skip
@click.option(
    "-o", "--output", required=True, metavar="FILE|-", type=FILE_OR_STREAM,
    help="The file; - is standard output. For safetensors also a folder, which gets a README.md as well.",
)  # fmt: skip
@click.option(
    "--input", "input_", metavar="float|uint8", default="float",
    help="For onnx: planes in [0, 1] and the network's own output, or 8-bit planes in and out.",
)  # fmt: skip
@click.option(
    "--range", "range_", metavar="clip|minmax|fixed:LO,HI", show_default="the weights' own",
    help="For onnx, c, glsl and wgsl: what becomes black and white. ONNX models of float planes have none "
    "unless you name it.",
)  # fmt: skip
@overwrite_option
def export(weights: str, target: str, output: str, input_: str, range_: str | None, overwrite: bool) -> None:
    """Write a network as a file for other programs and languages.

    WEIGHTS is a shipped name (`mmdrfuse weights` lists them) or a file. The model card with the licences goes along.
    """
    from mmdrfuse.export import Options, render
    from mmdrfuse.export import export as write

    options = Options(input_, range_)
    if output == "-":
        write_bytes(render(weights, target, options))
        sys.stdout.flush()
        return
    write(weights, target, output, options, overwrite=overwrite)
    messages().print(f"{weights} exported to {output}")
