"""The page: one HTML file that fuses in a browser, with all shipped students, and asks no server for anything.

The files beside this module are its sources: plain HTML, CSS and JavaScript modules. Each module becomes a function in
the page, without indentation and lines of comment. The order of `MODULES` stands for the browser's loading.
"""

import base64
import json
import re
from importlib.resources import files
from typing import Any

from mmdrfuse.export.options import Options, limits_of
from mmdrfuse.export.shaders import template
from mmdrfuse.models import Checkpoint, names, read
from mmdrfuse.version import __version__

MODULES = (
    "data", "messages", "weights", "rig", "pairing", "plain", "webgl2", "webgpu", "engines", "sources", "example",
    "stage", "alignment", "intake", "fusion", "playback", "ui",
)  # fmt: skip
"""The modules, each after those that it imports."""

PARTS = ("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias")
"""The order of the 113 numbers in the page."""

_IMPORT = re.compile(r'^import (.*?) from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|function|class) (\w+))", re.MULTILINE)
_SPARE = re.compile(r"^[ ]*//.*\n|^[ ]+|^\n", re.MULTILINE)
"""Lines of comment, empty lines, and indentation."""
_PLAIN = re.compile(r"^[^\"'`/\n]+$", re.MULTILINE)
"""A line that holds neither text nor a regular expression."""
_LOOSE = re.compile(r" ?(=>|[=*?:&|<>{}(),;]) ?")
"""Space that code and style sheets do without: with the rest, a fifth of the page."""


def write_page(checkpoint: Checkpoint | None = None, _options: Options | None = None) -> str:
    """Return the page.

    Args:
        checkpoint: The student that the page begins with; None to choose by the pictures, as `mmdrfuse.fuse` does.

    Raises:
        ChoiceError: The card asks for a range that depends on a whole set of pictures.
    """
    shipped = [weights for weights in map(read, names()) if weights.network == "student"]
    own = [] if checkpoint is None or checkpoint.name in {weights.name for weights in shipped} else [checkpoint]
    data = {
        "version": __version__,
        "selected": checkpoint.name if checkpoint else "",
        "weights": [_entry(weights) for weights in (*shipped, *own)],
        "templates": {kind: _bare(template(f"student.{kind}")) for kind in ("glsl", "wgsl")},
    }
    parts = {
        "/* style */": _tight(_source("page.css")),
        # Names may hold anything; a "<" within text must not end the element.
        "/* data */": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "/* script */": "const modules = {};\n" + "".join(map(_module, MODULES)),
    }
    return re.sub("|".join(map(re.escape, parts)), lambda slot: parts[slot[0]], _bare(_source("page.html")))


def _entry(weights: Checkpoint) -> dict[str, Any]:
    return {
        "name": weights.name,
        "title": str(weights.card.get("title", "")),
        "range": _range(weights),
        "numbers": base64.b64encode(b"".join(weights.arrays[part].astype("<f4").tobytes() for part in PARTS)).decode(),
    }


def _range(weights: Checkpoint) -> str:
    """Return the range of some weights as one of the three that the page has."""
    limits = limits_of(weights, Options())
    if limits is None:
        return "minmax"
    return "clip" if limits == (0, 1) else f"fixed:{limits[0]},{limits[1]}"


def _module(name: str) -> str:
    """Return a module as a function that is called at once and returns what the module exports."""
    source = _source(f"{name}.js")
    exported = ", ".join(found[1] for found in _EXPORT.finditer(source))
    body = _EXPORT.sub("", _IMPORT.sub(r"const \1 = modules.\2;", source))
    return f"modules.{name} = (() => {{\n{_tight(body)}return {{ {exported} }};\n}})();\n"


def _bare(text: str) -> str:
    return _SPARE.sub("", text)


def _tight(text: str) -> str:
    return _PLAIN.sub(lambda line: _LOOSE.sub(r"\1", line[0]), _bare(text))


def _source(name: str) -> str:
    return files("mmdrfuse.export.page").joinpath(name).read_text(encoding="utf-8")
