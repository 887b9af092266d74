"""Detectors as ONNX files."""

import ast
import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.canvas import MARGIN, Canvas
from mmdrfuse.detection.classes import COCO, COCO_WITH_GAPS
from mmdrfuse.detection.conventions import CONVENTIONS, Convention, Outputs, recognised
from mmdrfuse.detection.detections import MIN_SCORE, Detections, Picture, non_maximum_suppression
from mmdrfuse.errors import InputError, MissingExtraError, reading

_DTYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
_USUAL_SIDE = 640
"""Pixels of the canvas where neither the file nor its metadata say it."""


@dataclass(frozen=True)
class OnnxDetector:
    """A detector in an ONNX file. Processes that it is sent to open the file themselves."""

    path: Path
    sha256: str
    convention: str
    """Name of one of `mmdrfuse.detection.conventions.CONVENTIONS`."""
    size: tuple[int, int] | None
    """Width and height of the canvas; None for that of each picture."""
    classes: tuple[str, ...] | None = None
    wanted: frozenset[int] | None = None
    """Indices of the classes to look for; None for all."""

    @property
    def name(self) -> str:
        """Return the file's name."""
        return str(self.path)

    @property
    def parallel(self) -> bool:
        """Return True."""
        return True

    def __call__(self, picture: Picture) -> Detections:
        """Return the boxes in a picture, H×W×3.

        Raises:
            InputError: The network cannot be run, or gives something else than for the first picture.
        """
        convention = _NAMED[self.convention]
        with reading(self.path, "detector", cure="check it with its own program"):
            opened = _opened(str(self.path), self.sha256)
            rows, columns = picture.shape[:2]
            canvas = Canvas.of(picture, self.size or (columns, rows), convention.fit)
            boxes, scores = convention.decode(opened.run(canvas, convention))
            if self.wanted is not None:
                scores = scores * [index in self.wanted for index in range(scores.shape[1])]
            if not np.isfinite(scores).all():
                raise ValueError("it gives scores that are no finite numbers")
            unnamed = scores[:, len(self.classes) :] if self.classes else scores[:, :0]
            if unnamed.max(initial=0) >= MIN_SCORE:
                raise ValueError(f"it gives more classes than the {len(self.classes or ())} that have a name")
            boxes = canvas.back(boxes)
            finite = np.isfinite(boxes).all(axis=1)  # sizes are exponentials, which may be too large
            boxes, scores = boxes[finite], scores[finite]
            found = non_maximum_suppression(boxes, scores) if convention.needs_nms else _as_given(boxes, scores)
        return found.clipped(columns, rows)

    def only(self, classes: frozenset[int]) -> "OnnxDetector":
        """Return the detector that looks for some classes alone."""
        return replace(self, wanted=classes)

    def description(self) -> dict[str, Any]:
        """Return the file, its hash, its convention and the size of its canvas."""
        size = list(self.size) if self.size else None
        return {"file": self.path.name, "sha256": self.sha256, "convention": self.convention, "size": size}


def open_file(path: Path, classes: Sequence[str] | None = None) -> OnnxDetector:
    """Open an ONNX file, and find out by a run on a grey picture what its outputs mean.

    Args:
        path: The file.
        classes: Names of its classes; None for those of its metadata, or COCO's where their number fits.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        InputError: It is no ONNX file, or its outputs are none that we know.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    with reading(path, "ONNX file"):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        opened = _opened(str(path), sha256)
        width, height = opened.size or (_USUAL_SIDE, _USUAL_SIDE)
        grey = Canvas(np.full((height, width, 3), MARGIN, np.uint8), (1.0, 1.0), (0, 0))
        outputs = opened.run(grey, CONVENTIONS[0])
        convention = recognised(outputs)
        if convention is None:
            raise InputError(
                f"{path}: its outputs are none of a detector that we know ({_listed(outputs)}); "
                "export it in another form, or write a function around it"
            )
        count = convention.decode(outputs)[1].shape[1]
    names = tuple(classes) if classes else opened.names or _usual_names(opened, convention, count)
    size = opened.size or (None if convention.fit == "stretch" else (width, height))
    return OnnxDetector(path, sha256, convention.name, size, names)


class _Opened(NamedTuple):
    """A session, with what it takes."""

    session: Any
    source: str
    dtype: np.dtype[np.generic]
    batched: bool
    sizes: str | None
    """The input for the size of the picture, if there is one."""
    size: tuple[int, int] | None
    names: tuple[str, ...] | None

    def run(self, canvas: Canvas, convention: Convention) -> Outputs:
        """Run the network on a canvas."""
        divisor = 1.0 if self.dtype == np.uint8 else convention.divisor  # bytes are divided in the network
        tensor = canvas.tensor(bgr=convention.bgr, divisor=divisor, dtype=self.dtype)
        height, width = canvas.pixels.shape[:2]
        feed: dict[str, NDArray[Any]] = {self.source: tensor if self.batched else tensor[0]}
        if self.sizes:
            feed[self.sizes] = np.array([[width, height]], np.int64)
        arrays = self.session.run(None, feed)
        names = [output.name for output in self.session.get_outputs()]
        named = dict(zip(names, arrays, strict=True))
        return Outputs(named, width, height, len(self.names) if self.names else None)


@lru_cache(maxsize=4)
def _opened(path: str, _sha256: str) -> _Opened:
    """Open a session once in each process; the hash makes another session of a file that has changed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "detect", "a detector in an ONNX file") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # pictures are worked on side by side
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    pictures = [one for one in inputs if one.type in _DTYPES and len(one.shape) in (3, 4)]
    others = [one for one in inputs if one not in pictures]
    if len(pictures) != 1 or len(others) > 1 or pictures[0].shape[-3] not in (3, None, "channels"):
        listed = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        raise InputError(f"{path}: takes {listed}, not one picture of 3×height×width; export it so")
    metadata = session.get_modelmeta().custom_metadata_map
    batched = len(pictures[0].shape) == 4
    return _Opened(
        session, pictures[0].name, np.dtype(_DTYPES[pictures[0].type]), batched, others[0].name if others else None,
        _size(pictures[0].shape, metadata), _names(metadata),
    )  # fmt: skip


def _size(shape: Sequence[object], metadata: Mapping[str, str]) -> tuple[int, int] | None:
    """Return width and height that the file fixes, or that its metadata name."""
    height, width = shape[-2:]
    if isinstance(height, int) and isinstance(width, int):
        return width, height
    with contextlib.suppress(ValueError, SyntaxError, TypeError):
        height, width = ast.literal_eval(metadata.get("imgsz", ""))
        return int(width), int(height)
    return None


def _names(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the names of the classes that Ultralytics writes into a file."""
    with contextlib.suppress(ValueError, SyntaxError):
        names = ast.literal_eval(metadata.get("names", ""))
        values = names.values() if isinstance(names, dict) else names
        return tuple(map(str, values)) or None
    return None


def _usual_names(opened: _Opened, convention: Convention, count: int) -> tuple[str, ...] | None:
    """Return COCO's names where the number of classes fits; one that gives numbers of classes fits by its family."""
    if convention.needs_nms:
        return COCO if count == len(COCO) else None
    gaps = convention.name == "torchvision" and not opened.sizes
    return COCO_WITH_GAPS if gaps else COCO


def _as_given(boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> Detections:
    classes = scores.argmax(axis=1) if scores.size else np.zeros(len(boxes), np.int64)
    return Detections.of(boxes, scores.max(axis=1, initial=0), classes)


def _listed(outputs: Outputs) -> str:
    return ", ".join(f"{name}: {'×'.join(map(str, array.shape))}" for name, array in outputs.arrays.items())


_NAMED = {convention.name: convention for convention in CONVENTIONS}
