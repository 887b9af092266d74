"""The reference programs' own scores with the images they belong to, and made-up pictures."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from mmdrfuse.metrics.protocols import PROTOCOLS
from mmdrfuse.metrics.shared.triple import Triple


@pytest.fixture(scope="session")
def oracle(shared):
    """From a pair's name and a program to that program's scores and the triples it saw (one, or one a channel)."""
    cases = {case["pair"]: case for case in json.loads((shared / "oracle" / "metrics.json").read_text())}

    def look_up(pair, program):
        case = cases[pair]
        stored = (np.asarray(Image.open(shared / "data" / case[key])) for key in ("fused", "infrared", "visible"))
        protocol = PROTOCOLS.get(program, PROTOCOLS["tang"])
        return case["values"][program], protocol.triples(*stored)

    return look_up


@pytest.fixture
def picture(rng):
    """Make a gray picture of a size: blobs, an edge, a flat corner and grain, whole numbers as floats."""

    def make(height, width):
        blobs = gaussian_filter(rng.standard_normal((height, width)), 2.5) * 400.0
        step = 50.0 * (np.arange(width) > width * rng.uniform(0.3, 0.7))
        image = np.clip(np.rint(110.0 + blobs + step + rng.normal(0.0, 4.0, (height, width))), 0, 255)
        image[: height // 4, : width // 5] = 80.0
        return image

    return make


@pytest.fixture
def triple(picture):
    """A fused image with its two sources, 45×52."""
    a, b = picture(45, 52), picture(45, 52)
    return Triple(np.rint(0.6 * np.maximum(a, b) + 0.4 * np.minimum(a, b)), a, b)
