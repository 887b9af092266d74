"""Flicker: what changes from one fused frame to the next although it changes in neither source.

These measures are of two frames that follow each other, so no protocol has them, and no picture by itself.
"""

import numpy as np

from mmdrfuse.metrics.evaluation import check_images
from mmdrfuse.metrics.metric import Metric
from mmdrfuse.metrics.shared.gray import StoredImage, rounded_luma
from mmdrfuse.metrics.shared.triple import GrayImage

Frame = tuple[StoredImage, StoredImage, StoredImage]
"""The fused frame, the infrared and the visible one."""


def flicker(before: Frame, after: Frame) -> dict[str, float]:
    """Compute how much of a fused frame's change the changes of its sources do not explain.

    D is a change of luminance from one frame to the next. A fused image that takes a share of each source, whatever the
    shares, changes by something between 0, D_a and D_b. What is beyond counts:
    ``excess(D_f, D_a, D_b) = max(0, D_f - max(0, D_a, D_b), min(0, D_a, D_b) - D_f)``.

    ``Flicker`` is the excess of the changes of the three mean levels: the whole picture becomes brighter or darker.
    ``Flicker_local`` is the mean of the excess over the pixels, which also sees parts that flicker against each other.
    Both are 0 if the frames stand still, and for maximum, minimum, any mean with constant weights, and either source. A
    fusion that raises contrast has some of ``Flicker_local`` where things move.

    Args:
        before: Fused image, infrared and visible of a frame, as stored, (H, W) or (H, W, 3), 0..255.
        after: The same of the frame that follows it.

    Returns:
        ``Flicker`` and ``Flicker_local``, in levels a frame: 0..255, lower is better.

    Raises:
        InputError: A frame has pixels of a kind that metrics do not read.
        SizeError: The frames differ in size.

    References:
        Differences between frames of the sources and of the fused image: Rockinger, Fechner, "Pixel-level image fusion:
        the case of image sequences", SPIE 3374, 1998, who compare them by mutual information. The excess is ours.

    Example:
        >>> still, dark = np.full((4, 4), 100, np.uint8), np.full((4, 4), 90, np.uint8)
        >>> flicker((still, still, still), (dark, still, still))
        {'Flicker': 10.0, 'Flicker_local': 10.0}
    """
    images = {f"{name} {when}": image for when, frame in (("before", before), ("after", after))
              for name, image in zip(("fused", "infrared", "visible"), frame, strict=True)}  # fmt: skip
    check_images(images)
    changes = [
        np.subtract(rounded_luma(new), rounded_luma(old), dtype=np.float64)
        for old, new in zip(before, after, strict=True)
    ]
    return {
        "Flicker": float(_excess(*(change.mean(keepdims=True) for change in changes)).item()),
        "Flicker_local": float(_excess(*changes).mean()),
    }


def _excess(fused: GrayImage, a: GrayImage, b: GrayImage) -> GrayImage:
    above = fused - np.maximum(np.maximum(a, b), 0.0)
    below = np.minimum(np.minimum(a, b), 0.0) - fused
    return np.maximum(np.maximum(above, below), 0.0)


ROWS = (
    Metric(
        name="Flicker",
        title="change of the mean level from frame to frame that no source explains",
        higher_is_better=False,
        range=(0.0, 255.0),
        unit="level",
        reference="after Rockinger, Fechner, SPIE 1998",
        protocols={},
    ),
    Metric(
        name="Flicker_local",
        title="change of the pixels from frame to frame that no source explains",
        higher_is_better=False,
        range=(0.0, 255.0),
        unit="level",
        reference="after Rockinger, Fechner, SPIE 1998",
        protocols={},
    ),
)
