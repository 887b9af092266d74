"""The real pairs that the benchmarks score on: none of them is in any training here.

A third of LLVIP, RoadScene and the Harvard sets is held out, as by ``--hold-out 3``; TNO and MSRS are only looked at.
"""

from pathlib import Path

from mmdrfuse.datasets import find_pairs
from mmdrfuse.pipeline.pairs import Pair

SHARED = Path(__file__).resolve().parents[2] / "shared"
DATA = SHARED / "data"
HOLD_OUT = 3
SCENES = ("LLVIP", "RoadScene", "TNO", "MSRS/test")
MEDICAL = ("Harvard/CT-MRI", "Harvard/PET-MRI", "Harvard/SPECT-MRI")
TRAINED = ("LLVIP", "RoadScene", *MEDICAL)
"""Sets of which the other pairs were trained on."""


def unseen(name: str, *, every: int = 1) -> list[Pair]:
    """Give every so-manieth of a set's pairs that no training saw."""
    _, pairing = find_pairs(DATA / name)
    return (pairing.held_out(HOLD_OUT)[1] if name in TRAINED else list(pairing.pairs))[::every]
