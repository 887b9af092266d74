"""How a network computes its forward: in which precision, and compiled or not."""

import torch
from torch import Tensor, nn

from mmdrfuse.errors import TrainingError
from mmdrfuse.models.student import Output


class MixedPrecision(nn.Module):
    """Compute a network's convolutions in bfloat16, on the accelerator's matrix units, and return its maps as float32.

    Weights, losses and scores stay float32: bfloat16 has 8 bits of precision, the range of float32, and needs no
    scaling of the loss.

    Args:
        network: From images to maps.
        device_type: Such as ``cuda``.

    References:
        Micikevicius et al.: "Mixed Precision Training", ICLR 2018, https://arxiv.org/abs/1710.03740.
    """

    def __init__(self, network: nn.Module, device_type: str) -> None:
        super().__init__()
        self.network = network
        self.device_type = device_type

    def forward(self, *images: Tensor, **options: int) -> tuple[Tensor, ...]:
        """Return the network's maps in float32."""
        with torch.autocast(self.device_type, dtype=torch.bfloat16):
            maps = self.network(*images, **options)
        in_float32 = tuple(one.float() for one in maps)
        return Output(*in_float32) if isinstance(maps, Output) else in_float32


def compile_network(network: nn.Module, shape: tuple[int, ...], device: torch.device) -> nn.Module:
    """Compile a network's forward with torch and run it once, so that a failure shows before the training.

    Args:
        network: A network of two images, on the device.
        shape: Shape of the batches, (B, h, w).
        device: Where the batches are.

    Raises:
        TrainingError: There is no compiler.
    """
    network.compile()
    batch, height, width = shape
    image = torch.zeros(batch, 1, height, width, device=device)
    try:
        network(image, image)
    except RuntimeError as error:  # the base class of all errors of the compiler
        reason = str(error).splitlines()[0]
        raise TrainingError(f"torch cannot compile the network here ({reason})", cure="compile") from error
    return network
