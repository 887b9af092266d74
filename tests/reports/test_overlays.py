"""Boxes and checkerboards lie where the pixels lie."""

from dataclasses import replace

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import pair_folders
from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.errors import InputError
from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.pipeline.score import Candidate, evaluate_folders
from mmdrfuse.pipeline.score.score import load_candidate, load_sources
from mmdrfuse.reports import write_report
from mmdrfuse.reports.overlays import boxes_of, checkerboards
from mmdrfuse.reports.pictures import PairTask, read_pictures

SHIFT = (1.0, 0.0, -16.0, 0.0, 1.0, -8.0, 0.0, 0.0, 1.0)
"""The infrared shows everything 16 pixels further right and 8 further down than the visible does."""


@pytest.fixture
def candidate(tmp_path, rng):
    """A pair of 96×128 pixels: noise, and the same noise shifted, with a transform that undoes the shift."""
    from scipy.ndimage import gaussian_filter

    scene = gaussian_filter(rng.normal(size=(96 + 8, 128 + 16)), 2)
    levels = np.rint(255 * (scene - scene.min()) / np.ptp(scene)).astype(np.uint8)
    images.write(tmp_path / "vi.png", levels[8:, 16:])
    images.write(tmp_path / "ir.png", levels[:96, :128])
    pair = Pair("p", tmp_path / "ir.png", tmp_path / "vi.png", Preparation(transform=SHIFT))
    return Candidate("visible", pair, "visible")


@pytest.mark.parametrize("outside", ["visible", "crop"])
def test_only_the_checkerboard_after_goes_on_from_square_to_square(candidate, outside):
    pair = replace(candidate.pair, preparation=replace(candidate.pair.preparation, outside=outside))
    candidate = replace(candidate, pair=pair)
    sources = load_sources(candidate)
    loaded = load_candidate(candidate, sources)
    before, after = checkerboards(pair, sources, loaded.infrared, loaded.visible)
    assert before.shape == after.shape == loaded.visible.shape
    steps = [float(abs(np.diff(board.astype(float), axis=1)).mean()) for board in (before, after)]
    plain = float(abs(np.diff(loaded.visible.astype(float), axis=1)).mean())
    assert steps[1] < 1.6 * plain < steps[0]


@pytest.mark.parametrize("outside", ["visible", "crop"])
@pytest.mark.parametrize("side", ["infrared", "visible"])
def test_a_box_stays_on_its_object(candidate, outside, side):
    pair = replace(candidate.pair, preparation=replace(candidate.pair.preparation, outside=outside))
    sources = load_sources(replace(candidate, pair=pair))
    shifted = np.array([16, 8, 16, 8]) * (side == "infrared")
    labelled = LabelledPicture.of([np.array([20, 30, 40, 60]) + shifted], [0], size=(128, 96))
    (box,) = boxes_of(labelled, ("person",), sources, pair, side)
    # both cameras see the left and upper 112×88 pixels of the visible
    assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((20 / 112, 30 / 88, 40 / 112, 60 / 88), abs=1e-4)
    assert (box.kind, box.name) == ("labelled", "")


def test_ignored_boxes_and_classes_are_told_apart(candidate):
    labelled = LabelledPicture.of([[5, 5, 20, 20], [30, 30, 50, 50]], [1, 0], [True, False], size=(128, 96))
    found = boxes_of(labelled, ("person", "car"), load_sources(candidate), candidate.pair, None)
    assert [(box.kind, box.name) for box in found] == [("ignored", "car"), ("labelled", "person")]


def test_a_pair_with_a_rig_has_two_checkerboards_more(candidate):
    read = read_pictures(PairTask(0, candidate, (candidate,), 64))
    assert (len(read.webp), all(read.webp)) == (5, True)
    plain = replace(candidate, pair=replace(candidate.pair, preparation=Preparation()))
    assert len(read_pictures(PairTask(0, plain, (plain,), 64)).webp) == 3


def test_labels_of_other_pictures_are_an_error_before_anything_is_written(scenes, tmp_path):
    pairs = pair_folders(scenes / "ir", scenes / "vi").pairs
    evaluation = evaluate_folders((), pairs, baselines=["max"], metrics=["SD"])
    labels = Labels(("person",), {"elsewhere": LabelledPicture.of([], [])}, "VOC", "")
    with pytest.raises(InputError, match="elsewhere"):
        write_report(evaluation, tmp_path / "report.html", labels=labels)
    assert list(tmp_path.iterdir()) == []
