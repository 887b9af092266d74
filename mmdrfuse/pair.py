"""What is fused together, and how the two are brought onto one grid and scale first."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mmdrfuse.errors import InputError, SizeError, UnknownNameError
from mmdrfuse.images import Picture, load, stretch
from mmdrfuse.registration.geometry import SIZE_POLICIES, Size, common_size, cropped, one_size, resized, warped


@dataclass(frozen=True)
class Prepared:
    """Two sides as they are fused."""

    infrared: NDArray[Any]
    visible: NDArray[Any]


@dataclass(frozen=True, order=True)
class Preparation:
    """What is done to the sources before they are fused: whole pictures, blocks and frames alike.

    This is the one place for a further step. What it needs to know becomes a field, which the manifest then holds;
    `__call__` does it, `pointwise` says whether blocks can do it, `size` what becomes of the size.
    """

    size_policy: str = "error"
    """One of `mmdrfuse.registration.geometry.SIZE_POLICIES`."""
    transform: tuple[float, ...] = ()
    """A 3×3 matrix, row by row, that takes the infrared onto the visible; empty for none."""
    infrared_range: tuple[float, ...] = ()
    """The two stored values of the infrared that become 0 and 1; empty for those of its type."""
    page: int = 0
    """Which page or slice of files that hold several, from 1 on; 0 for none chosen."""

    def __post_init__(self) -> None:
        """Refuse what can never be done.

        Raises:
            UnknownNameError: No such size policy.
            InputError: A matrix, range or page that is none.
        """
        if self.size_policy not in SIZE_POLICIES:
            raise UnknownNameError("size policy", self.size_policy, SIZE_POLICIES)
        if len(self.transform) not in (0, 9):
            raise InputError(f"the transform has {len(self.transform)} numbers; a 3x3 matrix has nine")
        if len(self.infrared_range) not in (0, 2):
            raise InputError(f"the infrared's range has {len(self.infrared_range)} values; it needs two")
        if self.page < 0:
            raise InputError(f"there is no page {self.page}; pages count from 1")

    def __call__(self, infrared: NDArray[Any], visible: NDArray[Any]) -> Prepared:
        """Return both sides as they are to be fused: of one size, the infrared as float32 where it has a range.

        Raises:
            SizeError: The sizes differ, and nothing says what to do about it.
            InputError: The infrared cannot be put into its range.
        """
        if self.transform:
            infrared = warped(infrared, self.transform, *visible.shape[:2])
        infrared, visible = one_size(infrared, visible, self.size_policy)
        return Prepared(stretch(infrared, *self.infrared_range) if self.infrared_range else infrared, visible)

    @property
    def pointwise(self) -> bool:
        """Whether a pixel depends on no other, for sides of one size: blocks can be prepared by themselves."""
        return not self.transform

    def size(self, infrared: Size, visible: Size) -> Size:
        """Return the height and width of the prepared sides, from those of the stored ones.

        Raises:
            SizeError: The sizes differ, and nothing says what to do about it.
        """
        return visible if self.transform else common_size(infrared, visible, self.size_policy)

    def along(self, plane: NDArray[Any], size: Size) -> NDArray[Any]:
        """Return a further plane of the visible side, such as a video's chroma, where its luminance has gone.

        Args:
            plane: As stored.
            size: Height and width that it is to have.
        """
        if plane.shape == size:
            return plane
        return (cropped if self.size_policy == "crop-common" else resized)(plane, *size)

    def within(self, infrared_range: tuple[float, ...]) -> "Preparation":
        """Return the preparation with a range of the infrared."""
        return replace(self, infrared_range=infrared_range)


@dataclass(frozen=True, order=True)
class Pair:
    """Two pictures of one scene."""

    name: str
    """What the two file names have in common; may hold a folder, with ``/``."""
    infrared: Path
    """The infrared side; in medicine the functional image (PET, SPECT) or CT."""
    visible: Path
    """The visible side; in medicine the MRI."""
    preparation: Preparation = Preparation()
    output: str = field(default="", compare=False)
    """The fused picture's file, relative to its folder; empty for the name with the run's format."""

    def load(self) -> tuple[Picture, Picture]:
        """Read both sides as they are stored; a thermal camera's file that is both sides gives its photo as visible.

        Raises:
            InputError: A file cannot be read.
            MissingExtraError: It is of a kind that needs an optional package.
        """
        alone = self.infrared == self.visible
        page = self.preparation.page or None
        ranged = bool(self.preparation.infrared_range)
        return self.load_infrared(wide=ranged), load(self.visible, side="visible" if alone else None, page=page)

    def load_infrared(self, *, wide: bool = True) -> Picture:
        """Read the infrared side alone; of a thermal camera's file the temperatures.

        Args:
            wide: Whether values may come that mean nothing without a range, as in `mmdrfuse.images.load`.

        Raises:
            InputError: The file cannot be read.
            MissingExtraError: It is of a kind that needs an optional package.
        """
        return load(self.infrared, side="infrared", page=self.preparation.page or None, wide=wide)

    def prepared(self, infrared: NDArray[Any], visible: NDArray[Any]) -> Prepared:
        """Prepare what was read of the pair; what is wrong with it is said with the names of its files.

        Raises:
            SizeError: The sizes differ, and nothing says what to do about it.
            InputError: A source cannot be used.
        """
        with self.named():
            return self.preparation(infrared, visible)

    def sources(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Read both sides and prepare them: infrared and visible as they are to be fused.

        Raises:
            InputError: A file cannot be read, or used.
            SizeError: The sizes differ, and nothing says what to do about it.
            MissingExtraError: A file is of a kind that needs an optional package.
        """
        prepared = self.prepared(*(picture.image for picture in self.load()))
        return prepared.infrared, prepared.visible

    @contextmanager
    def named(self) -> Iterator[None]:
        """Say with the names of the files what is wrong with them."""
        try:
            yield
        except (InputError, SizeError) as error:
            raise error.at(f"{self.infrared} + {self.visible}") from error
