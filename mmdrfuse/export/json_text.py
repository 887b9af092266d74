"""A student as JSON: weights, model card, and the arithmetic in words, for those who write it in another language."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.export.options import Options
from mmdrfuse.models import Checkpoint

ARITHMETIC = (
    "infrared and visible are planes of one size, at least 2 x 2. Integers are divided by the largest value of their "
    "type, so that all values lie in [0, 1]. Of a colour picture, Y = 0.299 R + 0.587 G + 0.114 B is taken, rounded "
    "to an integer if the picture holds integers.",
    "Reflection at a border of n values, here and below: index -1 is index 1, and index n is index n - 2.",
    "hidden[o][y][x] = max(0, conv1.bias[o] + sum over i, r, c of conv1.weight[o][i][r][c] * "
    "source[i][y + r - 1][x + c - 1]), for o = 0..3, i = 0..1, r = 0..2, c = 0..2; source[0] is infrared, source[1] is "
    "visible, both reflected.",
    "output[y][x] = tanh(conv2.bias[0] + sum over i, r, c of conv2.weight[0][i][r][c] * "
    "hidden[i][y + r - 1][x + c - 1]), for i = 0..3; hidden is reflected, not computed beyond the border.",
    "LO and HI depend on card.range: clip means 0 and 1, minmax means the smallest and the largest output of the "
    "picture. A card without a range means clip.",
    "8-bit level = (output - LO) * (255 / (HI - LO)), rounded to the nearest integer (half to even), then limited to "
    "0..255. If HI is not above LO, every level is 0.",
)
"""The steps in the order in which they are computed, all in 32-bit floating point."""


def write_json(checkpoint: Checkpoint, _options: Options) -> str:
    """Return the document: weights with shapes, in row-major order, each the shortest decimal that gives its value."""
    document = {
        "format": "mmdrfuse student",
        "name": checkpoint.name,
        "sha256": checkpoint.sha256,
        "weights": {name: _entry(array) for name, array in checkpoint.arrays.items()},
        "arithmetic": ARITHMETIC,
        "card": checkpoint.card,
    }
    return json.dumps(document, indent=1) + "\n"


def _entry(array: NDArray[np.float32]) -> dict[str, Any]:
    return {"shape": array.shape, "dtype": "float32", "values": [float(str(value)) for value in array.ravel()]}
