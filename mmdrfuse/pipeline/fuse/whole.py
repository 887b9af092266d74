"""Fuse a pair of pictures in one piece: the plain case, in which a pair is one part.

`folder` takes a `WholePair` for every pair that is not huge or tiled; `blocks.BlockwisePair` does the others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse import images
from mmdrfuse.images import luminance
from mmdrfuse.images.header import peek
from mmdrfuse.pair import Pair, Prepared
from mmdrfuse.pipeline.fuse.fuser import Fuser, deeper, fuse_part, part_output
from mmdrfuse.pipeline.fuse.info import FusedInfo, SourceInfo

_DEEPEST = {".png": np.uint16, ".tif": np.float32, ".tiff": np.float32}


@dataclass(frozen=True)
class WholePair:
    """A pair that is fused in one piece."""

    pair: Pair

    @property
    def name(self) -> str:
        """Return the pair's name."""
        return self.pair.name

    def has_eight_bit_header(self) -> bool:
        """Return whether the infrared file's header says that it holds 8 bits."""
        header = peek(self.pair.infrared, side="infrared")
        return header is not None and header.dtype == np.uint8

    def infrared(self) -> Iterator[NDArray[Any]]:
        """Yield the infrared's luminance as it is stored.

        Raises:
            InputError: It cannot be read.
        """
        yield luminance(self.pair.load_infrared().image)

    def samples(self) -> Iterator[Prepared]:
        """Yield the prepared sides.

        Raises:
            InputError: A side cannot be read.
            SizeError: The sides' sizes differ.
        """
        infrared, visible = (picture.image for picture in self.pair.load(gray=True))
        yield self.pair.prepared(infrared, visible)

    def outputs(self, fuser: Fuser) -> Iterator[NDArray[np.float32]]:
        """Yield the network's output for the prepared sides, before any range.

        Raises:
            InputError: A side cannot be read.
            SizeError: The sides' sizes differ.
        """
        infrared, visible = (picture.image for picture in self.pair.load())
        with self.pair.named():
            yield part_output(fuser, self.pair.preparation, infrared, visible)

    def fuse(self, fuser: Fuser, target: Path, *, quality: int | None = None, write: bool = True) -> FusedInfo:
        """Fuse the pair; the file appears when it is complete, or not at all.

        Args:
            fuser: How.
            target: The picture to write.
            quality: Of lossy formats, 1 to 100; None for their default.
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
            # Encoding alone finds what a format cannot hold, such as a WebP of more than 16,383 pixels a side.
            images.encode(fused.image, target.suffix, quality=quality, metadata=metadata, name=str(target))

        height, width = fused.image.shape[:2]
        sources = [SourceInfo.of(picture.image, picture.sha256) for picture in pictures]
        return FusedInfo(width, height, fused.limits, fused.image.ndim == 3, dtype, *sources)


def storable(suffix: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type closest to ``dtype`` that a format can hold: 16 bits in PNG and TIFF, floating point in TIFF."""
    deepest = np.dtype(_DEEPEST.get(suffix.lower(), np.uint8))
    return dtype if deeper(deepest, dtype) == deepest else deepest
