"""The real pairs that the benchmarks score on, and means over them.

A third of LLVIP, RoadScene, TNO and the Harvard sets is held out, as by ``--hold-out 3``: no training here sees it. Of
MSRS there are two pairs, which `scenes` and `night` are trained on: what these score on it says little.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np

from mmdrfuse.datasets import find_pairs
from mmdrfuse.models.checkpoints import Checkpoint
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.pipeline.score import Candidate, score_candidates
from mmdrfuse.system.workers import raise_failures

SHARED = Path(__file__).resolve().parents[2] / "shared"
DATA = SHARED / "data"
HOLD_OUT = 3
SCENES = ("LLVIP", "RoadScene", "TNO", "MSRS/test")
MEDICAL = ("Harvard/CT-MRI", "Harvard/PET-MRI", "Harvard/SPECT-MRI")
TRAINED = ("LLVIP", "RoadScene", "TNO", *MEDICAL)
"""Sets of which the other pairs were trained on."""

METRICS = ("SD", "SCD", "VIF", "Qabf", "SSIM", "CC")
"""Metrics that compare students."""


def held_out_pairs(name: str, *, every: int = 1) -> list[Pair]:
    """Return every Nth of a set's pairs that no training saw; of MSRS all."""
    _, pairing = find_pairs(DATA / name)
    return (pairing.held_out(HOLD_OUT)[1] if name in TRAINED else list(pairing.pairs))[::every]


def fingerprint(weights: Checkpoint) -> str:
    """Return a hash of the weights alone: a new card does not change it."""
    arrays = sorted(weights.arrays.items())
    return sha256(b"".join(name.encode() + array.tobytes() for name, array in arrays)).hexdigest()[:16]


def means(
    fused: Fuser | Path, pairs: Sequence[Pair], *, metrics: Sequence[str] = METRICS, protocol: str = "cddfuse"
) -> dict[str, float]:
    """Score pairs, fused here or before to PNGs in a folder; return the mean of each metric."""
    candidates = [
        Candidate("fused", pair, fused / f"{pair.name}.png" if isinstance(fused, Path) else fused) for pair in pairs
    ]
    found = [result for _, result in raise_failures(score_candidates(candidates, metrics=metrics, protocol=protocol))]
    return {metric: float(np.mean([result[metric] for result in found])) for metric in metrics}
