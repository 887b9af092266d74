"""The pair of pictures that are fused, and its preparation: onto one grid of pixels, and one scale of values."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, SizeError, UnknownNameError
from mmdrfuse.images import Picture, Side, is_gray, load, stretch
from mmdrfuse.registration.geometry import SIZE_POLICIES, Size, common_size, cropped, one_size, resized, warped
from mmdrfuse.registration.placing import OUTSIDES, Placement, Window, placement
from mmdrfuse.registration.projective import translation
from mmdrfuse.registration.rig import Rig, matrix_for


@dataclass(frozen=True)
class Prepared:
    """Both sides, ready to be fused."""

    infrared: NDArray[Any]
    visible: NDArray[Any]
    coverage: NDArray[np.float32] | None = None
    """H×W, 0 to 1: how much of the fused picture is to be seen, the rest being the visible one; None for all of it."""


@dataclass(frozen=True, order=True)
class Preparation:
    """The steps between reading two sources and fusing them, the same for pictures, blocks and frames.

    This is the one place for a further step. Its settings become fields, which the manifest then records. `__call__`
    does the step, `pointwise` says whether it works on blocks, and `size` computes its effect on the size.
    """

    size_policy: str = "error"
    """One of `mmdrfuse.registration.geometry.SIZE_POLICIES`."""
    transform: tuple[float, ...] = ()
    """A 3×3 matrix, row by row, that maps the infrared onto the visible; empty for none."""
    infrared_range: tuple[float, ...] = ()
    """The two stored values of the infrared that become 0 and 1; empty for the limits of its type."""
    page: int = 0
    """The page or slice to read from files that hold several, from 1 on; 0 for none."""
    outside: str = "visible"
    """What becomes of the visible where a transformed infrared does not reach: one of
    `mmdrfuse.registration.placing.OUTSIDES`."""
    sizes: tuple[int, ...] = ()
    """Width and height of the infrared and of the visible that the transform is for; empty for any."""
    rig: str = field(default="", compare=False)
    """The rig file that the transform is from; empty for none."""
    rig_sha256: str = ""
    """SHA-256 of the rig file."""
    pair_shift: tuple[float, ...] = ()
    """Pixels to the right and down by which this pair is moved after the transform; empty if that was not asked for."""
    pair_shift_evidence: float = 0.0
    """How clearly the pair shows it, as in `mmdrfuse.registration.pair_shift`."""

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            UnknownNameError: There is no such size policy, or way outside.
            InputError: The matrix, its sizes, the shift, the range or the page is not valid.
        """
        if self.size_policy not in SIZE_POLICIES:
            raise UnknownNameError("size policy", self.size_policy, SIZE_POLICIES)
        if self.outside not in OUTSIDES:
            raise UnknownNameError("way outside", self.outside, OUTSIDES)
        if len(self.sizes) not in (0, 4) or min(self.sizes, default=1) < 1:
            raise InputError("a transform's sizes are width and height of the infrared and of the visible")
        for name, numbers, needed in (
            ("transform", self.transform, 9), ("pair's shift", self.pair_shift, 2), ("range", self.infrared_range, 2),
        ):  # fmt: skip
            if len(numbers) not in (0, needed):
                raise InputError(f"the {name} has {len(numbers)} numbers; it needs {needed}")
        if self.page < 0:
            raise InputError(f"there is no page {self.page}; pages count from 1")

    def __call__(self, infrared: NDArray[Any], visible: NDArray[Any]) -> Prepared:
        """Prepare both sides: one size, and the infrared as float32 in [0, 1] if it has a range.

        Raises:
            SizeError: The sizes differ, and the size policy is ``error``.
            InputError: The infrared has values that are NaN or infinite, and a range.
        """
        coverage = None
        if self.transform:
            infrared, visible, coverage = self._transformed(infrared, visible)
        infrared, visible = one_size(infrared, visible, self.size_policy)
        if self.infrared_range:
            infrared = stretch(infrared, *self.infrared_range)
        return Prepared(infrared, visible, coverage)

    @property
    def pointwise(self) -> bool:
        """Whether blocks of two sides of one size can be prepared alone, because no pixel depends on another."""
        return not self.transform

    def size(self, infrared: Size, visible: Size) -> Size:
        """Return the height and width of the prepared sides.

        Args:
            infrared: Height and width of the stored infrared.
            visible: Height and width of the stored visible side.

        Raises:
            SizeError: The sizes differ, and the size policy is ``error``.
        """
        if not self.transform:
            return common_size(infrared, visible, self.size_policy)
        window = self._window(infrared, visible)
        return (window[1] - window[0], window[3] - window[2]) if window else visible

    def mapping(self, side: Side, infrared: Size, visible: Size) -> NDArray[np.float64]:
        """Return where the pixels of a stored side are in the prepared sides, as a 3×3 matrix.

        Args:
            side: ``infrared`` or ``visible``.
            infrared: Height and width of the stored infrared.
            visible: Height and width of the stored visible side.

        Returns:
            It maps (x, y, 1), with (0, 0) at the centre of the upper left pixel.

        Raises:
            SizeError: The sizes differ, and the size policy is ``error``.
        """
        if self.transform:
            top, _, left, _ = self._window(infrared, visible) or (0, 0, 0, 0)
            cut = translation(-left, -top)
            return cut if side == "visible" else cut @ np.reshape(self.matrix(infrared, visible), (3, 3))
        stored = infrared if side == "infrared" else visible
        height, width = self.size(infrared, visible)
        if self.size_policy == "crop-common":
            return translation(-((stored[1] - width) // 2), -((stored[0] - height) // 2))
        scale = np.diag([width / stored[1], height / stored[0], 1])
        return translation(-0.5, -0.5) @ scale @ translation(0.5, 0.5)

    def along(self, plane: NDArray[Any], size: Size, infrared: Size, visible: Size) -> NDArray[Any]:
        """Crop or resize a further plane of the visible side, such as a video's chroma, as its luminance.

        Args:
            plane: The stored plane.
            size: Height and width of the result.
            infrared: Height and width of the stored infrared.
            visible: Height and width of the stored visible luminance.
        """
        if plane.shape == size:
            return plane
        window = self._window(infrared, visible) if self.transform else None
        if window:
            top = window[0] * plane.shape[0] // visible[0]
            left = window[2] * plane.shape[1] // visible[1]
            return plane[top : top + size[0], left : left + size[1]]
        if self.size_policy == "crop-common":
            return cropped(plane, *size)
        return resized(plane, *size)

    def within(self, infrared_range: tuple[float, ...]) -> "Preparation":
        """Return the same preparation with another range of the infrared."""
        return replace(self, infrared_range=infrared_range)

    def onto(self, rig: Rig) -> "Preparation":
        """Return the preparation with the matrix of a rig."""
        sizes = (*rig.infrared, *rig.visible)
        return replace(self, transform=rig.matrix, sizes=sizes, rig=rig.name, rig_sha256=rig.sha256)

    @classmethod
    def cropped_onto(cls, rig: "Rig | Path | None") -> "Preparation":
        """Return the preparation that cuts both sides to what the cameras of a rig see; None for no preparation.

        Raises:
            InputError: The file holds no rig.
        """
        return cls() if rig is None else cls(outside="crop").onto(Rig.of(rig))

    def matrix(self, infrared: Size, visible: Size) -> tuple[float, ...]:
        """Return the matrix from infrared to visible pixels for pictures of these sizes, with the pair's shift."""
        matrix = matrix_for(self.transform, self.sizes, (infrared[1], infrared[0], visible[1], visible[0]))
        return tuple((translation(*(self.pair_shift or (0, 0))) @ np.reshape(matrix, (3, 3))).ravel().tolist())

    def common(self, infrared: Size, visible: Size) -> Window | None:
        """Return the part of the prepared sides that both cameras see: top, bottom, left and right; None for all.

        Args:
            infrared: Height and width of the stored infrared.
            visible: Height and width of the stored visible.
        """
        if not self.transform or self.outside == "crop":
            return None
        place = self._placement(infrared, visible)
        return None if place.coverage is None else place.window

    def _transformed(
        self, infrared: NDArray[Any], visible: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float32] | None]:
        """Warp the infrared onto the visible; return both, and the coverage."""
        sizes = infrared.shape[:2], visible.shape[:2]
        place = self._placement(*sizes)
        if infrared.ndim == 3 and is_gray(infrared):
            infrared = infrared[..., 0]  # a third of the work
        infrared = warped(infrared, self.matrix(*sizes), *visible.shape[:2])
        window = self._window(*sizes)
        if window:
            top, bottom, left, right = window
            infrared, visible = (np.ascontiguousarray(side[top:bottom, left:right]) for side in (infrared, visible))
        return infrared, visible, place.coverage if self.outside == "visible" else None

    def _placement(self, infrared: Size, visible: Size) -> Placement:
        return placement(self.matrix(infrared, visible), tuple(infrared), tuple(visible))

    def _window(self, infrared: Size, visible: Size) -> Window | None:
        """Return what is cut out of the sides; None for nothing.

        Raises:
            SizeError: Too little is seen by both.
        """
        if self.outside != "crop":
            return None
        top, bottom, left, right = window = self._placement(infrared, visible).window
        if bottom - top < 2 or right - left < 2:
            raise SizeError("the two cameras see too little in common to cut it out; check the matrix and its sizes")
        return window


@dataclass(frozen=True, order=True)
class Pair:
    """Two pictures of one scene."""

    name: str
    """The common part of the two file names; it may contain a folder, with ``/``."""
    infrared: Path
    """File of the infrared side; in medicine the functional image (PET, SPECT) or CT."""
    visible: Path
    """File of the visible side; in medicine the MRI."""
    preparation: Preparation = Preparation()
    output: str = field(default="", compare=False)
    """File of the fused picture, relative to the output folder; empty for the name with the run's format."""

    def load(self, *, wide: bool = False, gray: bool = False) -> tuple[Picture, Picture]:
        """Read both sides as they are stored; if one thermal camera's file is both sides, its photo is the visible one.

        Args:
            wide: Whether infrared values may come that mean nothing without a range, even if there is none.
            gray: Whether the luminance is enough, as in `mmdrfuse.images.load`.

        Raises:
            InputError: A file cannot be read.
            MissingExtraError: A format needs an optional package.
        """
        has_range = bool(self.preparation.infrared_range)
        infrared = self.load_infrared(wide=wide or has_range, gray=gray)
        one_file = self.infrared == self.visible
        page = self.preparation.page or None
        return infrared, load(self.visible, side="visible" if one_file else None, page=page, gray=gray)

    def load_infrared(self, *, wide: bool = True, gray: bool = False) -> Picture:
        """Read only the infrared side; from a thermal camera's file the temperatures.

        Args:
            wide: Whether to return values that mean nothing without a range, as in `mmdrfuse.images.load`.
            gray: Whether the luminance is enough, as in `mmdrfuse.images.load`.

        Raises:
            InputError: The file cannot be read.
            MissingExtraError: A format needs an optional package.
        """
        return load(self.infrared, side="infrared", page=self.preparation.page or None, wide=wide, gray=gray)

    def prepared(self, infrared: NDArray[Any], visible: NDArray[Any]) -> Prepared:
        """Prepare the sides that were read; errors name the pair's files.

        Raises:
            SizeError: The sizes differ, and the size policy is ``error``.
            InputError: The infrared has values that are NaN or infinite, and a range.
        """
        with self.named():
            return self.preparation(infrared, visible)

    def sources(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Read and prepare both sides: return infrared and visible, ready to be fused.

        Raises:
            InputError: A file cannot be read, or its values cannot be used.
            SizeError: The sizes differ, and the size policy is ``error``.
            MissingExtraError: A format needs an optional package.
        """
        infrared, visible = self.load()
        prepared = self.prepared(infrared.image, visible.image)
        return prepared.infrared, prepared.visible

    @contextmanager
    def named(self) -> Iterator[None]:
        """Put the names of the files before the message of an error in the block."""
        try:
            yield
        except (InputError, SizeError) as error:
            raise error.at(f"{self.infrared} + {self.visible}") from error
