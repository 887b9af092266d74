import numpy as np
import pytest

from mmdrfuse.metrics.protocols import PROTOCOLS


@pytest.fixture
def stored(rng):
    """Coloured fused image and visible source, infrared with one channel."""
    return (
        rng.integers(0, 256, (8, 9, 3), np.uint8),
        rng.integers(0, 256, (8, 9), np.uint8),
        rng.integers(0, 256, (8, 9, 3), np.uint8),
    )


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_the_metrics_see_gray_or_every_channel(stored, protocol):
    triples = protocol.triples(*stored)
    assert len(triples) == (3 if protocol.per_channel else 1)
    assert all(image.shape == (8, 9) for t in triples for image in t.images)


def test_vifb_pairs_a_gray_source_with_every_channel(stored):
    fused, infrared, visible = stored
    for k, t in enumerate(PROTOCOLS["vifb"].triples(*stored)):
        assert (t.fused == fused[..., k]).all()
        assert (t.a == infrared).all()
        assert (t.b == visible[..., k]).all()


def test_vifb_scores_a_gray_fused_image_as_one_channel(stored):
    fused, infrared, visible = stored
    (t,) = PROTOCOLS["vifb"].triples(fused[..., 0], infrared, visible)
    assert (t.fused == fused[..., 0]).all()
    assert (t.b == PROTOCOLS["vifb"].gray(visible)).all()


def test_standard_is_the_first_protocol():
    assert next(iter(PROTOCOLS)) == "standard"
