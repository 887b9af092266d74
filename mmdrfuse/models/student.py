"""The student: two convolutions, 113 parameters, a receptive field of 5×5.

Deng, Xu, Cheng, Wu, Kittler: "MMDRFuse: Distilled Mini-Model with Dynamic Refresh for Multi-Modality
Image Fusion", ACM Multimedia 2024, https://arxiv.org/abs/2408.15641.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from mmdrfuse.errors import SizeError

CHANNELS = 4
"""Channels of the hidden map, and of the teacher's feature map that it is trained to match."""


class Output(NamedTuple):
    """The output of either network: the picture, and the feature map before its last convolution."""

    fused: Tensor
    """(N, 1, H, W), in (-1, 1): the tanh of the last convolution."""
    feature: Tensor
    """(N, 4, H, W), non-negative: Φ in the paper."""


class Student(nn.Module):
    """Fuse two single-channel images with 113 parameters (76 + 37).

    References:
        MMDRFuse, section 3 (Deng et al. 2024).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(2, CHANNELS, 3, padding=1, padding_mode="reflect")
        self.conv2 = nn.Conv2d(CHANNELS, 1, 3, padding=1, padding_mode="reflect")

    def forward(self, infrared: Tensor, visible: Tensor) -> Output:
        """Fuse a batch.

        Args:
            infrared: (N, 1, H, W) in [0, 1], H and W at least 2.
            visible: The same shape and range.

        Returns:
            The fused batch of the same size, and the hidden map.

        Raises:
            SizeError: The shapes differ, or a side is shorter than 2.
        """
        check_sizes(infrared, visible)
        feature = relu(self.conv1(torch.cat([infrared, visible], dim=1)))
        return Output(torch.tanh(self.conv2(feature)), feature)


def check_sizes(infrared: Tensor, visible: Tensor) -> None:
    """Check the sizes of a batch for either network.

    Raises:
        SizeError: The shapes differ, or a side is shorter than 2 pixels (what reflection needs).
    """
    if infrared.shape != visible.shape:
        raise SizeError(
            f"infrared is {tuple(infrared.shape)} and visible {tuple(visible.shape)}: both must be (N, 1, H, W) alike"
        )
    if min(infrared.shape[-2:]) < 2:
        height, width = infrared.shape[-2:]
        raise SizeError(f"images of {width}x{height} pixels are too small: both sides must be at least 2")
