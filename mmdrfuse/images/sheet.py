"""Pictures side by side, with a title over each."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_GAP = 6
_TITLE = 22


def sheet(rows: Iterable[Sequence[NDArray[Any]]], titles: Sequence[str], *, height: int = 240) -> NDArray[np.uint8]:
    """Arrange pictures in a table on white.

    Args:
        rows: The pictures of each row, uint8, H×W or H×W×3. The rows are taken one at a time.
        titles: One for each column.
        height: Pixels; each picture is scaled to it.

    Returns:
        H×W×3 uint8.
    """
    scaled = [[_fit(picture, height) for picture in row] for row in rows]
    widths = [max(row[column].width for row in scaled) for column in range(len(titles))]
    width = sum(widths) + _GAP * (len(titles) + 1)
    canvas = Image.new("RGB", (width, _TITLE + (height + _GAP) * len(scaled)), "white")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(14)
    left = _GAP
    for column, title in enumerate(titles):
        draw.text((left, 3), title, fill="black", font=font)
        for index, row in enumerate(scaled):
            canvas.paste(row[column], (left, _TITLE + index * (height + _GAP)))
        left += widths[column] + _GAP
    return np.asarray(canvas)


def _fit(picture: NDArray[Any], height: int) -> Image.Image:
    image = Image.fromarray(picture).convert("RGB")
    width = max(1, round(image.width * height / image.height))
    method = Image.Resampling.LANCZOS if height < image.height else Image.Resampling.BICUBIC
    return image.resize((width, height), method)
