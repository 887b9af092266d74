"""How well a detector finds labelled objects in the pictures of several methods, in one call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.classes import indices
from mmdrfuse.detection.detections import Detector
from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.detection.outcome import DetectionResult
from mmdrfuse.detection.results import Results
from mmdrfuse.detection.running import detect_in
from mmdrfuse.detection.scoring import score_found
from mmdrfuse.detection.tones import FREE, parse
from mmdrfuse.errors import InputError, MMDRFuseError
from mmdrfuse.images import Side
from mmdrfuse.images.header import header
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.score.candidates import Folders, list_candidates, named_folders
from mmdrfuse.registration.geometry import Size
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import Workers

SIDES: tuple[Side, ...] = get_args(Side)
"""The rows that come by themselves."""


def detect_folders(
    folders: Folders,
    pairs: Sequence[Pair] | None = None,
    *,
    detector: Detector,
    labels: Labels | None = None,
    boxes_on: Side | None = None,
    results: Mapping[str, Results] | None = None,
    baselines: Sequence[str] = (),
    tone: str | None = None,
    key: Callable[[str], str] = str,
    workers: Workers | None = 1,
    progress: Progress = silent,
    on_failure: Callable[[MMDRFuseError], object] | None = None,
) -> DetectionResult:
    """Detect in the fused pictures of folders, and in their sources, and score what is found against labels.

    A picture that cannot be read becomes a failure in the result; the others go on.

    Args:
        folders: Folders of fused pictures; a mapping names their rows, else each is named after its folder.
        pairs: The sources. None takes them from the manifest that `mmdrfuse fuse` leaves in each folder.
        detector: What finds objects, such as from `mmdrfuse.detection.open_detector`.
        labels: The labelled boxes, such as from `mmdrfuse.datasets.labels.read`; None to detect only.
        boxes_on: The side that the boxes were drawn on; None for the visible one, or the one of the labels' size.
        results: Name of a further row → boxes that another program has found.
        baselines: Names of fusions without a network; each becomes a row.
        tone: ``raw``, ``free``, or ``GAIN,OFFSET``; None for ``free`` if there are labels, else ``raw``.
        key: As `mmdrfuse.pipeline.score.evaluate_folders` takes it.
        workers: The same.
        progress: The same.
        on_failure: The same.

    Raises:
        InputError: There is nothing to look at, or the labels are of other pictures or classes.
        UnknownNameError: No such baseline.
        MissingExtraError: onnxruntime or faster-coco-eval is not installed.
    """
    fail = on_failure or (lambda _: None)
    tones = parse(tone or (FREE if labels else "raw"))
    classes, table, warnings = _classes(detector, labels)
    computed = (*(name for name in baselines if name not in SIDES), *SIDES)
    listed = list_candidates(named_folders(folders, computed), pairs, baselines=computed, key=key)
    for failure in listed.failures:
        fail(failure)
    run = detect_in(
        listed.candidates, detector, tones=tones, indices=table, workers=workers, progress=progress, on_failure=fail
    )
    result = DetectionResult(
        run.methods,
        classes,
        detector=detector.description(),
        failures=(*listed.failures, *run.failures),
        warnings=(*listed.warnings, *warnings),
    )
    return _scored(result, labels, results or {}, boxes_on) if labels and run.methods else result


def score_results(
    results: Mapping[str, Results], labels: Labels, pairs: Sequence[Pair] | None = None
) -> DetectionResult:
    """Score the boxes that other programs have found.

    Args:
        results: Name of a row → its boxes, in pixels of the labels or as shares of the picture.
        labels: The labelled boxes.
        pairs: The sources. They are needed for boxes in pixels and labels that do not say how large the pictures are.

    Raises:
        InputError: The boxes are of other pictures or classes.
        MissingExtraError: faster-coco-eval is not installed.
    """
    sizes: dict[str, Size] = {}
    for pair in pairs or ():
        found = header(pair.visible, side="visible" if pair.infrared == pair.visible else None)
        sizes[pair.name] = found.height, found.width
    return _scored(DetectionResult({}, labels.only(labels.classes).classes), labels, results, sizes=sizes)


def _scored(
    result: DetectionResult,
    labels: Labels,
    results: Mapping[str, Results],
    boxes_on: Side | None = None,
    *,
    sizes: Mapping[str, Size] | None = None,
) -> DetectionResult:
    """Score what was found here and elsewhere; sizes are those of the visible pictures."""
    twice = results.keys() & result.found.keys()
    if twice:
        raise InputError(f"two rows are called {', '.join(sorted(twice))}; give the boxes from a file another name")
    chosen = labels.only(result.classes)
    known = {name: one.stored[1] for pictures in result.found.values() for name, one in pictures.items()}
    known |= sizes or {}
    matched = chosen.matched(sorted(known) or list(chosen.pictures))[0] if results else {}
    truth = {name: _sized(labelled, known.get(name)) for name, labelled in matched.items()}
    further = {method: one.found(truth, chosen) for method, one in results.items()}
    described = {
        "format": labels.format, "sha256": labels.sha256, "classes": list(labels.classes), "notes": list(labels.notes),
    }  # fmt: skip
    failures = (*result.failures, *(InputError(line) for line in labels.failures))
    found = replace(result, found={**result.found, **further}, labels=described, failures=failures)
    return score_found(found, chosen, boxes_on=boxes_on)


def _sized(labelled: LabelledPicture, size: Size | None) -> LabelledPicture:
    """Return labels on a picture of a size, if they do not say theirs."""
    unknown = labelled.width in (None, 1) and labelled.height in (None, 1)
    return labelled.resized(size[1], size[0]) if unknown and size else labelled


def _classes(detector: Detector, labels: Labels | None) -> tuple[tuple[str, ...], NDArray[np.int64] | None, list[str]]:
    """Return the classes to look for, which of them each of the detector's is, and a line about those it lacks."""
    if labels is None:
        return detector.classes or (), None, []
    labelled = labels.only(labels.classes).classes
    table = indices(detector.classes, labelled, detector.name)
    known = sorted(set(table[table >= 0].tolist()))
    missing = [name for number, name in enumerate(labelled) if number not in known]
    warnings = [f"{detector.name}: does not know {', '.join(missing)}, which is not scored"] if missing else []
    renumbered = np.full(len(labelled) + 1, -1)  # the last one for -1
    renumbered[known] = np.arange(len(known))
    return tuple(labelled[number] for number in known), renumbered[table], warnings
