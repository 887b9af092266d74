import numpy as np

from mmdrfuse.metrics.metric import Rule, same
from mmdrfuse.metrics.shared.triple import Triple


def channels(*levels):
    return [Triple(*np.full((3, 2, 3), level)) for level in levels]


def test_a_rule_takes_the_mean_of_the_channels():
    assert Rule(lambda t: t.fused.sum())(channels(1.0, 2.0, 6.0)) == 6.0 * 3.0


def test_channels_stand_side_by_side_as_one_wide_image():
    rule = Rule(
        lambda t: float((t.a[0] == [1, 1, 1, 2, 2, 2, 6, 6, 6]).all() and t.b.shape == (2, 9)), side_by_side=True
    )
    assert rule(channels(1.0, 2.0, 6.0)) == 1.0


def test_one_channel_stands_alone():
    assert Rule(lambda t: t.fused.size, side_by_side=True)(channels(5.0)) == 6.0


def test_one_rule_serves_several_protocols():
    rule = Rule(len)
    assert same("one two", rule) == {"one": rule, "two": rule}
