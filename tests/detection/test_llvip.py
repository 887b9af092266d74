"""On 32 pairs of LLVIP: fusion helps YOLOX-Nano to find people, by more than chance."""

import pytest

from mmdrfuse import models
from mmdrfuse.datasets import find_pairs, labels
from mmdrfuse.detection import detect_folders, open_detector
from mmdrfuse.engine import make
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.folder import fuse_pairs
from mmdrfuse.pipeline.fuse.fuser import Fuser, range_for
from mmdrfuse.system.workers import raise_failures

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result(shared, tmp_path_factory):
    """Rows of the shipped student and both sides, as the pictures are."""
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, the extra [detect]")
    folder = tmp_path_factory.mktemp("fused")
    weights = models.read("scenes")
    choices = Choices(Fuser(make(weights), range_for(weights, "auto")), weights)
    pairs = find_pairs(shared / "data" / "LLVIP")[1].pairs
    list(raise_failures(fuse_pairs(choices, pairs, folder)))
    detector = open_detector(shared / "detection" / "yolox_nano.onnx")
    known = labels.read(shared / "detection" / "labels" / "voc")
    return detect_folders({"ours": folder}, detector=detector, labels=known, tone="raw")


@pytest.mark.parametrize(("side", "least"), [("infrared", 0.04), ("visible", 0.07)])
def test_fusion_is_ahead_of_each_side(result, side, least):
    """The order among fusions is not asserted: it turns round with the detector."""
    difference = result.difference(side, "raw")["AP"]
    assert difference.value >= least
    assert difference.low > 0
