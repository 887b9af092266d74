"""The torch engine: the reference for exactness, and the engine for GPUs and for teachers."""

import torch

from mmdrfuse.engine import Plane
from mmdrfuse.errors import MMDRFuseError
from mmdrfuse.models import Checkpoint, build


class TorchEngine:
    """A checkpoint's torch module, ready to run on pictures.

    Args:
        checkpoint: The weights of any network.
        device: Where to run it.

    Raises:
        MMDRFuseError: The device does not exist here.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None:
        self.device = device
        try:
            self.network = build(checkpoint).to(device)
        except (RuntimeError, AssertionError) as error:  # torch without CUDA fails by an assertion
            reason = str(error).splitlines()[0]
            raise MMDRFuseError(f"device {device!r} cannot be used here ({reason})", cure="device") from error

    def __call__(self, infrared: Plane, visible: Plane) -> Plane:
        """Fuse two planes, each H×W float32 in [0, 1].

        Raises:
            SizeError: The sizes differ, or a side is shorter than 2.
        """
        sources = (torch.tensor(plane)[None, None].to(self.device) for plane in (infrared, visible))
        with torch.inference_mode():
            output: Plane = self.network(*sources).fused[0, 0].cpu().numpy()
        return output
