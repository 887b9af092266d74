"""One range for a whole set."""

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.engine.baselines import BASELINES
from mmdrfuse.errors import InputError
from mmdrfuse.images import Levels
from mmdrfuse.pipeline import Fuser, Pair
from mmdrfuse.pipeline.fuse.set_ranges import infrared_ranges, set_limits
from mmdrfuse.pipeline.fuse.whole import WholePair


@pytest.fixture
def pairs(tmp_path):
    """Make pairs of arrays: each infrared image gets a black visible partner."""

    def write(*infrareds, suffix=".png"):
        inputs = []
        for number, image in enumerate(infrareds):
            paths = tmp_path / f"ir{number}{suffix}", tmp_path / f"vi{number}.png"
            images.write(paths[0], image)
            images.write(paths[1], np.zeros(image.shape[:2], np.uint8))
            inputs.append(WholePair(Pair(str(number), *paths)))
        return inputs

    return write


def thermal(rng, low, high, dtype=np.uint16):
    return rng.integers(low, high, (20, 30)).astype(dtype)


def test_percentiles_are_those_of_all_pictures_together(pairs, rng):
    set_ = [thermal(rng, 7000, 7500), thermal(rng, 7200, 9000), thermal(rng, 7000, 7100)]
    low, high = np.percentile(set_, (1, 99), method="inverted_cdf")
    advanced = []
    ranges = infrared_ranges(pairs(*set_), Levels.parse("p1..p99"), workers=2, advance=advanced.append)
    assert ranges == [(low, high)] * 3
    assert advanced == ["0", "1", "2"]


def test_auto_leaves_8_bits_alone_and_gives_deeper_ones_their_range(pairs, rng):
    deep = thermal(rng, 100, 900)
    ranges = infrared_ranges(pairs(thermal(rng, 5, 9, np.uint8), deep), Levels.parse("auto"))
    assert ranges == [(), tuple(np.percentile(deep, (0.1, 99.9), method="inverted_cdf"))]


def test_auto_does_not_decode_8_bit_pictures(pairs, rng, monkeypatch):
    set_ = pairs(thermal(rng, 5, 9, np.uint8))
    monkeypatch.setattr(Pair, "load_infrared", lambda pair: pytest.fail(f"{pair.name} was decoded"))
    assert infrared_ranges(set_, Levels.parse("auto")) == [()]


def test_percentiles_of_8_bits_are_taken_when_asked_for(pairs, rng):
    image = thermal(rng, 20, 200, np.uint8)
    (ranges,) = infrared_ranges(pairs(image), Levels.parse("p0..p100"))
    assert ranges == (image.min(), image.max())


def test_given_values_need_no_reading(tmp_path):
    missing = WholePair(Pair("a", tmp_path / "none.png", tmp_path / "none.png"))
    assert infrared_ranges([missing], Levels.parse("7000..9500")) == [(7000, 9500)]


def test_floating_point_pictures_share_a_range_in_their_own_units(pairs, rng):
    set_ = [rng.normal(290 + 5 * number, 2, (41, 53)).astype(np.float32) for number in range(2)]
    ranges = infrared_ranges(pairs(*set_, suffix=".tif"), Levels.parse("auto"))
    assert ranges[0] == ranges[1]
    np.testing.assert_allclose(ranges[0], np.percentile(set_, (0.1, 99.9), method="inverted_cdf"), atol=1e-3)


def test_percentiles_that_say_nothing_are_refused(pairs, rng):
    image = rng.normal(290, 2, (40, 50)).astype(np.float32)
    image[0, 0] = -3e38  # a common mark for "no value here"
    with pytest.raises(InputError, match=r"too far apart for percentiles") as caught:
        infrared_ranges(pairs(image, suffix=".tif"), Levels.parse("p1..p99"))
    assert caught.value.cure == "infrared_range"


def test_unreadable_pictures_are_passed_over(pairs, rng, tmp_path):
    set_ = pairs(thermal(rng, 7000, 9000), thermal(rng, 7000, 9000))
    set_[0].pair.infrared.write_bytes(b"broken")
    nan = pairs(np.full((4, 4), np.nan, np.float32), suffix=".tif")
    ranges = infrared_ranges([*set_, *nan], Levels.parse("auto"))
    assert (ranges[0], ranges[2]) == ((), ())
    assert ranges[1]


def test_limits_of_the_output_are_those_of_the_whole_set(pairs, rng):
    set_ = [thermal(rng, 20, 100, np.uint8), thermal(rng, 80, 240, np.uint8)]
    limits = set_limits(Fuser(BASELINES["max"], "percentile"), pairs(*set_), workers=2)
    expected = np.percentile(set_, (1, 99), method="inverted_cdf") / 255
    np.testing.assert_allclose(limits, expected, atol=3e-5)


@pytest.mark.parametrize("policy", ["clip", "minmax", "fixed:0,0.5", "percentile"])
def test_other_ranges_and_sets_without_a_good_pair_have_no_limits(policy, tmp_path):
    missing = WholePair(Pair("a", tmp_path / "none.png", tmp_path / "none.png"))
    assert set_limits(Fuser(BASELINES["max"], policy), [missing]) is None
