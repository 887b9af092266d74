"""What the user chooses of a fusion: one object for pictures, huge TIFFs and videos.

The story begins here. The command line fills `Choices`; `folder.settle` and `video.settle_video` add what has to
be the same for a whole set; all later steps only read them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mmdrfuse.images import Levels
from mmdrfuse.models import Checkpoint
from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.pipeline.fuse.fuser import Fuser

if TYPE_CHECKING:
    from mmdrfuse.pipeline.fuse.automatic import Automatic


@dataclass(frozen=True)
class Choices:
    """How all of a run is fused; it can be sent to other processes.

    Pictures, blocks and frames all follow every choice, or refuse it with a `mmdrfuse.errors.ChoiceError`.
    """

    fuser: Fuser
    """The engine, with the output's range and colour."""
    checkpoint: Checkpoint
    """The weights, for the manifest."""
    infrared_range: Levels = field(default_factory=lambda: Levels.parse("auto"))
    """Which stored values of the infrared become 0 and 1; percentiles are taken over the whole set."""
    preparation: Preparation = field(default_factory=Preparation)
    """How the sources are prepared; settling adds the infrared range that ``infrared_range`` asks for."""
    pair_shift: bool = False
    """Whether each pair is moved after its rig's matrix by the shift that it shows; settling adds the shifts."""
    suffix: str = ".png"
    """The format of the pictures, as a file name ending."""
    quality: int | None = None
    """Of lossy formats, 1 to 100; None for their default."""
    automatic: "Automatic | None" = None
    """How the weights follow from the sources, where they are not chosen yet."""
    selection: str = ""
    """The weights that were chosen by what the sources show, and the numbers."""

    def target(self, pair: Pair, out: Path) -> Path:
        """Return the file that a pair's picture goes to, in the folder ``out``."""
        return out / (pair.output or f"{pair.name}{self.suffix}")
