"""A pair of pictures in one piece: one part."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse import images
from mmdrfuse.images import luminance
from mmdrfuse.images.header import peek
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse.fuser import Fuser, deeper, fuse_part, part_output
from mmdrfuse.pipeline.fuse.made import Made, Stored

_DEEPEST = {".png": np.uint16, ".tif": np.float32, ".tiff": np.float32}


@dataclass(frozen=True)
class Whole:
    """A pair in one part."""

    pair: Pair

    @property
    def name(self) -> str:
        """What to call it."""
        return self.pair.name

    def surely_eight_bit(self) -> bool:
        """Return whether the infrared file's header says that it holds 8 bits."""
        undecoded = peek(self.pair.infrared, side="infrared")
        return undecoded is not None and undecoded.dtype == np.uint8

    def infrared(self) -> Iterator[NDArray[Any]]:
        """Give the infrared's luminance as it is stored.

        Raises:
            InputError: It cannot be read.
        """
        yield luminance(self.pair.load_infrared().image)

    def outputs(self, fuser: Fuser) -> Iterator[NDArray[np.float32]]:
        """Give what the network makes of the prepared sides, before any range.

        Raises:
            InputError: A side cannot be read.
            SizeError: The sides' sizes differ.
        """
        infrared, visible = (picture.image for picture in self.pair.load())
        with self.pair.named():
            yield part_output(fuser, self.pair.preparation, infrared, visible)

    def fuse(self, fuser: Fuser, target: Path, *, quality: int | None = None, write: bool = True) -> Made:
        """Fuse the pair; the file appears when it is complete, or not at all.

        Args:
            fuser: How.
            target: The picture to write.
            quality: Of formats that lose some.
            write: False to do everything else, and to write nothing.

        Raises:
            InputError: A source cannot be read.
            SizeError: The sources' sizes differ.
            OutputError: The target cannot be written, or its format cannot hold the picture.
        """
        pictures = self.pair.load()
        infrared, visible = (picture.image for picture in pictures)
        dtype = storable(target.suffix, deeper(infrared.dtype, visible.dtype))
        with self.pair.named():
            fused = fuse_part(fuser, self.pair.preparation, infrared, visible, dtype=dtype)
        metadata = pictures[fused.side == "visible"].metadata
        if write:
            images.write(target, fused.image, quality=quality, metadata=metadata)
        else:
            images.encode(fused.image, target.suffix, quality=quality, metadata=metadata, name=str(target))
        height, width = fused.image.shape[:2]
        infrared_side, visible_side = (Stored.of(picture.image, picture.sha256) for picture in pictures)
        return Made(width, height, fused.limits, fused.image.ndim == 3, dtype, infrared_side, visible_side)


def storable(suffix: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Give the type closest to ``dtype`` that a format can hold: 16 bits in PNG and TIFF, floating point in TIFF."""
    deepest = np.dtype(_DEEPEST.get(suffix.lower(), np.uint8))
    return dtype if deeper(deepest, dtype) == deepest else deepest
