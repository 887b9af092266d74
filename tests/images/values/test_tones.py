"""Tones: on pictures, and as a policy of the range."""

import numpy as np
import pytest

import mmdrfuse
from mmdrfuse.errors import InputError
from mmdrfuse.images import constant_limits, from_unit, limits, luminance
from mmdrfuse.images.values.tones import Tone, split_tone, toned_over


def test_a_tone_is_a_gain_and_an_offset_of_the_luminance(rng):
    picture = rng.integers(60, 130, (8, 9, 3), np.uint8)
    toned = Tone(0.7, 60)(picture)
    expected = np.rint(0.7 * luminance(picture) + 60)
    assert np.abs(luminance(toned) - expected).max() <= 1
    np.testing.assert_array_equal(np.diff(toned.astype(int), axis=2), np.diff(picture.astype(int), axis=2))
    np.testing.assert_array_equal(Tone(0.7, 60)(luminance(picture)), expected)


def test_limits_give_the_pixels_of_the_toned_picture(rng):
    output = rng.random((20, 30), np.float32)
    for base in ("clip", "minmax", "fixed:0.1,0.8"):
        low, high = limits(output, base)
        stretched = np.clip((output - low) / (high - low), None, None) * 255.0
        expected = np.clip(np.rint(0.5 * stretched + 90), 0, 255)
        found = from_unit(output, *limits(output, f"{base}+tone:0.5,90"), np.uint8)
        assert np.abs(found - expected).max() <= 1


@pytest.mark.parametrize("text", ["", "0.7", "0,60", "-1,0", "0.7;60", "0.7,60,1", "a,b", "nan,0"])
def test_what_is_no_tone_is_refused(text):
    with pytest.raises(InputError, match=r"such as 0\.7,60"):
        constant_limits(f"tone:{text}")


def test_a_tone_alone_goes_over_the_policy_of_the_weights():
    assert toned_over("minmax", "detector") == "minmax+tone:0.7,60"
    assert toned_over("fixed:0,1e+1", "tone:1,-9") == "fixed:0,1e+1+tone:1,-9"
    assert toned_over("minmax", "clip+tone:2,0") == "clip+tone:2,0"
    assert split_tone("tone:0.5,30") == ("clip", Tone(0.5, 30))
    assert constant_limits("tone:1,0") == (0, 1)


def test_colour_is_kept(rng):
    infrared, visible = rng.integers(60, 130, (9, 9), np.uint8), rng.integers(90, 120, (9, 9, 3), np.uint8)
    toned = mmdrfuse.fuse(infrared, visible, weights="day", range="detector").astype(int)
    np.testing.assert_array_equal(np.diff(toned, axis=2), np.diff(visible.astype(int), axis=2))
