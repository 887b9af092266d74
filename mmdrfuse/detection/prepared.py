"""Boxes on the prepared sides of a pair, which are as large as the fused picture."""

from mmdrfuse.detection.labels import LabelledPicture
from mmdrfuse.images import Side
from mmdrfuse.pair import Preparation
from mmdrfuse.registration.geometry import Size
from mmdrfuse.registration.placing import Window


def prepared(
    picture: LabelledPicture, preparation: Preparation, infrared: Size, visible: Size, *, side: Side | None = None
) -> LabelledPicture:
    """Move the boxes of a stored side as its preparation moves its pixels: resized, cropped, or warped by a rig.

    Args:
        picture: The boxes; a size that differs from the side's is that of a resized copy.
        preparation: Of the pair.
        infrared: Height and width of the stored infrared.
        visible: Height and width of the stored visible side.
        side: The side that the boxes were drawn on; None for the visible one, or for the infrared if only that has the
            size of the labels.

    Raises:
        SizeError: The sizes differ, and the size policy is ``error``.
    """
    if side is None:
        labelled = picture.height, picture.width
        side = "infrared" if labelled == tuple(infrared) != tuple(visible) else "visible"
    stored = infrared if side == "infrared" else visible
    height, width = preparation.size(infrared, visible)
    on_side = picture.resized(stored[1], stored[0])
    if (height, width) == tuple(stored) and not preparation.transform:
        return on_side
    return on_side.warped(preparation.mapping(side, infrared, visible), width, height)


def placed(
    picture: LabelledPicture,
    preparation: Preparation,
    stored: tuple[Size, Size],
    window: Window | None,
    size: tuple[int, int],
    *,
    side: Side | None = None,
) -> LabelledPicture:
    """Move the boxes of a stored side onto a picture that was made of the prepared sides.

    Args:
        picture: As in `prepared`.
        preparation: Of the pair.
        stored: Height and width of the infrared and of the visible file.
        window: What was cut out of the prepared sides: top, bottom, left and right; None for all.
        size: Width and height of the picture.
        side: As in `prepared`.

    Raises:
        SizeError: As in `prepared`.
    """
    moved = prepared(picture, preparation, *stored, side=side)
    if window:
        top, bottom, left, right = window
        moved = moved.cropped(left, top, right - left, bottom - top)
    return moved.resized(*size)
