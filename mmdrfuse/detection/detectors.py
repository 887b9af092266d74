"""Open a detector, whatever it is given as."""

from collections.abc import Sequence
from pathlib import Path

from mmdrfuse.detection.callables import open_callable
from mmdrfuse.detection.detections import Detector
from mmdrfuse.detection.onnx_files import open_file
from mmdrfuse.errors import InputError


def open_detector(spec: str | Path, classes: Sequence[str] | None = None) -> Detector:
    """Open a detector.

    Args:
        spec: An ONNX file, or a function as ``module:function`` or ``file.py:function``.
        classes: Names of its classes; None for those that it names itself, or COCO's where their number fits.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        InputError: It cannot be opened, or its outputs are none that we know.
    """
    path = Path(spec)
    if path.suffix.lower() == ".onnx":
        return open_file(path, classes)
    if ":" in str(spec):
        return open_callable(str(spec), classes)
    raise InputError(
        f"{spec}: is neither an ONNX file (.onnx) nor a function (module:function or file.py:function); export it as "
        "ONNX, or write a function around it"
    )
