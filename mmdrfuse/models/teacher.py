"""The teacher: an encoder and decoder with dense skips, 556,489 parameters.

Its last two stages have the student's shape on purpose: the student is trained to match the four-channel feature map
before the last convolution ("digestible" distillation).

Deng, Xu, Cheng, Wu, Kittler: "MMDRFuse: Distilled Mini-Model with Dynamic Refresh for Multi-Modality
Image Fusion", ACM Multimedia 2024, https://arxiv.org/abs/2408.15641.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, relu

from mmdrfuse.models.student import CHANNELS, Output, check_sizes


class Teacher(nn.Module):
    """Fuse two single-channel images at two scales.

    Odd sides cannot be halved. They are extended by the last row or column, and the result is cropped.

    References:
        MMDRFuse, section 3 (Deng et al. 2024).
    """

    def __init__(self) -> None:
        super().__init__()
        self.e1 = _conv(2, 32)
        self.e2 = _conv(32, 32)
        self.e3 = _conv(64, 64, stride=2)
        self.e4 = _conv(64, 64)
        self.e5 = _conv(128, 64)
        self.e6 = _conv(192, 64)
        self.d6 = _conv(64, 64)
        self.d5 = _conv(128, 64)
        self.d4 = _conv(128, 64)
        self.d3 = _conv(128, 64)
        self.d2 = _conv(96, 32)
        self.d1 = _conv(64, CHANNELS)
        self.d0 = _conv(CHANNELS, 1)

    def forward(self, infrared: Tensor, visible: Tensor) -> Output:
        """Fuse a batch.

        Args:
            infrared: (N, 1, H, W) in [0, 1], H and W at least 2.
            visible: The same shape and range.

        Returns:
            The fused batch of the same size, and the feature map before the last convolution.

        Raises:
            SizeError: The shapes differ, or a side is shorter than 2.
        """
        check_sizes(infrared, visible)
        height, width = infrared.shape[-2:]
        sources = _extend(torch.cat([infrared, visible], dim=1))

        e1 = relu(self.e1(sources))
        e2 = relu(self.e2(e1))
        e3 = relu(self.e3(_cat(e1, e2)))  # half the size from here
        e4 = relu(self.e4(e3))
        e5 = relu(self.e5(_cat(e3, e4)))
        e6 = relu(self.e6(_cat(e3, e4, e5)))

        d6 = relu(self.d6(e6))
        d5 = relu(self.d5(_cat(e5, d6)))
        d4 = relu(self.d4(_cat(e4, d5)))
        d3 = relu(self.d3(_cat(e3, d4)))
        up = interpolate(d3, scale_factor=2, mode="bicubic")
        d2 = relu(self.d2(_cat(e2, up)))
        d1 = relu(self.d1(_cat(e1, d2)))
        fused = torch.tanh(self.d0(d1))
        return Output(fused[..., :height, :width], d1[..., :height, :width])


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, padding_mode="reflect")


def _cat(*maps: Tensor) -> Tensor:
    return torch.cat(maps, dim=1)


def _extend(sources: Tensor) -> Tensor:
    """Repeat the last row and column until both sides are even, and at least 4: half of that can be reflected."""
    height, width = sources.shape[-2:]
    right = max(4, width + width % 2) - width
    below = max(4, height + height % 2) - height
    if not right and not below:
        return sources
    return pad(sources, (0, right, 0, below), mode="replicate")
