"""Pair the frames of two sequences in time."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

from mmdrfuse.images.video.frames import Frame


def nearest(infrared: Iterable[Frame], visible: Iterable[Frame]) -> Iterator[tuple[Frame, Frame]]:
    """Yield every visible frame with the infrared frame nearest in time, the earlier of two as near.

    Both clocks start with the side's first frame. The last infrared frame is taken to last as long as the one before
    it; visible frames after its end have no partner, and are left out.
    """
    others = iter(infrared)
    current, following = next(others, None), next(others, None)
    if current is None:
        return
    lasting = following.time - current.time if following else Fraction(0)
    for frame in visible:
        while following and following.time - frame.time < frame.time - current.time:
            lasting = following.time - current.time
            current, following = following, next(others, None)
        if following is None and frame.time > current.time and frame.time >= current.time + lasting:
            return
        yield current, frame
