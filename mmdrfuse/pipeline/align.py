"""From files to the matrix of two cameras: pairs drawn over a set or a recording, the estimate, and its check."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, MMDRFuseError, SizeError
from mmdrfuse.images import luminance
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.video import VideoPair
from mmdrfuse.registration.estimation import estimate, measure
from mmdrfuse.registration.points import distances, fit_points, read_points
from mmdrfuse.registration.poses import ROTATION, VIEW
from mmdrfuse.registration.projective import view_of
from mmdrfuse.registration.residuals import drift, lengths
from mmdrfuse.registration.result import Method, Model, Registration, disagreeing
from mmdrfuse.registration.rig import Rig

PAIRS = 20
"""Pairs of a set that are looked at by default."""


@dataclass(frozen=True)
class Sample:
    """The luminance of one pair of pictures.

    Args:
        name: What to call it.
        infrared: H×W, as stored.
        visible: The same; it may have another size.
    """

    name: str
    infrared: NDArray[Any]
    visible: NDArray[Any]


@dataclass(frozen=True)
class Search:
    """What is searched; see `mmdrfuse.registration.estimate`."""

    model: Model | Literal["auto"] = "auto"
    view: tuple[float, float] = VIEW
    rotation: float = ROTATION
    method: Method | Literal["auto"] = "auto"


@dataclass(frozen=True)
class Check:
    """How well a rig's matrix fits a recording.

    Args:
        residuals: Of each pair, visible pixels; None where it does not show any.
        drift: Distance between the recording's first and last third, visible pixels; None where unclear.
        disagreeing: Which pairs are off by more than 2 % of the visible's width.
    """

    residuals: tuple[float | None, ...]
    drift: float | None
    disagreeing: tuple[int, ...]


@dataclass(frozen=True)
class PointFit:
    """A rig that was fitted to points.

    Args:
        rig: With its matrix.
        model: What the matrix may do.
        view: Width of the infrared's view as a share of the visible's.
        distances: How far each point is from where the matrix takes it, visible pixels.
    """

    rig: Rig
    model: Model
    view: float
    distances: NDArray[np.float64]

    def record(self) -> dict[str, Any]:
        """Return what a rig file says about it."""
        median = round(float(np.median(self.distances)), 3)
        error = {"points": len(self.distances), "median": median, "unit": "visible pixels"}
        return {"model": self.model, "view": round(self.view, 4), "error": error}


def drawn(count: int, wanted: int, seed: int = 0) -> list[int]:
    """Return which of ``count`` things are looked at: ``wanted`` drawn evenly, others for other seeds."""
    if count <= wanted:
        return list(range(count))
    offset = 0.5 if seed == 0 else float(np.random.default_rng(seed).random())
    return [int((index + offset) * count / wanted) for index in range(wanted)]


def samples_of_pairs(
    pairs: Sequence[Pair], *, on_failure: Callable[[MMDRFuseError], None], wide: bool = True
) -> Iterator[Sample]:
    """Read pairs of pictures; what cannot be read is a failure, and the rest goes on.

    Args:
        pairs: What to read.
        on_failure: Called with each failure.
        wide: As for `Pair.load`.
    """
    for pair in pairs:
        try:
            infrared, visible = (luminance(picture.image) for picture in pair.load(wide=wide))
            for path, picture in ((pair.infrared, infrared), (pair.visible, visible)):
                if not np.isfinite(picture).all():
                    raise InputError(f"{path}: holds values that are not numbers; replace them first")
        except MMDRFuseError as error:
            on_failure(error)
        else:
            yield Sample(pair.name, infrared, visible)


def samples_of_videos(infrared: Path, visible: Path, wanted: int, seed: int = 0) -> list[Sample]:
    """Draw frames over the whole of two videos; see `samples_of_frames`."""
    from mmdrfuse.images.video.files import VideoSource

    return samples_of_frames(VideoPair(VideoSource(infrared), VideoSource(visible)), wanted, seed)


def samples_of_frames(videos: VideoPair, wanted: int, seed: int = 0) -> list[Sample]:
    """Draw frames over the whole of two sequences, in one pass.

    Every frame is held at first, and every second one let go whenever there are too many: nobody needs the length.

    Args:
        videos: The two sequences.
        wanted: How many frames, at most.
        seed: Others draw other frames.

    Raises:
        InputError: A side cannot be read, or no frames belong together.
    """
    held: list[Sample] = []
    step = 1
    for number, (frame, (infrared, visible)) in enumerate(videos.frames()):
        if number % step:
            continue
        held.append(Sample(f"frame {number} ({float(frame.time):.2f} s)", infrared, visible))
        if len(held) >= 4 * wanted:
            held = held[::2]
            step *= 2
    if not held:
        raise InputError(f"{videos.name}: no frames of both sides belong together in time")
    return [held[index] for index in drawn(len(held), wanted, seed)]


def refuse_mixed_sizes(samples: Sequence[Sample]) -> None:
    """Refuse samples of different sizes: one rig has one size a camera.

    Raises:
        SizeError: The names and both sizes.
    """
    for sample in samples[1:]:
        for side in ("infrared", "visible"):
            first, other = getattr(samples[0], side).shape, getattr(sample, side).shape
            if first != other:
                raise SizeError(
                    f"{side} of {samples[0].name} is {first[1]}x{first[0]} and of {sample.name} {other[1]}x{other[0]} "
                    "pixels: one rig has one size a camera",
                    cure="each",
                )


def align(samples: Sequence[Sample], search: Search | None = None) -> Registration:
    """Find the matrix of two cameras.

    Args:
        samples: Of one rig, and one size a side.
        search: What is searched.

    Raises:
        InputError: There is nothing to align.
        SizeError: The samples have different sizes.
    """
    if not samples:
        raise InputError("no pair could be read: there is nothing to align")
    refuse_mixed_sizes(samples)
    search = search or Search()
    return estimate(
        [sample.infrared for sample in samples],
        [sample.visible for sample in samples],
        model=search.model,
        view=search.view,
        rotation=search.rotation,
        method=search.method,
    )


def align_points(path: Path, sample: Sample, model: Model | None = None) -> PointFit:
    """Fit the matrix of two cameras to points that were marked by hand.

    Args:
        path: A table, as `mmdrfuse.registration.points.read_points` reads it.
        sample: A pair of pictures of the two cameras, for their sizes.
        model: What the matrix may do; None for what the points determine.

    Raises:
        InputError: The table cannot be read, or its points determine no matrix.
    """
    infrared, visible = read_points(path)
    try:
        matrix, fitted = fit_points(infrared, visible, model)
    except InputError as error:
        raise error.at(path) from error
    shapes = sample.infrared.shape, sample.visible.shape
    moving, fixed = ((shape[1], shape[0]) for shape in shapes)
    rig = Rig(tuple(matrix.ravel().tolist()), moving, fixed, str(path))
    return PointFit(rig, fitted, view_of(matrix, *shapes), distances(matrix, infrared, visible))


def check(samples: Sequence[Sample], rig: Rig) -> Check:
    """Measure how well a rig's matrix fits a recording.

    Args:
        samples: Of one size a side, in the order of time.
        rig: With its matrix.

    Raises:
        InputError: There is nothing to check.
        SizeError: The samples have different sizes, or another aspect than the rig.
    """
    if not samples:
        raise InputError("no pair could be read: there is nothing to check")
    refuse_mixed_sizes(samples)
    sizes = [(side.shape[1], side.shape[0]) for side in (samples[0].infrared, samples[0].visible)]
    matrix = np.reshape(rig.matrix_for(*sizes), (3, 3))
    shown = measure([sample.infrared for sample in samples], [sample.visible for sample in samples], matrix)
    residuals = lengths(shown)
    return Check(residuals, drift(shown), disagreeing(residuals, sizes[1][0]))


def median_pair(residuals: Sequence[float | None]) -> int:
    """Return which pair has the median residual; the middle one where none shows any."""
    clear = sorted((pixels, index) for index, pixels in enumerate(residuals) if pixels is not None)
    return clear[(len(clear) - 1) // 2][1] if clear else (len(residuals) - 1) // 2
