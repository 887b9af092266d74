"""What is asked of a fusion, once for pictures, huge TIFFs and videos."""

from dataclasses import dataclass, field
from pathlib import Path

from mmdrfuse.images import Levels
from mmdrfuse.models import Checkpoint
from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.pipeline.fuse.fuser import Fuser


@dataclass(frozen=True)
class Choices:
    """How all of a run is fused; it can be sent to processes.

    Each way through the program, of pictures, of blocks and of frames, honours every one of them, or refuses it with a
    `mmdrfuse.errors.ChoiceError`.
    """

    fuser: Fuser
    """Engine, range and colour."""
    checkpoint: Checkpoint
    """The weights, for the manifest."""
    infrared_range: Levels = field(default_factory=lambda: Levels.parse("auto"))
    """Which stored values of the infrared become 0 and 1; percentiles are of the whole set or sequence."""
    preparation: Preparation = field(default_factory=Preparation)
    """What is done to all sources alike; the infrared's range is found by ``infrared_range``."""
    suffix: str = ".png"
    """The pictures' format, as a file name ending."""
    quality: int | None = None
    """Of formats that lose some, 1 to 100; None for their default."""

    def target(self, pair: Pair, out: Path) -> Path:
        """Return the file that a pair's picture goes to, in the folder ``out``."""
        return out / (pair.output or f"{pair.name}{self.suffix}")
