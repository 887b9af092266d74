"""Folders to scores by one call."""

import importlib
import json
import math
import os
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import mmdrfuse
from mmdrfuse import images
from mmdrfuse.datasets import pair_folders, pair_key
from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.errors import InputError, ManifestError, MMDRFuseError, UnknownNameError
from mmdrfuse.pipeline import Fuser, Pair
from mmdrfuse.pipeline.score import Candidate, evaluate_folders, score_candidates
from mmdrfuse.pipeline.score.score import score_one


@pytest.fixture
def pairs(scenes):
    return pair_folders(scenes / "ir", scenes / "vi").pairs


@pytest.fixture
def fused(pairs, tmp_path):
    """A folder of the pairs' maxima by hand."""
    for pair in pairs:
        infrared, visible = images.read(pair.infrared), images.read(pair.visible)
        images.write(tmp_path / "fused" / f"{pair.name}.png", np.maximum(infrared, visible.mean(2).astype(np.uint8)))
    return tmp_path / "fused"


def expected(pairs, folder, metrics, protocol="standard"):
    """Score by hand."""
    files = [(pair.name, folder / f"{pair.name}.png", pair.infrared, pair.visible) for pair in pairs]
    return {
        name: mmdrfuse.evaluate(*map(images.read, paths), metrics=metrics, protocol=protocol) for name, *paths in files
    }


@pytest.mark.parametrize(("metrics", "protocol"), [(("SD", "vif"), "standard"), ("ssim", "CDDFuse")])
def test_scores_are_those_of_evaluate_by_hand(pairs, fused, metrics, protocol):
    evaluation = evaluate_folders([fused], pairs, metrics=metrics, protocol=protocol)
    assert evaluation.scores.methods == {"fused": expected(pairs, fused, metrics, protocol)}
    assert (evaluation.count, evaluation.failures, evaluation.warnings, evaluation.made) == (3, (), (), {})


@pytest.mark.slow
@pytest.mark.parametrize("make", [ThreadPoolExecutor, lambda count: ProcessPoolExecutor(count, get_context("spawn"))])
def test_any_executor_of_the_caller_gives_the_same_and_stays_open(pairs, fused, make):
    with make(2) as executor:
        evaluation = evaluate_folders([fused], pairs, metrics="EN", workers=executor)
        assert executor.submit(os.getpid).result() > 0
    assert evaluation.scores.methods["fused"] == expected(pairs, fused, "EN")


@pytest.mark.slow
def test_processes_give_the_same_and_failures_come_back_whole(pairs, fused):
    (fused / "street_0001.png").write_bytes(b"no picture")
    failures = []
    evaluation = evaluate_folders(
        {"mine": fused}, pairs, baselines=["max"], metrics="EN", workers=2, on_failure=failures.append
    )
    left = [pairs[0], pairs[2]]
    assert evaluation.scores.methods["mine"] == expected(left, fused, "EN")
    assert (evaluation.count, len(evaluation.scores.methods["max"])) == (5, 3)
    assert list(evaluation.failures) == failures
    assert "street_0001.png" in failures[0].message


@pytest.mark.slow
def test_a_process_that_is_killed_costs_its_picture_alone(pairs, fused, tmp_path, monkeypatch):
    (tmp_path / "killing.py").write_text("import os\ndef engine(infrared, visible):\n    os.kill(os.getpid(), 9)\n")
    monkeypatch.syspath_prepend(tmp_path)
    candidates = [Candidate("mine", pair, fused / f"{pair.name}.png") for pair in pairs]
    candidates.insert(1, Candidate("killer", pairs[0], Fuser(importlib.import_module("killing").engine)))
    results = [result for _, result in score_candidates(candidates, metrics=["EN"], protocol="standard", workers=2)]
    failure = results.pop(1)
    assert results == list(expected(pairs, fused, "EN").values())
    assert (failure.message.split(":")[0], failure.cure) == ("killer of street_0000", "workers")


def test_progress_draws_every_picture_and_all_metrics_can_be_asked_for(pairs, fused):
    drawn = []

    @contextmanager
    def progress(title, total):
        drawn.append((title, total))
        yield drawn.append

    evaluation = evaluate_folders([fused], pairs[:1], metrics="all", progress=progress)
    assert drawn == [("scoring", 1), "fused street_0000"]
    assert evaluation.scores.metrics == mmdrfuse.metrics.names()


def test_metrics_say_which_size_they_need(pairs, fused):
    evaluation = evaluate_folders([fused], pairs, metrics=["EN", "MS_SSIM"])
    smallest = mmdrfuse.metrics.METRICS["MS_SSIM"].protocols["standard"].smallest
    assert evaluation.warnings == (f"MS_SSIM: has no value for 3 pictures: needs {smallest} pixels a side",)
    assert math.isnan(evaluation.scores.methods["fused"]["street_0000"]["MS_SSIM"])


def test_missing_and_spare_pictures_and_folders_without_a_manifest_are_data(pairs, fused, tmp_path):
    (fused / "street_0000.png").rename(fused / "other.png")
    evaluation = evaluate_folders([fused], pairs, metrics="EN")
    assert [failure.message for failure in evaluation.failures] == [f"{fused}: no picture for street_0000"]
    assert evaluation.warnings == (f"{fused / 'other.png'}: belongs to no pair, not scored",)
    (failure,) = evaluate_folders([fused], metrics="EN").failures
    assert isinstance(failure, ManifestError)


def test_a_key_finds_pictures_that_are_called_otherwise(pairs, fused):
    for path in list(fused.iterdir()):
        path.rename(fused / f"IR-{path.name}")
    assert evaluate_folders([fused], pairs, metrics="EN").count == 0
    assert evaluate_folders([fused], pairs, metrics="EN", key=pair_key).count == 3


def test_two_pictures_of_one_name_cost_only_the_second(pairs, fused):
    double = Pair(pairs[0].name, pairs[1].infrared, pairs[1].visible)
    evaluation = evaluate_folders([], [pairs[0], double, pairs[2]], baselines=["max"], metrics="EN")
    assert list(evaluation.scores.methods["max"]) == ["street_0000", "street_0002"]
    assert "two pictures are called street_0000" in evaluation.failures[0].message


def test_the_document_is_json_with_everything_in_it(pairs, fused):
    shutil.copy(fused / "street_0001.png", fused / "spare.png")
    (fused / "street_0002.png").unlink()
    document = json.loads(json.dumps(evaluate_folders([fused], pairs, metrics="EN").document(), allow_nan=False))
    assert document["methods"]["fused"]["images"] == expected(pairs[:2], fused, "EN")
    assert (len(document["failures"]), len(document["warnings"]), document["made"]) == (1, 1, {})


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ([[]], {}, InputError, "nothing to score"),
        ([[], []], {"baselines": ["max"]}, InputError, "nothing to score"),
        ([["x"]], {"metrics": "VIP"}, UnknownNameError, "did you mean VIF"),
        ([["x"]], {"metrics": []}, InputError, "no metric is chosen; standard has EN"),
        ([["x"]], {"protocol": "tangent"}, UnknownNameError, "unknown protocol 'tangent'"),
        ([["x"]], {"baselines": ["min"]}, UnknownNameError, "unknown baseline 'min'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, options, error, message):
    folders, *pairs = arguments
    with pytest.raises(error, match=message):
        evaluate_folders([Path(folder) for folder in folders], *pairs, **options)


@pytest.mark.parametrize("side", ["fused", "infrared"])
def test_a_float_picture_with_nan_is_named(pairs, tmp_path, side):
    bad = tmp_path / "bad.tif"
    images.write(bad, np.full((96, 128), np.nan, np.float32))
    pair, fused = (pairs[0], bad) if side == "fused" else (Pair("x", bad, pairs[0].visible), pairs[0].infrared)
    with pytest.raises(MMDRFuseError, match=r"bad\.tif: .*(nan|NaN)"):
        score_one(Candidate("m", pair, fused), metrics=["EN"], protocol="standard")


def test_the_sources_themselves_can_be_rows(pairs):
    rows = evaluate_folders([], pairs[:1], baselines=["infrared", "visible"], metrics="SD").scores.methods
    for side in ("infrared", "visible"):
        sources = [images.read(path) for path in (getattr(pairs[0], side), pairs[0].infrared, pairs[0].visible)]
        assert rows[side]["street_0000"] == mmdrfuse.evaluate(*sources, metrics="SD")


def test_labelled_boxes_are_the_targets_wherever_the_preparation_moves_them(pairs, fused):
    box = np.array([[4.0, 6, 12, 20]])
    height, width = images.read(pairs[0].visible).shape[:2]
    picture = LabelledPicture.of(box / 2, [0], size=(width / 2, height / 2))  # drawn on a copy of half the size
    labels = Labels(("person",), {"street_0000": picture}, "VOC", "")
    evaluation = evaluate_folders([fused], pairs, metrics=["SD", "TBC"], labels=labels)
    scores = evaluation.scores.methods["fused"]
    sources = [images.read(path) for path in (fused / "street_0000.png", pairs[0].infrared, pairs[0].visible)]
    assert scores["street_0000"]["TBC"] == mmdrfuse.evaluate(*sources, metrics="TBC", boxes=box)["TBC"] != 0
    assert scores["street_0001"]["TBC"] == 0
    assert evaluation.warnings == ("TBC: is 0 for 2 pictures without a labelled box, which moves the means towards 0",)


def test_ignored_boxes_are_no_targets(pairs, fused):
    labels = Labels(("person",), {"street_0000": LabelledPicture.of([[4, 6, 12, 20]], [0], [True])}, "VOC", "")
    evaluation = evaluate_folders([fused], pairs[:1], metrics="TBC", labels=labels)
    assert evaluation.scores.methods["fused"]["street_0000"]["TBC"] == 0
    with pytest.raises(InputError, match="other pictures"):
        evaluate_folders([fused], pairs[1:2], metrics="TBC", labels=labels)
