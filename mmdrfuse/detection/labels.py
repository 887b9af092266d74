"""Labelled boxes of pictures, whatever files they come from.

`mmdrfuse.datasets.labels.read` reads them. A box is x0, y0, x1, y1: pixels from the left and upper edge of the picture,
so a box around the whole picture is 0, 0, width, height. Boxes of no area do not exist here.

`Labels.matched` finds the pictures of a set by their names.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmdrfuse.errors import InputError, abbreviated

PERSON = "person"
SYNONYMS = dict.fromkeys(("people", "pedestrian", "pedestrians", "human", "persons"), PERSON)
"""Other names of a class → its usual name, in lower case."""

_ROUNDING = 1e-5
"""Share of a picture's side by which a box may reach beyond it because its file rounds."""
_MIN_LEFT = 0.25
"""Share of a box's area that must be inside a warped or cropped picture; of less, a detector can know nothing."""


@dataclass(frozen=True)
class LabelledPicture:
    """The boxes of one picture."""

    width: int | None
    """Of the picture that the boxes were drawn on; None if the labels do not say. Boxes that are relative to the
    picture, as YOLO's are, belong to a picture of 1×1 pixels until `resized` makes it larger."""
    height: int | None
    boxes: NDArray[np.float64]
    """N×4, each x0, y0, x1, y1 in pixels."""
    classes: NDArray[np.int64]
    """N indices into `Labels.classes`."""
    ignored: NDArray[np.bool_]
    """N marks of regions that count neither as found nor as missed: crowds, and objects that even people doubt."""

    @classmethod
    def of(
        cls,
        boxes: ArrayLike,
        classes: ArrayLike,
        ignored: ArrayLike | None = None,
        *,
        size: tuple[int | None, int | None] = (None, None),
    ) -> Self:
        """Return a picture from sequences.

        Args:
            boxes: N×4, or empty.
            classes: N indices.
            ignored: N marks; None for no mark.
            size: Width and height of the picture.
        """
        indices = np.asarray(classes, np.int64).reshape(-1)
        marks = np.zeros(len(indices), bool) if ignored is None else np.asarray(ignored, bool).reshape(-1)
        return cls(*size, np.asarray(boxes, np.float64).reshape(-1, 4), indices, marks)

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.boxes)

    @property
    def areas(self) -> NDArray[np.float64]:
        """Return the area of each box, in pixels."""
        widths = self.boxes[:, 2] - self.boxes[:, 0]
        heights = self.boxes[:, 3] - self.boxes[:, 1]
        return widths * heights

    def only(self, chosen: NDArray[np.bool_]) -> Self:
        """Return the picture with the chosen boxes alone.

        Args:
            chosen: N marks.
        """
        return replace(self, boxes=self.boxes[chosen], classes=self.classes[chosen], ignored=self.ignored[chosen])

    def clipped(self) -> tuple[Self, int]:
        """Clip the boxes to the picture, and leave out those that lie beside it.

        Returns:
            The picture, and the number of boxes that were changed or left out. A picture without a size stays as it is.
        """
        if self.width is None or self.height is None:
            return self, 0
        ends = np.array([self.width, self.height, self.width, self.height], np.float64)
        boxes = np.clip(self.boxes, 0, ends)
        changed = int((np.abs(boxes - self.boxes) > _ROUNDING * ends).any(axis=1).sum())
        picture = replace(self, boxes=boxes)
        return picture.only(picture.areas > 0), changed

    def resized(self, width: int, height: int) -> Self:
        """Return the boxes on the picture resized to another width and height; without a size, boxes stay."""
        if self.width is None or self.height is None:
            return replace(self, width=width, height=height).clipped()[0]
        scale = np.array([width / self.width, height / self.height] * 2)
        return replace(self, width=width, height=height, boxes=self.boxes * scale)

    def warped(self, matrix: ArrayLike, width: int, height: int) -> Self:
        """Return the boxes on a warped picture: around the four warped corners of each, clipped to the picture.

        A box of which less than a quarter is left becomes an ignored region.

        Args:
            matrix: 3×3, or nine numbers, in the convention of `mmdrfuse.registration.geometry.warped`: (0, 0) is the
                centre of the upper left pixel.
            width: Of the result.
            height: Of the result.
        """
        x0, y0, x1, y1 = self.boxes.T - 0.5  # from edges to centres of pixels
        corners = np.stack([[x0, x1, x0, x1], [y0, y0, y1, y1], np.ones((4, len(self)))])
        x, y, w = np.tensordot(np.reshape(matrix, (3, 3)), corners, axes=1)

        # A matrix and its negative are the same mapping; a box with corners behind the camera is nowhere.
        in_front = (w > 0).all(axis=0) | (w < 0).all(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = x / w, y / w
        boxes = np.stack([x.min(axis=0), y.min(axis=0), x.max(axis=0), y.max(axis=0)], axis=1) + 0.5
        return replace(self, width=width, height=height, boxes=boxes).only(in_front)._cut()

    def cropped(self, left: int, top: int, width: int, height: int) -> Self:
        """Return the boxes on a part of the picture; a box of which less than a quarter is left becomes ignored."""
        boxes = self.boxes - [left, top, left, top]
        return replace(self, width=width, height=height, boxes=boxes)._cut()

    def _cut(self) -> Self:
        """Clip the boxes; ignore those of which little is left."""
        assert self.width is not None
        assert self.height is not None
        inside = np.clip(self.boxes, 0, [self.width, self.height] * 2)
        left = replace(self, boxes=inside).areas
        ignored = self.ignored | (left < _MIN_LEFT * self.areas)
        return replace(self, boxes=inside, ignored=ignored).only(left > 0)


@dataclass(frozen=True)
class Labels:
    """The labelled boxes of a set of pictures."""

    classes: tuple[str, ...]
    """Names of the classes."""
    pictures: Mapping[str, LabelledPicture]
    """Name of a picture → its boxes; a picture without objects has none. The name is that of the file without folder
    and ending; where several pictures have one name, the folders are part of it, with ``/``."""
    format: str
    """What they were read from, such as ``VOC``."""
    sha256: str
    """Of the files, as read: in the order of their names, each name with its content."""
    notes: tuple[str, ...] = ()
    """A line for everything that was corrected or left out."""
    failures: tuple[str, ...] = ()
    """A line for every file or entry that could not be read; its picture has no labels here."""
    picture_numbers: Mapping[str, str] = field(default_factory=dict)
    """What COCO's results call a picture → its name; empty if the labels are not COCO's."""
    class_numbers: Mapping[int, str] = field(default_factory=dict)
    """What COCO's results call a class → its name."""

    def matched(self, names: Iterable[str]) -> tuple[dict[str, LabelledPicture], list[str]]:
        """Find pictures by their names.

        Args:
            names: Names of pictures or pairs without ending, which may begin with folders.

        Returns:
            Name → boxes; and the names that have no labels.

        Raises:
            InputError: Not one picture has labels: they are of another set.
        """
        names = list(names)
        by_ending = defaultdict(set)
        for key in self.pictures:
            for ending in _endings(key):
                by_ending[ending].add(key)
        matched = {}
        for name in names:
            for ending in _endings(name):
                keys = by_ending[ending] if ending in by_ending else by_ending.get(ending.replace("/", "_"), ())
                if ending in keys or len(keys) == 1:
                    matched[name] = self.pictures[ending if ending in keys else next(iter(keys))]
                    break
        if names and not matched:
            raise InputError(
                f"the labels are of other pictures: they have {abbreviated(self.pictures) or 'none'}, "
                f"and the pictures are {abbreviated(names)}"
            )
        return matched, [name for name in names if name not in matched]

    def only(self, names: Iterable[str]) -> Self:
        """Return the labels of some classes alone, in this order; a class may have another of its usual names.

        Raises:
            InputError: The labels have no such class.
        """
        wanted = list(dict.fromkeys(usual_name(name) for name in names))
        own = [usual_name(name) for name in self.classes]
        missing = [name for name in wanted if name not in own]
        if missing:
            raise InputError(
                f"the labels have no class {', '.join(missing)}; they have {', '.join(self.classes) or 'none'}"
            )
        indices = np.array([wanted.index(name) if name in wanted else -1 for name in own], np.int64)
        pictures = {}
        for stem, picture in self.pictures.items():
            renumbered = replace(picture, classes=indices[picture.classes])
            pictures[stem] = renumbered.only(renumbered.classes >= 0)
        return replace(self, classes=tuple(wanted), pictures=pictures)

    def count(self) -> int:
        """Return the number of boxes that are not ignored."""
        return sum(int((~picture.ignored).sum()) for picture in self.pictures.values())


def _endings(name: str) -> Iterator[str]:
    """Yield a name with all of its folders, with fewer, and without."""
    parts = unicodedata.normalize("NFC", name).split("/")
    return ("/".join(parts[start:]) for start in range(len(parts)))


def usual_name(name: str) -> str:
    """Return the name that a class usually has: in lower case, and ``person`` for its synonyms.

    Example:
        >>> usual_name("People"), usual_name("pedestrian"), usual_name("Car")
        ('person', 'person', 'car')
    """
    name = " ".join(unicodedata.normalize("NFC", name).casefold().split())
    return SYNONYMS.get(name, name)
