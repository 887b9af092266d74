"""Two made-up fused images with their sources, and every metric's score of them under every protocol.

    python tests/metrics/golden.py COMMIT

writes ``golden.json`` beside this file. Write it only at a commit at which `test_oracle.py` passes with the programs'
own scores at hand: a clone without them is then held against these numbers in their place.

The pictures are made of whole numbers from a bit generator's raw stream, which NumPy promises not to change, so they
are the same to the bit on every machine; `golden.json` holds their hashes.
"""

import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("golden.json")


def triples():
    """Return fused image, first and second source by name, uint8: (H, W), or (H, W, 3) in colour."""
    return {"textured": _textured(), "hard": _hard()}


def digest(images):
    """Return one hash of the pixels of several images."""
    return hashlib.sha256(b"".join(image.tobytes() for image in images)).hexdigest()


def _textured(height=200, width=232):
    # blobs, a step and grain everywhere; the visible source and the fused image are in colour
    infrared = _blobs(1, height, width) + 60 * (np.arange(width) > width // 3) + _noise(2, height, width) // 16
    visible = np.stack([_blobs(3, height, width) + _noise(4 + k, height, width) // (9 + k) for k in range(3)], axis=-1)
    infrared, visible = infrared.clip(0, 255), visible.clip(0, 255)
    brighter, darker = np.maximum(infrared[..., None], visible), np.minimum(infrared[..., None], visible)
    fused = (7 * brighter + 3 * darker + _noise(7, height, width)[..., None] // 32) // 10
    return tuple(image.astype(np.uint8) for image in (fused, infrared, visible))


def _hard(height=177, width=187):
    # odd sides; black, gray and saturated areas that are flat in one source, in the other or in both
    infrared = _blobs(8, height, width) + _noise(9, height, width) // 8
    visible = 2 * _blobs(10, height, width) - 140
    infrared[:60, :70] = 0
    infrared[100:150, 30:120] = 255
    visible[:40] = 90
    visible[120:, 80:160] = 255
    infrared, visible = infrared.clip(0, 255), visible.clip(0, 255)
    fused = np.where(infrared > visible, infrared, (infrared + visible) // 2)
    fused[150:, :50] = 128
    return tuple(image.astype(np.uint8) for image in (fused, infrared, visible))


def _noise(seed, height, width):
    # uniform in 0..255
    return (np.random.PCG64(seed).random_raw(height * width) >> 56).astype(np.int64).reshape(height, width)


def _blobs(seed, height, width, side=9):
    # noise under two box windows, so that neighbours are alike, around 110
    values = _noise(seed, height + 2 * side, width + 2 * side) - 128
    for _ in range(2):
        for axis in (0, 1):
            values = np.lib.stride_tricks.sliding_window_view(values, side, axis).sum(axis=-1)
    return 110 + values[:height, :width] // side**3


def main(commit):
    """Write the scores, by triple, protocol and metric; what JSON has no number for is written as text."""
    from mmdrfuse.metrics import PROTOCOLS, evaluate, names

    document = {"commit": commit, "pixels": {}, "scores": {}}
    for name, images in triples().items():
        document["pixels"][name] = digest(images)
        document["scores"][name] = {
            protocol: {
                metric: score if math.isfinite(score) else str(score)
                for metric, score in evaluate(*images, metrics=names(protocol), protocol=protocol).items()
            }
            for protocol in PROTOCOLS
        }
    FILE.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
