"""What is fused together."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Pair:
    """Two registered pictures of one scene."""

    name: str
    """What the two file names have in common; may hold a folder, with ``/``."""
    infrared: Path
    """The infrared side; in medicine the functional image (PET, SPECT) or CT."""
    visible: Path
    """The visible side; in medicine the MRI."""
