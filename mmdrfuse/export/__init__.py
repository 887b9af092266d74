"""A network as a file for other programs and languages.

`TARGETS` is the table of what there is. The command, the docs and the tests are made from it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmdrfuse.errors import ChoiceError, UnknownNameError, WeightsError
from mmdrfuse.export.c_header import write_c
from mmdrfuse.export.json_text import write_json
from mmdrfuse.export.onnx_model import write_onnx
from mmdrfuse.export.options import INPUTS, Options
from mmdrfuse.export.page import write_page
from mmdrfuse.export.shaders import write_glsl, write_wgsl
from mmdrfuse.models import Checkpoint, read, safetensors_bytes, save_pretrained
from mmdrfuse.models.checkpoints import Network
from mmdrfuse.system.atomic import refuse_existing, refuse_unwritable, writing

__all__ = ["INPUTS", "TARGETS", "Options", "Target", "export", "render"]


@dataclass(frozen=True)
class Target:
    """A kind of file."""

    render: Callable[[Checkpoint, Options], str | bytes]
    """Returns the content of the file."""
    what: str
    """What the file is, in a few words."""
    takes: tuple[str, ...] = ()
    """The names of the fields of `Options` that matter to it."""
    networks: tuple[Network, ...] = ("student",)
    """The networks that it can hold."""


TARGETS = {
    "onnx": Target(
        write_onnx, "an ONNX model, opset 17, of any size and batch; 8-bit models hold every step", ("input", "range"),
        ("student", "teacher"),
    ),
    "c": Target(write_c, "one C99 header, in floating point or, by a macro, in integers alone", ("range",)),
    "page": Target(write_page, "one HTML file that fuses in a browser, with all shipped students"),
    "glsl": Target(write_glsl, "a function in GLSL, for OpenGL, WebGL, Vulkan and mpv", ("range",)),
    "wgsl": Target(write_wgsl, "a function in WGSL, for WebGPU", ("range",)),
    "json": Target(write_json, "weights, model card, and the arithmetic in words"),
    "safetensors": Target(
        lambda checkpoint, _: safetensors_bytes(checkpoint.arrays, checkpoint.card),
        "weights and model card, as this program reads them; a folder gets a README.md beside them",
        networks=("student", "teacher"),
    ),
}  # fmt: skip
"""Name of a kind of file → how it is made."""


def render(weights: str | Path | Checkpoint, target: str, options: Options | None = None) -> bytes:
    """Return the content of an export.

    Args:
        weights: A shipped name, a file of weights, or weights that were read.
        target: One of `TARGETS`.
        options: The choices; None for the defaults.

    Raises:
        UnknownNameError: There are no such weights, target or range.
        WeightsError: The file holds no weights, or those of a network that the target cannot hold.
        ChoiceError: A choice means nothing to the target.
        MissingExtraError: The target needs a package that is not installed.
    """
    options = options or Options()
    kind = _target(target, options)
    checkpoint = weights if isinstance(weights, Checkpoint) else read(weights)
    if checkpoint.network not in kind.networks:
        raise WeightsError(
            f"{checkpoint.name} is a {checkpoint.network}, and {target} takes a {' or '.join(kind.networks)} alone"
        )
    content = kind.render(checkpoint, options)
    return content if isinstance(content, bytes) else content.encode(errors="replace")


def export(
    weights: str | Path | Checkpoint,
    target: str,
    output: str | Path,
    options: Options | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write an export to a file, whole or not at all.

    Args:
        weights: A shipped name, a file of weights, or weights that were read.
        target: One of `TARGETS`.
        output: The file. For ``safetensors`` also a folder (that exists, or whose name ends with a slash), which gets
            ``model.safetensors`` and ``README.md``.
        options: The choices; None for the defaults.
        overwrite: Whether existing files may be replaced.

    Raises:
        OutputError: The file exists and may not be replaced, or cannot be written.
        MMDRFuseError: As in `render`.
    """
    path = Path(output)
    if target == "safetensors" and (str(output).endswith(("/", os.sep)) or path.is_dir()):
        _target(target, options or Options())
        checkpoint = weights if isinstance(weights, Checkpoint) else read(weights)
        save_pretrained(path, checkpoint, overwrite=overwrite)
        return

    refuse_existing(path, overwrite=overwrite or path.is_dir())  # a folder is refused in the next line
    refuse_unwritable(path)
    content = render(weights, target, options)
    with writing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(content)


def _target(name: str, options: Options) -> Target:
    if name not in TARGETS:
        raise UnknownNameError("target", name, TARGETS)
    for choice in options.chosen():
        if choice not in TARGETS[name].takes:
            takers = [other for other, target in TARGETS.items() if choice in target.takes]
            raise ChoiceError(f"{choice.replace('_', '-')} means nothing to {name}, only to {', '.join(takers)}")
    return TARGETS[name]
