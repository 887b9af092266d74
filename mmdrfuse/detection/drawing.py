"""Draw what was found into pictures: green what is right, red what was missed, yellow what is wrong."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmdrfuse.detection.detections import Detections, Picture
from mmdrfuse.detection.labels import LabelledPicture
from mmdrfuse.detection.matching import match
from mmdrfuse.detection.outcome import DetectionResult
from mmdrfuse.detection.running import Found, eight_bits, three_channels
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.images import sheet, write
from mmdrfuse.pipeline.score.score import load_candidate
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import Workers, ordered, pool, queue_length

MIN_DRAWN_SCORE = 0.3
"""Of the boxes that are drawn; a table counts weaker ones too."""

FOUND, MISSED, WRONG, IGNORED = "lime", "red", "yellow", "silver"
"""Colours of a labelled box that was found, one that was missed, a detection that is none, and an ignored region."""

SHEET = "sheet.png"
_SHEET_ROWS = 8


@dataclass(frozen=True)
class Drawing:
    """What is to be drawn into one picture."""

    method: str
    name: str
    found: Found
    truth: LabelledPicture | None
    classes: tuple[str, ...]

    def __str__(self) -> str:
        """Return method and picture."""
        return f"{self.method} of {self.name}"


def draw_all(
    result: DetectionResult, folder: Path, *, workers: Workers = 1, progress: Progress = silent,
    on_failure: Callable[[MMDRFuseError], object] | None = None,
) -> int:  # fmt: skip
    """Write every picture with its boxes, and a sheet of the sources and the first method side by side.

    Args:
        result: What was found.
        folder: It gets a folder for each method, and `SHEET`.
        workers: How many pictures to draw side by side.
        progress: Shows the progress.
        on_failure: Called with each picture that cannot be drawn.

    Returns:
        The number of pictures.

    Raises:
        OutputError: A picture cannot be written.
    """
    drawings = list(_drawings(result))
    columns = [side for side in ("infrared", "visible") if side in result.found]
    columns += [method for method in result.found if method not in columns][:1]
    shown: dict[str, dict[str, Picture]] = {}
    count = 0
    with progress("drawing", len(drawings)) as advance, pool(workers) as executor:
        for drawing, picture in ordered(executor, draw, drawings, buffer_size=queue_length(workers)):
            advance(str(drawing))
            if isinstance(picture, MMDRFuseError):
                if on_failure:
                    on_failure(picture)
                continue
            write(folder / drawing.method.replace("/", "_") / f"{drawing.name}.png", picture)
            count += 1
            if drawing.method in columns:
                shown.setdefault(drawing.name, {})[drawing.method] = picture
    rows = [[row[column] for column in columns] for row in shown.values() if len(row) == len(columns)]
    if rows:
        write(folder / SHEET, sheet(rows[:_SHEET_ROWS], columns))
    return count


def draw(drawing: Drawing) -> Picture:
    """Read a picture again, and draw its boxes.

    Raises:
        MMDRFuseError: It cannot be read any more.
    """
    assert drawing.found.candidate is not None
    candidate = drawing.found.candidate
    picture = three_channels(eight_bits(load_candidate(candidate).fused, candidate))
    boxes = next(iter(drawing.found.by_tone.values()))
    boxes = boxes.only(boxes.scores >= MIN_DRAWN_SCORE)
    return with_boxes(picture, boxes, drawing.truth, drawing.classes)


def with_boxes(
    picture: Picture, found: Detections, truth: LabelledPicture | None = None, classes: tuple[str, ...] = ()
) -> Picture:
    """Return a picture with boxes drawn into it.

    Args:
        picture: H×W×3.
        found: What was found.
        truth: What is labelled; None to draw only what was found.
        classes: Their names are written beside the boxes if there are several.
    """
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for box, colour in coloured(found, truth):
        pen.rectangle(tuple(box), outline=colour, width=_width(picture))
    if len(classes) > 1:
        font = ImageFont.load_default(5 * _width(picture) + 6)
        for (x0, y0, _, _), number in zip(found.boxes.tolist(), found.classes.tolist(), strict=True):
            pen.text((x0 + 3, y0 + 1), classes[number], fill="white", font=font)
    return np.asarray(image)


def coloured(found: Detections, truth: LabelledPicture | None) -> Iterator[tuple[list[float], str]]:
    """Yield boxes with their colours; of a labelled object that was found, the detection is shown."""
    if truth is None:
        yield from ((box, FOUND) for box in found.boxes.tolist())
        return
    for number in np.union1d(found.classes, truth.classes).tolist():
        own = found.only(found.classes == number)
        labelled = truth.only(truth.classes == number)
        partners, ignored = match(own.boxes, labelled.boxes, labelled.ignored)
        for place, box in enumerate(labelled.boxes.tolist()):
            if labelled.ignored[place]:
                yield box, IGNORED
            elif place not in partners[0]:
                yield box, MISSED
        for partner, neutral, box in zip(partners[0], ignored[0], own.boxes.tolist(), strict=True):
            yield box, FOUND if partner >= 0 else IGNORED if neutral else WRONG


def _drawings(result: DetectionResult) -> Iterator[Drawing]:
    for method, pictures in result.found.items():
        for name, found in pictures.items():
            if found.candidate is not None:
                yield Drawing(method, name, found, result.truth.get(method, {}).get(name), result.classes)


def _width(picture: Picture) -> int:
    """Return the width of the lines."""
    width: int = max(1, min(picture.shape[:2]) // 256)
    return width
