"""Objects in pictures: labelled boxes, detectors, and how well the ones find the others.

`open_detector` opens a detector, `detect_folders` runs it on the pictures of several methods and scores what it finds
against labels, `score_results` scores what other programs have found.

::

    from mmdrfuse import datasets, detection
    from mmdrfuse.datasets import labels

    detector = detection.open_detector("yolox_nano.onnx")
    result = detection.detect_folders([Path("fused")], detector=detector, labels=labels.read(Path("labels")))
    result.rows[0].scores["free"].measures["AP"].value
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmdrfuse.detection.detectors import open_detector
    from mmdrfuse.detection.evaluation import detect_folders, score_results
    from mmdrfuse.detection.outcome import DetectionResult
    from mmdrfuse.detection.results import read_results

__all__ = ["DetectionResult", "detect_folders", "open_detector", "read_results", "score_results"]

_MODULES = {
    "open_detector": "detectors",
    "detect_folders": "evaluation",
    "score_results": "evaluation",
    "DetectionResult": "outcome",
    "read_results": "results",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _MODULES:
        return getattr(import_module(f"mmdrfuse.detection.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
