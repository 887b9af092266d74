"""A student as a function in GLSL or WGSL: the text that the page runs, for other programs that draw.

``student.glsl`` and ``student.wgsl`` are the functions without numbers. The page fills the same texts in the same way
(``fillShader`` in ``page/weights.js``), so it can take weights that come after it was made.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from string import Template

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.export.options import Options
from mmdrfuse.models import Checkpoint
from mmdrfuse.version import __version__

GLSL_BINDING = """\
How to bind it (GLSL ES 3.00, or GLSL 3.30 and later): write what reads your sources, and a fragment shader,

    uniform sampler2D infrared, visible;  // of one size, at least 2 x 2
    vec2 sources(ivec2 at) {              // Y = 0.299 R + 0.587 G + 0.114 B of both sides, 0 to 1
        const vec3 y = vec3(0.299, 0.587, 0.114);
        return vec2(dot(texelFetch(infrared, at, 0).rgb, y), dot(texelFetch(visible, at, 0).rgb, y));
    }
    vec4 hidden(ivec2 at) {
        return mmdrfuse_hidden(at, textureSize(visible, 0));
    }
    float fused = mmdrfuse(ivec2(gl_FragCoord.xy), textureSize(visible, 0));

This computes the first layer nine times for each pixel. Two passes need a sixth of the work: the first writes
mmdrfuse_hidden(...) to a texture of four floats, and in the second `hidden` reads it.
"""
WGSL_BINDING = """\
How to bind it: write what reads your sources, and call mmdrfuse in a compute or fragment shader,

    @group(0) @binding(0) var infrared: texture_2d<f32>;  // of one size, at least 2 x 2
    @group(0) @binding(1) var visible: texture_2d<f32>;
    fn sources(at: vec2i) -> vec2f {  // Y = 0.299 R + 0.587 G + 0.114 B of both sides, 0 to 1
        const y = vec3f(0.299, 0.587, 0.114);
        return vec2f(dot(textureLoad(infrared, at, 0).rgb, y), dot(textureLoad(visible, at, 0).rgb, y));
    }
    fn hidden(at: vec2i) -> vec4f {
        return mmdrfuse_hidden(at, vec2i(textureDimensions(visible)));
    }
    let fused = mmdrfuse(at, vec2i(textureDimensions(visible)));

This computes the first layer nine times for each pixel. Two passes need a sixth of the work: the first writes
mmdrfuse_hidden(...) to a texture of four floats, and in the second `hidden` reads it.
"""
RANGES = {
    "clip": "Limit `fused` to 0..1: 0 is black, 1 is white.",
    "minmax": "The least value of the picture becomes black, the greatest white: (fused - least) / (greatest - least).",
}
COLOUR = "For colour, add fused - Y to R, G and B of the visible picture alike, and limit them to 0..1."


def write_glsl(checkpoint: Checkpoint, _options: Options) -> str:
    """Return the network as GLSL, with a comment that says how to bind it."""
    return _document(checkpoint, "student.glsl", GLSL_BINDING)


def write_wgsl(checkpoint: Checkpoint, _options: Options) -> str:
    """Return the network as WGSL, with a comment that says how to bind it."""
    return _document(checkpoint, "student.wgsl", WGSL_BINDING)


def template(name: str) -> str:
    """Return the text of ``student.glsl`` or ``student.wgsl``, with slots for the numbers."""
    return files("mmdrfuse.export").joinpath(name).read_text(encoding="utf-8")


def _document(checkpoint: Checkpoint, name: str, binding: str) -> str:
    card = checkpoint.card
    range_ = str(card.get("range", "clip"))
    lines = [
        f"The mmdrfuse student {checkpoint.name}, written by mmdrfuse {__version__}.",
        str(card.get("title", "")),
        f"Licences of the data that it was trained on: {json.dumps(card.get('licences', {}))}",
        "",
        *binding.splitlines(),
        "",
        RANGES.get(range_, f"The weights were made for the range {range_}."),
        COLOUR,
        "",
    ]
    comment = "\n".join(f"// {line}".rstrip() for line in lines)
    return f"{comment}\n{Template(template(name)).substitute(slots(checkpoint.arrays))}"


def slots(arrays: Mapping[str, NDArray[np.float32]]) -> dict[str, str]:
    """Return the text for each slot of a template.

    Args:
        arrays: As in `mmdrfuse.models.Checkpoint.arrays`.
    """
    first = arrays["conv1.weight"].reshape(4, 2, 9)
    second = arrays["conv2.weight"].reshape(4, 9)
    filled = {"bias1": _numbers(arrays["conv1.bias"]), "bias2": _numbers(arrays["conv2.bias"])}
    for place in range(9):
        filled[f"k{place}"] = _numbers(first[:, :, place].T)  # four numbers of the infrared, then of the visible
        filled[f"l{place}"] = _numbers(second[:, place])
    return filled


def _numbers(values: NDArray[np.float32]) -> str:
    """Return numbers with nine digits, which determine a float32; exponents as JavaScript writes them."""
    written = (f"{value:.8e}".split("e") for value in values.ravel().tolist())
    return ", ".join(f"{digits}e{int(exponent):+d}" for digits, exponent in written)
