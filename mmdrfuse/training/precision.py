"""How a network's forward is done: in which precision, and compiled or not."""

import torch
from torch import Tensor, nn

from mmdrfuse.errors import TrainingError
from mmdrfuse.models.student import Output


class Mixed(nn.Module):
    """Do a network's convolutions in bfloat16, on the accelerator's matrix units, and give its maps as float32.

    Weights, losses and scores stay float32: bfloat16 has 8 bits of precision, the range of float32, and needs no
    scaling of the loss.

    Args:
        network: From images to maps.
        kind: Of the device, such as ``cuda``.

    References:
        Micikevicius et al.: "Mixed Precision Training", ICLR 2018, https://arxiv.org/abs/1710.03740.
    """

    def __init__(self, network: nn.Module, kind: str) -> None:
        super().__init__()
        self.network, self.kind = network, kind

    def forward(self, *images: Tensor, **options: int) -> tuple[Tensor, ...]:
        """Give what the network gives, in float32."""
        with torch.autocast(self.kind, dtype=torch.bfloat16):
            maps = self.network(*images, **options)
        floats = tuple(one.float() for one in maps)
        return Output(*floats) if isinstance(maps, Output) else floats


def compiled(network: nn.Module, shape: tuple[int, ...], device: torch.device) -> nn.Module:
    """Let torch compile a network's forward, and find out at once whether it can.

    Args:
        network: On the device; it takes two images.
        shape: Of the batches to come, (B, h, w).
        device: Where they are.

    Raises:
        TrainingError: There is no compiler.
    """
    network.compile()
    batch, height, width = shape
    image = torch.zeros(batch, 1, height, width, device=device)
    try:
        network(image, image)
    except RuntimeError as error:  # all of the compiler's errors are
        reason = str(error).splitlines()[0]
        raise TrainingError(f"torch cannot compile the network here ({reason})", cure="compile") from error
    return network
