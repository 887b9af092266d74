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

from mmdrfuse.export.options import Options, limits_of
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
MINMAX = """
The least value of the picture becomes black, the greatest white: (fused - least) / (greatest - least).
"""
FIXED = """
(fused - {low}) / {span}, limited to 0..1, is the fused picture.
"""
MPV_HEAD = """\
//!HOOK LUMA
//!BIND HOOKED
//!DESC mmdrfuse
"""
MPV_BINDING = """\
mpv takes this file as it is. It fuses the left half of a picture (visible) with the right (infrared):

    mpv visible.mp4 --external-file=infrared.mp4 --lavfi-complex='[vid1][vid2]hstack[vo]' --glsl-shader=FILE

"""
MPV_TAIL = """
#ifdef HOOKED_tex
// For mpv and libplacebo: planes of video range, where 16 of 255 is black and 235 is white.
vec2 sources(ivec2 at) {{
    vec2 place = vec2(at) + 0.5;
    float left = HOOKED_tex(place / HOOKED_size).x;
    float right = HOOKED_tex((place + vec2(HOOKED_size.x / 2.0, 0.0)) / HOOKED_size).x;
    return clamp((vec2(right, left) * 255.0 - 16.0) / 219.0, 0.0, 1.0);
}}

vec4 hidden(ivec2 at) {{
    return mmdrfuse_hidden(at, ivec2(HOOKED_size) / ivec2(2, 1));
}}

vec4 hook() {{
    ivec2 size = ivec2(HOOKED_size) / ivec2(2, 1);
    ivec2 at = ivec2(HOOKED_pos * HOOKED_size);
    if (at.x >= size.x) return HOOKED_tex(HOOKED_pos);
    float fused = clamp((mmdrfuse(at, size) - {low}) / {span}, 0.0, 1.0);
    return vec4((fused * 219.0 + 16.0) / 255.0, 0.0, 0.0, 1.0);
}}
#endif
"""
COLOUR = "For colour, add fused - Y to R, G and B of the visible picture alike, and limit them to 0..1."


def write_glsl(checkpoint: Checkpoint, options: Options) -> str:
    """Return the network as GLSL, with a comment that says how to bind it; a shader for mpv if the range is fixed."""
    mapping = _mapping(checkpoint, options)
    if mapping is None:
        return _document(checkpoint, "student.glsl", GLSL_BINDING + MINMAX)
    text = _document(checkpoint, "student.glsl", MPV_BINDING + GLSL_BINDING + FIXED.format(**mapping))
    return MPV_HEAD + text + MPV_TAIL.format(**mapping)


def write_wgsl(checkpoint: Checkpoint, options: Options) -> str:
    """Return the network as WGSL, with a comment that says how to bind it."""
    mapping = _mapping(checkpoint, options)
    return _document(checkpoint, "student.wgsl", WGSL_BINDING + (FIXED.format(**mapping) if mapping else MINMAX))


def template(name: str) -> str:
    """Return the text of ``student.glsl`` or ``student.wgsl``, with slots for the numbers."""
    return files("mmdrfuse.export").joinpath(name).read_text(encoding="utf-8")


def _mapping(checkpoint: Checkpoint, options: Options) -> dict[str, float] | None:
    """Return the output that becomes black, and the span to what becomes white; None for each picture's extremes."""
    limits = limits_of(checkpoint, options)
    return limits and {"low": round(limits[0], 9), "span": round(limits[1] - limits[0], 9)}


def _document(checkpoint: Checkpoint, name: str, comment: str) -> str:
    lines = [
        f"The mmdrfuse student {checkpoint.name}, written by mmdrfuse {__version__}.",
        str(checkpoint.card.get("title", "")),
        f"Licences of the data that it was trained on: {json.dumps(checkpoint.card.get('licences', {}))}",
        "",
        *comment.splitlines(),
        COLOUR,
        "",
    ]
    commented = "\n".join(f"// {line}".rstrip() for line in lines)
    return f"{commented}\n{Template(template(name)).substitute(slots(checkpoint.arrays))}"


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
