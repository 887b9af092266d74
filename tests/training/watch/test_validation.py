"""Validation: means over whole pairs, and checks before a training starts."""

import math
import re

import numpy as np
import pytest

import mmdrfuse
from mmdrfuse import engine, images, metrics, models
from mmdrfuse.datasets import find_pairs
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import InputError, MMDRFuseError, SizeError, UnknownNameError
from mmdrfuse.pipeline import Pair
from mmdrfuse.training import Validation
from mmdrfuse.training.watch.validation import Scores


@pytest.fixture
def pairs(scenes):
    return find_pairs(scenes)[1].pairs


@pytest.fixture
def odd(tmp_path):
    """Return a function that writes a pair of pictures of given sizes and returns the pair."""

    def write(infrared, visible):
        for side, shape in (("ir", infrared), ("vi", visible)):
            images.write(tmp_path / side / "odd.png", np.full(shape, 9, np.uint8))
        return Pair("odd", tmp_path / "ir" / "odd.png", tmp_path / "vi" / "odd.png")

    return write


def test_scores_are_the_means_of_evaluate_over_the_fused_pairs(pairs):
    fuse = engine.make(models.read("medical"))
    scores = Validation.of({"one": pairs[:1], "rest": pairs[1:]}, metrics=["sd", "VIF"], protocol="cddfuse").scores(
        fuse
    )
    rows = []
    for pair in pairs:
        infrared, visible = images.read(pair.infrared), images.read(pair.visible)
        fused = mmdrfuse.fuse(infrared, visible, weights="medical")
        rows.append(metrics.evaluate(fused, infrared, visible, metrics=["SD", "VIF"], protocol="cddfuse"))
    for metric in ("SD", "VIF"):
        values = [row[metric] for row in rows]
        assert scores.sets["one"][metric] == values[0]
        assert scores.sets["rest"][metric] == pytest.approx(np.mean(values[1:]), rel=1e-12)
        assert scores.overall[metric] == pytest.approx(np.mean(values), rel=1e-12)


def test_a_mean_that_is_not_finite_is_none(scenes, pairs):
    same = Pair("same", pairs[0].infrared, pairs[0].infrared)
    scores = Validation.of({"x": [same]}, metrics=["PSNR", "SSIM"]).scores(BASELINES["max"])
    assert math.isinf(metrics.evaluate(*[images.read(same.infrared)] * 3, metrics="PSNR")["PSNR"])
    assert scores == Scores({"PSNR": None, "SSIM": pytest.approx(2)}, {"x": scores.overall})


def test_names_are_valid_in_any_spelling_and_appear_once(pairs):
    made = Validation.of({"x": pairs}, metrics=["ssim", "SSIM", "vif"], protocol="CDDFuse")
    assert (made.metrics, made.protocol) == (("SSIM", "VIF"), "cddfuse")


@pytest.mark.parametrize(
    ("sets", "options", "error", "message"),
    [
        ({}, {}, InputError, "nothing to validate on: no set of pairs; name folders of pairs"),
        ({"empty": []}, {}, InputError, "nothing to validate on: empty; name"),
        ({"x": [0]}, {"metrics": ["VIP"]}, UnknownNameError, "did you mean VIF"),
        ({"x": [0]}, {"protocol": "tangent"}, UnknownNameError, "unknown protocol 'tangent'"),
        ({"x": [0]}, {"metrics": ["Qcb"], "protocol": "cddfuse"}, MMDRFuseError, "Qcb"),
    ],
)
def test_invalid_sets_and_names_are_refused(sets, options, error, message):
    with pytest.raises(error, match=message):
        Validation.of(sets, **options)


def test_the_check_leaves_out_what_cannot_be_scored_and_names_it(pairs, odd):
    fuse, said = BASELINES["max"], []
    assert Validation.of({"x": pairs}).check(fuse, warn=said.append).pairs() == list(pairs)
    assert not said
    small = odd((10, 60), (10, 60))
    for bad, what in ((small, r"odd\.png: 60x10 pixels, and VIF needs"), (odd((40, 50), (50, 40)), "50x40 .* 40x50")):
        odd(*((10, 60), (10, 60)) if bad is small else ((40, 50), (50, 40)))
        said.clear()
        assert Validation.of({"x": [bad, *pairs]}).check(fuse, warn=said.append).pairs() == list(pairs)
        assert len(said) == 1
        assert re.search(what, said[0])
        with pytest.raises(SizeError, match=what):
            Validation.of({"y": pairs, "x": [bad]}).check(fuse, warn=said.append)


@pytest.mark.parametrize("damage", [b"no picture", None])
def test_an_unreadable_picture_is_left_out_of_validation(pairs, odd, damage):
    bad, said = odd((40, 50), (40, 50)), []
    bad.visible.unlink()
    if damage:
        bad.visible.write_bytes(damage)
    named = Validation.of({"x": [*pairs, bad]}, metrics=["SD"])
    assert named.check(BASELINES["max"], warn=said.append).pairs() == list(pairs)
    assert len(said) == 1
    assert str(bad.visible) in said[0]
    assert named.description["sets"]["x"]["pairs"] == len(pairs) + 1


def test_the_check_tries_the_network_on_the_largest_pair(pairs, odd):
    seen = []

    def fuse(infrared, visible):
        seen.append(infrared.shape)
        return infrared

    Validation.of({"a": pairs, "b": [odd((130, 150), (130, 150))]}, metrics=["SD"]).check(fuse, warn=pytest.fail)
    assert seen == [(130, 150)]


def test_the_description_depends_on_the_pictures_not_on_their_folders(pairs, odd, tmp_path):
    first = odd((40, 50), (40, 50))
    before = Validation.of({"x": [first]}).description["sets"]["x"]
    assert before["pairs"] == 1
    moved = Pair("odd", first.visible, first.infrared)  # both are the same picture
    assert Validation.of({"x": [moved]}).description["sets"]["x"] == before
    images.write(first.visible, np.full((40, 50), 8, np.uint8))
    assert Validation.of({"x": [first]}).description["sets"]["x"] != before
