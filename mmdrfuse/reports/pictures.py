"""The pictures of a report: the sources and fusions of one pair, reduced and packed as WebP."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmdrfuse import images
from mmdrfuse.detection.labels import LabelledPicture
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.images import Side
from mmdrfuse.pipeline.score import Candidate
from mmdrfuse.pipeline.score.score import Sources, load_candidate, load_sources
from mmdrfuse.reports.overlays import Box, boxes_of, checkerboards

SIDES = (960, 640, 480, 320)
"""Pixels of the longer side of an embedded picture: the first at which all pictures fit is taken."""
CROWDED = 480
"""The side where they do not fit at any."""
QUALITY = 85
"""Of WebP."""
_BYTES_PER_PIXEL = 0.16
"""Of such a WebP in base64, for busy pictures in colour; what is embedded is counted as it comes."""


@dataclass(frozen=True)
class PairPictures:
    """The pictures of one pair, in the order infrared, visible, each method, and with a rig the two checkerboards."""

    width: int = 0
    """Of the scored pictures, in pixels."""
    height: int = 0
    webp: tuple[str, ...] = ()
    """The reduced pictures in base64; empty where one could not be read."""
    originals: tuple[bytes, ...] = ()
    """The pictures in full size as PNG, if they were asked for; empty where one could not be read."""
    original_names: tuple[str, ...] = ()
    """The names of their files; empty where there is none."""
    files: tuple[str, ...] = ()
    """Where each was read from; empty for what was computed."""
    hashes: tuple[str, ...] = ()
    """SHA-256 of the infrared and the visible file."""
    errors: tuple[str, ...] = ()
    """Why pictures are missing."""
    boxes: tuple[tuple[Box, ...], ...] = ()
    """Of each picture; empty where nothing is labelled."""

    @property
    def nbytes(self) -> int:
        """Return the size of the embedded pictures."""
        return sum(map(len, self.webp))

    def for_page(self, boxes: tuple[tuple[Box, ...], ...], *, webp: bool) -> "PairPictures":
        """Return what the page needs: without the pictures in full size, and with or without the embedded ones."""
        return replace(self, originals=(), boxes=boxes, webp=self.webp if webp else ())


@dataclass(frozen=True)
class PairTask:
    """What to read of one pair, and how to pack it.

    Args:
        pair: The pair's number.
        source: A picture of the pair, for its sources.
        candidates: The pair's picture of each method; None where a method has none.
        side: Pixels of the longer side of the embedded pictures; 0 for none.
        full: Whether to return the pictures in full size too.
        labelled: The pair's labelled boxes; None where nothing is labelled.
        classes: The names of their classes.
        boxes_on: The side that they were drawn on, as `mmdrfuse.detection.detect_folders` takes it.
    """

    pair: int
    source: Candidate
    candidates: tuple[Candidate | None, ...]
    side: int
    full: bool = False
    labelled: LabelledPicture | None = None
    classes: tuple[str, ...] = ()
    boxes_on: Side | None = None

    def __str__(self) -> str:
        """Return the pair's name."""
        return self.source.pair.name


def side_for(pictures: int, budget: int) -> int:
    """Return the side at which so many pictures fit into so many bytes, or `CROWDED`."""
    for side in SIDES:
        if pictures * side * side * 0.75 * _BYTES_PER_PIXEL <= budget:
            return side
    return CROWDED


def read_pictures(task: PairTask) -> PairPictures:
    """Read the sources and the fused pictures of one pair; what cannot be read is named in the result."""
    pair = task.source.pair
    try:
        sources = load_sources(task.source)
        _, infrared, visible = _levels(Candidate("", pair, "visible"), sources)
    except MMDRFuseError as error:
        return PairPictures(errors=(error.message,))
    errors = []
    pictures: list[NDArray[np.uint8] | None] = [infrared, visible]
    for candidate in task.candidates:
        try:
            pictures.append(_levels(candidate, sources)[0] if candidate else None)
        except MMDRFuseError as error:
            pictures.append(None)
            errors.append(error.message)

    height, width = visible.shape[:2]
    size = _reduced(width, height, task.side)
    overlaid = checkerboards(pair, sources, infrared, visible) if pair.preparation.transform and task.side else ()
    boxes = boxes_of(task.labelled, task.classes, sources, pair, task.boxes_on) if task.labelled else ()
    originals = tuple(images.encode(one, ".png") if one is not None else b"" for one in pictures) if task.full else ()
    return PairPictures(
        width,
        height,
        webp=tuple(_webp(one, size) if one is not None else "" for one in (*pictures, *overlaid)),
        originals=originals,
        original_names=tuple(
            f"{task.pair:05d}-{index}.png" if content else "" for index, content in enumerate(originals)
        ),
        files=(str(pair.infrared), str(pair.visible), *map(_file, task.candidates)),
        hashes=sources.hashes,
        errors=tuple(errors),
        boxes=(boxes,) * len(pictures) if boxes else (),
    )


def _levels(candidate: Candidate, sources: Sources) -> list[NDArray[np.uint8]]:
    """Return a fused picture and its sources as they are scored, with 8 bits."""
    arrays = load_candidate(candidate, sources).scaled(candidate)
    return [np.rint(array).astype(np.uint8) for array in arrays]


def _file(candidate: Candidate | None) -> str:
    """Return where a picture was read from; an empty text for what was computed."""
    return str(candidate.fused) if candidate and isinstance(candidate.fused, Path) else ""


def _reduced(width: int, height: int, side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _webp(level: NDArray[np.uint8], size: Sequence[int]) -> str:
    """Return a picture as WebP in base64."""
    image = Image.fromarray(level)
    if image.size != tuple(size):
        image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    return base64.b64encode(images.encode(np.asarray(image), ".webp", quality=QUALITY)).decode()
