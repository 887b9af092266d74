"""Average precision and miss rate against independent programs."""

import contextlib
import io

import numpy as np
import pytest

from mmdrfuse.detection.detections import Detections
from mmdrfuse.detection.labels import LabelledPicture
from mmdrfuse.detection.matching import Matches
from mmdrfuse.detection.precision import average_precision
from mmdrfuse.detection.resampling import draws, log_average_miss_rate
from mmdrfuse.detection.scores import measure

ALL_IGNORED, TIES = 10, 3
"""Every tenth case has ignored boxes alone, and two in three have many equal scores."""


def random_case(seed):
    """Return detections, labels and the number of classes; some pictures have no boxes, others no detections."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 4))
    found, truth = [], []
    for _ in range(int(rng.integers(1, 7))):
        corners = rng.integers(0, 150, (int(rng.integers(0, 6)), 2))
        boxes = np.concatenate([corners, corners + rng.integers(5, 140, corners.shape)], axis=1).astype(float)
        numbers = rng.integers(0, classes, len(boxes))
        ignored = rng.random(len(boxes)) < (1 if seed % ALL_IGNORED == 0 else 0.2)
        truth.append(LabelledPicture.of(boxes, numbers, ignored, size=(300, 300)))
        near = rng.integers(0, len(boxes), 12 if len(boxes) else 0)
        moved = boxes[near] + rng.integers(-9, 10, (len(near), 4))
        levels = 8 if seed % TIES else 1000
        own = np.where(rng.random(len(near)) < 0.9, numbers[near], rng.integers(0, classes, len(near)))
        found.append(Detections.of(moved, rng.integers(1, levels + 1, len(near)) / levels, own))
    return found, truth, classes


def by_pycocotools(found, truth, classes):
    """AP50:95, AP50, AP75 and those of small, medium and large boxes."""
    coco, evaluation = (
        pytest.importorskip(f"pycocotools.{name}", reason="needs pycocotools") for name in ("coco", "cocoeval")
    )
    sides = []
    for pictures, extra in ((truth, "ignored"), (found, "scores")):
        records = [
            {"image_id": number, "category_id": int(kind), "bbox": [x0, y0, x1 - x0, y1 - y0],
             "area": (x1 - x0) * (y1 - y0), "iscrowd": int(extra == "ignored" and value), "score": float(value)}
            for number, one in enumerate(pictures)
            for (x0, y0, x1, y1), kind, value in zip(one.boxes, one.classes, getattr(one, extra), strict=True)
        ]  # fmt: skip
        side = coco.COCO()
        side.dataset = {
            "images": [{"id": number} for number in range(len(truth))],
            "categories": [{"id": number} for number in range(classes)],
            "annotations": [{**record, "id": number} for number, record in enumerate(records, 1)],
        }
        with contextlib.redirect_stdout(io.StringIO()):
            side.createIndex()
        sides.append(side)
    with contextlib.redirect_stdout(io.StringIO()):
        run = evaluation.COCOeval(*sides, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return np.where(run.stats[:6] < 0, np.nan, run.stats[:6])


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_average_precision_is_that_of_pycocotools(block):
    """200 random cases: by faster-coco-eval, and by our sums over the matches."""
    for seed in range(50 * block, 50 * block + 50):
        found, truth, classes = random_case(seed)
        expected = by_pycocotools(found, truth, classes)
        computed = average_precision(found, truth, [str(number) for number in range(classes)])
        values = computed.ap, computed.ap50, computed.ap75, *computed.by_size.values()
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-9, err_msg=f"case {seed}")
        matches = [Matches.of(found, truth, number) for number in range(classes)]
        summed = measure(matches, np.ones((1, len(truth))))[0, :3]
        np.testing.assert_allclose(summed, expected[:3], rtol=0, atol=1e-9, err_msg=f"case {seed}")


def test_a_weight_stands_for_copies_of_a_picture():
    """Where no two detections of a picture have one score, whose order would be chance."""
    rng = np.random.default_rng(3)
    for seed in range(3, 90, 3):
        found, truth, classes = random_case(seed)
        copies = rng.integers(0, 4, len(truth))
        repeated = np.repeat(np.arange(len(truth)), copies)
        if not len(repeated) or any(len(set(one.scores)) < len(one) for one in found):
            continue
        weighted = measure([Matches.of(found, truth, number) for number in range(classes)], copies[None].astype(float))
        drawn = [found[place] for place in repeated], [truth[place] for place in repeated]
        expected = measure([Matches.of(*drawn, number) for number in range(classes)], np.ones((1, len(repeated))))
        np.testing.assert_allclose(weighted, expected, rtol=0, atol=1e-12)


def miss_rate_step_by_step(found, truth):
    """The log-average miss rate of class 0 as its paper defines it, one detection after the other."""
    scores = sorted({float(score) for one in found for score in one.scores}, reverse=True)
    objects = sum(int((~one.ignored).sum()) for one in truth)
    curve = []
    for least in scores:
        kept = [one.only(one.scores >= least) for one in found]
        matches = Matches.of(kept, truth, 0)
        right = int(matches.found[0].sum())
        wrong = len(matches.scores) - right - int(matches.ignored[0].sum())
        curve.append((wrong / len(truth), 1 - right / objects))
    rates = [min([miss for wrong, miss in curve if wrong <= limit], default=1.0) for limit in np.logspace(-2, 0, 9)]
    return float(np.exp(np.mean(np.log(np.maximum(rates, 1e-10)))))


def test_miss_rate_is_that_of_its_definition():
    checked = 0
    for seed in range(3, 300, 3):  # without ties
        found, truth, classes = random_case(seed)
        objects = sum(int((~one.ignored).sum()) for one in truth)
        scores = np.concatenate([one.scores for one in found])
        if classes > 1 or not objects or len(set(scores)) < len(scores):
            continue
        computed = log_average_miss_rate(Matches.of(found, truth, 0), np.ones((1, len(truth))))
        np.testing.assert_allclose(computed, [miss_rate_step_by_step(found, truth)], atol=1e-12)
        checked += 1
    assert checked > 5


def test_draws_are_with_replacement_and_the_same_each_time():
    drawn = draws(7, 200)
    assert drawn.shape == (200, 7)
    assert (drawn.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(drawn, draws(7, 200))
    assert len({tuple(row) for row in drawn.tolist()}) > 150


def test_pictures_without_boxes_have_no_score_and_no_warning():
    found = [Detections.of([[0, 0, 9, 9]], [0.5], [0])]
    truth = [LabelledPicture.of([[0, 0, 9, 9]], [0], [True], size=(20, 20))]
    assert np.isnan(measure([Matches.of(found, truth, 0)], np.ones((3, 1)))).all()
