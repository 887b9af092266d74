"""Fusion without a network: the baselines for every table of scores.

Each baseline is an engine like any other: it takes two planes in [0, 1] and returns one.
"""

import numpy as np

from mmdrfuse.engine import Engine, Plane


def maximum(infrared: Plane, visible: Plane) -> Plane:
    """Compute max(I, V), pixel by pixel."""
    return np.maximum(infrared, visible)


def mean(infrared: Plane, visible: Plane) -> Plane:
    """Compute (I + V)/2, pixel by pixel."""
    return (infrared + visible) / np.float32(2)


def affine(infrared: Plane, visible: Plane) -> Plane:
    """Compute 1.25·(0.7·max + 0.3·mean) − 20/255, which beats many networks in the usual scores."""
    blend = np.float32(0.7) * maximum(infrared, visible) + np.float32(0.3) * mean(infrared, visible)
    return np.float32(1.25) * blend - np.float32(20 / 255)


BASELINES: dict[str, Engine] = {"max": maximum, "mean": mean, "affine": affine}
"""Name of a baseline → its engine."""
