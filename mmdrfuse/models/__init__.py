"""The two networks and their checkpoints.

`checkpoints` reads and writes plain arrays without torch, and `pretrained` folders for the Hugging Face hub. `student`
and `teacher` hold the torch modules, which `load` builds.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from mmdrfuse.models.checkpoints import Checkpoint, names, read, safetensors_bytes, write
from mmdrfuse.models.pretrained import from_pretrained, save_pretrained

if TYPE_CHECKING:
    from mmdrfuse.models.student import Student
    from mmdrfuse.models.teacher import Teacher

__all__ = [
    "Checkpoint",
    "build",
    "from_pretrained",
    "load",
    "names",
    "read",
    "safetensors_bytes",
    "save_pretrained",
    "write",
]


def load(name_or_path: str | Path) -> "Student | Teacher":
    """Load a network as a torch module, ready for inference (``eval()``, CPU, float32).

    Args:
        name_or_path: A shipped name such as ``"ivif"``, a ``.safetensors`` file, a state dict that the paper's authors
            released, or a folder with ``model.safetensors``.

    Raises:
        UnknownNameError: It is neither a shipped name nor an existing file.
        WeightsError: The file is no checkpoint of the student or teacher.
    """
    return build(read(name_or_path))


def build(checkpoint: Checkpoint) -> "Student | Teacher":
    """Build the torch module that a checkpoint describes, in ``eval()`` mode."""
    import torch

    from mmdrfuse.models.student import Student
    from mmdrfuse.models.teacher import Teacher

    network = Student() if checkpoint.network == "student" else Teacher()
    network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in checkpoint.arrays.items()})
    return network.eval()
