"""Flicker of frames whose changes are known because they are made up."""

import numpy as np
import pytest

from mmdrfuse.errors import InputError, SizeError
from mmdrfuse.metrics import MEASURES
from mmdrfuse.metrics.temporal import ROWS, flicker


@pytest.fixture
def frames(rng):
    """Two successive frames of an infrared and of a visible source that have nothing in common."""
    return [tuple(rng.integers(0, 250, (24, 32)).astype(np.uint8) for _ in range(2)) for _ in range(2)]


def scores(before, after, fuse):
    return tuple(flicker(*((fuse(*sides), *sides) for sides in (before, after))).values())


@pytest.mark.parametrize("gain", [0.8, 0.98, 1.01])
def test_a_gain_over_still_sources_is_found_exactly(frames, gain):
    sides, _ = frames
    before = sides[0].astype(float)
    found = flicker((before, *sides), (before * gain, *sides))
    expected = abs(gain - 1) * before.mean()
    assert tuple(found.values()) == pytest.approx((expected, expected))


def test_parts_that_flicker_against_each_other_are_local_alone(frames):
    sides, _ = frames
    before = np.full((24, 32), 100.0)
    after = before + np.where(np.arange(32) < 16, 8, -8)
    assert tuple(flicker((before, *sides), (after, *sides)).values()) == (0, 8)


@pytest.mark.parametrize(
    "fuse", [np.maximum, np.minimum, lambda a, b: a, lambda a, b: b, lambda a, b: 0.3 * a + 0.7 * b],
)  # fmt: skip
def test_what_shares_the_sources_does_not_flicker_whatever_they_do(frames, fuse):
    assert scores(*frames, fuse) == pytest.approx((0, 0), abs=1e-12)


def test_a_change_beyond_both_sources_counts_by_what_is_beyond():
    before, after = (
        tuple(np.full((4, 4), float(level)) for level in levels) for levels in ((50, 60, 70), (90, 80, 65))
    )
    assert set(flicker(before, after).values()) == {40 - 20}  # the fused image by 40, the sources by 20 and -5
    assert set(flicker(after, before).values()) == {40 - 20}


def test_a_still_recording_has_no_flicker(frames):
    sides, _ = frames
    assert scores(sides, sides, lambda a, b: 255 - a) == (0, 0)


def test_colour_is_scored_by_its_luminance(frames):
    (infrared, visible), _ = frames
    colour = np.stack([visible] * 3, axis=2)
    assert set(flicker((colour, infrared, colour), (colour, infrared, visible)).values()) == {0}


def test_frames_that_do_not_fit_are_refused(frames):
    (infrared, visible), _ = frames
    frame = visible, infrared, visible
    with pytest.raises(SizeError, match="infrared after 31x24"):
        flicker(frame, (visible, infrared[:, 1:], visible))
    with pytest.raises(InputError, match="fused before"):
        flicker((visible.astype(np.int32), infrared, visible), frame)


def test_a_table_of_scores_knows_the_measures():
    assert [MEASURES[row.name].higher_is_better for row in ROWS] == [False, False]


@pytest.mark.parametrize("step", [20, -20])
def test_a_fused_image_that_stands_still_does_not_flicker(step):
    before, after = (tuple(np.full((4, 4), level) for level in (100.0, 50.0 + at, 60.0 + at)) for at in (0, step))
    assert set(flicker(before, after).values()) == {0}
