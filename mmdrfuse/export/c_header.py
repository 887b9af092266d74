"""A student as one C99 header, in floating point and, by a macro, in integers alone."""

import re
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.export.fixed_point import FixedPoint, fixed_point
from mmdrfuse.export.options import Options, limits_of, range_of
from mmdrfuse.models import Checkpoint
from mmdrfuse.version import __version__

# tanh x = x · N(x²)/D(x²), as the compiled kernel computes it
_ABOVE = (
    0.14666666666666667, 5.2173913043478265e-3, 6.625258799171843e-5, 3.2286836253274086e-7, 5.179706350792634e-10,
    1.264885555749117e-13,
)  # fmt: skip
_BELOW = (
    0.48, 3.188405797101449e-2, 6.625258799171842e-4, 5.230467473030402e-6, 1.5193805295658393e-8,
    1.1510458557316966e-11,
)  # fmt: skip

_LARGEST_LIMIT = 64
"""Limits up to which levels in fixed point stay below 2^31; the network's values are within -1 and 1."""


def write_c(checkpoint: Checkpoint, options: Options) -> str:
    """Return the header.

    Raises:
        MMDRFuseError: As in `limits_of`.
    """
    limits = limits_of(checkpoint, options)
    low, high = limits or (0.0, 1.0)
    card = checkpoint.card
    licences = [f" *     {_comment(data)}: {_comment(words)}" for data, words in checkpoint.licences.items()]
    texts = {
        "title": _comment(card.get("title") or checkpoint.name),
        "version": __version__,
        "name": _comment(checkpoint.name),
        "sha256": checkpoint.sha256,
        "licences": "\n".join(licences) or " *     none named on the model card",
        "range": range_of(checkpoint, options),
        "minmax": str(int(limits is None)),
        "float": _float_weights(checkpoint.arrays, low, high),
        "fixed": _fixed_weights(fixed_point(checkpoint.arrays), low, high),
        "above": ", ".join(map(_real, _ABOVE)),
        "below": ", ".join(map(_real, _BELOW)),
    }
    header = resources.files("mmdrfuse.export").joinpath("student.h").read_text(encoding="utf-8")
    return re.sub(r"@(\w+)@", lambda mark: texts[mark[1]], header)


def _float_weights(arrays: dict[str, NDArray[np.float32]], low: float, high: float) -> str:
    lines = [
        _array("float", "mmdrfuse_weight1", arrays["conv1.weight"].reshape(4, 6, 3)),
        _array("float", "mmdrfuse_bias1", arrays["conv1.bias"]),
        _array("float", "mmdrfuse_weight2", arrays["conv2.weight"].reshape(12, 3)),
        f"#define MMDRFUSE_BIAS2 {_real(arrays['conv2.bias'][0])}",
        f"#define MMDRFUSE_LOW {_real(low)}",
        f"#define MMDRFUSE_HIGH {_real(high)}",
    ]
    return "\n".join(lines)


def _fixed_weights(fixed: FixedPoint | None, low: float, high: float) -> str:
    if fixed is None or max(abs(low), abs(high)) > _LARGEST_LIMIT:
        return "#error these weights or this range are too large for MMDRFUSE_FIXED"
    lines = [
        _array("int16_t", "mmdrfuse_weight1", fixed.weight1),
        _array("int32_t", "mmdrfuse_bias1", fixed.bias1),
        _array("int16_t", "mmdrfuse_weight2", fixed.weight2),
        _array("uint16_t", "mmdrfuse_tangents", fixed.tangents),
        f"#define MMDRFUSE_STEPS {len(fixed.tangents) - 1}",
        f"#define MMDRFUSE_BIAS2 {fixed.bias2}",
        f"#define MMDRFUSE_SHIFT1 {fixed.shift1}",
        f"#define MMDRFUSE_HALF1 {2**fixed.shift1 // 2}",
        f"#define MMDRFUSE_SHIFT2 {fixed.shift2}",
        f"#define MMDRFUSE_HALF2 {2**fixed.shift2 // 2}",
        f"#define MMDRFUSE_LOW {round(32768 * low)}",
        f"#define MMDRFUSE_HIGH {round(32768 * high)}",
    ]
    return "\n".join(lines)


def _array(kind: str, name: str, values: NDArray[Any]) -> str:
    sizes = "".join(f"[{size}]" for size in values.shape)
    return f"static const {kind} {name}{sizes} = {_braces(values)};"


def _braces(values: NDArray[Any]) -> str:
    if values.ndim > 1:
        return "{" + ",\n    ".join(map(_braces, values)) + "}"
    return "{" + ", ".join(_real(value) if values.dtype.kind == "f" else str(value) for value in values) + "}"


def _real(value: float) -> str:
    """Return a float constant of C with the nine digits that a float needs to come back."""
    return f"{value:.8e}f"


def _comment(text: object) -> str:
    """Return text that cannot end a comment, begin one, or form a trigraph."""
    words = " ".join(str(text).split())
    return words.replace("*", "x").replace("??", "? ?").replace("\\", "/")
