"""Run a detector on the pictures of all methods, side by side, in as many tones as are asked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.detection.detections import Detections, Detector, Picture
from mmdrfuse.detection.labels import LabelledPicture
from mmdrfuse.detection.prepared import placed
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.images import Side, converted, is_gray, luminance
from mmdrfuse.images.values.tones import Tone
from mmdrfuse.pipeline.score.score import Candidate, load_candidate, map_candidates
from mmdrfuse.registration.geometry import Size
from mmdrfuse.registration.placing import Window
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import Workers


@dataclass(frozen=True)
class Found:
    """What was found in one picture."""

    width: int
    height: int
    by_tone: Mapping[Tone, Detections]
    """The boxes in pixels of the picture, in each tone."""
    candidate: Candidate | None = None
    """The picture with its sources; None for boxes from a file, which are in the pixels of the labels."""
    stored: tuple[Size, Size] = ((), ())
    """Height and width of the infrared and of the visible file."""
    window: Window | None = None
    """What was cut out of the prepared sides."""

    def truth(self, labelled: LabelledPicture, boxes_on: Side | None = None) -> LabelledPicture:
        """Return labelled boxes in pixels of the picture, whatever was done to its sources.

        Args:
            labelled: As they were read.
            boxes_on: The side that they were drawn on; None for the visible one, or the one of their size.
        """
        if self.candidate is None:
            return labelled.resized(self.width, self.height)
        preparation = self.candidate.pair.preparation
        return placed(labelled, preparation, self.stored, self.window, (self.width, self.height), side=boxes_on)


@dataclass
class Run:
    """What was found: method → picture → boxes; and the failures."""

    methods: dict[str, dict[str, Found]] = field(default_factory=dict)
    failures: list[MMDRFuseError] = field(default_factory=list)


def detect_in(
    candidates: Sequence[Candidate],
    detector: Detector,
    *,
    tones: Sequence[Tone] = (Tone(),),
    indices: NDArray[np.int64] | None = None,
    workers: Workers | None = 1,
    progress: Progress = silent,
    on_failure: Callable[[MMDRFuseError], object] | None = None,
) -> Run:
    """Detect in pictures side by side; a picture that cannot be read is a failure, and the others go on.

    Args:
        candidates: The pictures.
        detector: Finds objects.
        tones: In each of them every picture is looked at.
        indices: The detector's classes → those wanted, -1 for the others; None for all.
        workers: As in `mmdrfuse.pipeline.score.score_candidates`; None means one if the detector says so.
        progress: Shows the progress.
        on_failure: Called with each failure at once.
    """
    if indices is not None:
        detector = detector.only(frozenset(np.flatnonzero(indices >= 0).tolist()))
    if workers is None and not detector.parallel:
        workers = 1
    work = partial(detect_one, detector=detector, tones=tuple(tones), indices=indices)
    run = Run()
    with progress("detecting", len(candidates)) as advance:
        for candidate, result in map_candidates(work, candidates, workers=workers):
            if isinstance(result, MMDRFuseError):
                run.failures.append(result)
                if on_failure:
                    on_failure(result)
            else:
                run.methods.setdefault(candidate.method, {})[candidate.pair.name] = result
            advance(f"{candidate.method} {candidate.pair.name}")
    return run


def detect_one(
    candidate: Candidate, *, detector: Detector, tones: Sequence[Tone], indices: NDArray[np.int64] | None
) -> Found:
    """Read, and where needed fuse, one picture, and detect in it.

    Raises:
        MMDRFuseError: A file cannot be read, or the detector failed.
    """
    loaded = load_candidate(candidate)
    picture = eight_bits(loaded.fused, candidate)
    by_tone = {}
    for tone in tones:
        try:
            found = detector(three_channels(tone(picture)))
        except MMDRFuseError as error:
            raise error.at(candidate) from error
        by_tone[tone] = found if indices is None else found.renumbered(indices)
    return Found(picture.shape[1], picture.shape[0], by_tone, candidate, loaded.stored, loaded.window)


def eight_bits(image: NDArray[Any], name: object) -> NDArray[np.uint8]:
    """Return a picture with 8 bits, and without channels if it is grey.

    Raises:
        InputError: Its values mean nothing on a scale of 0 to 1.
    """
    try:
        levels: NDArray[np.uint8] = converted(image, np.uint8)
    except MMDRFuseError as error:
        raise error.at(name) from error
    return luminance(levels) if is_gray(levels) else levels


def three_channels(picture: NDArray[np.uint8]) -> Picture:
    """Return a picture with three channels, as detectors take it."""
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
