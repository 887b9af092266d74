"""The frozen networks whose features the perceptual losses compare, by name.

The choice is always explicit: if a backbone is not available, that is an error, and no other one replaces it.
"""

from pathlib import Path
from typing import Protocol, get_args

from torch import Tensor, nn

from mmdrfuse.errors import UnknownNameError
from mmdrfuse.losses.content import Maps
from mmdrfuse.recipes.recipe import Features

NAMES: tuple[Features, ...] = get_args(Features)

DEPTH = 5
"""Number of maps of a backbone, from shallow to deep."""


class Backbone(Protocol):
    """A frozen network that computes feature maps of gray images."""

    def __call__(self, image: Tensor, *, maps: int = DEPTH) -> Maps:
        """Return the first maps of a batch (N, 1, H, W) in [0, 1]."""
        ...


def backbone(name: str, *, file: Path | None = None) -> nn.Module:
    """Load a backbone on the CPU, frozen: ``eval()``, and no gradient for any weight.

    Args:
        name: One of `NAMES`.
        file: Its weights; None for those of the package (`efficientnet-lite0`) or torchvision's download
            (`vgg19`).

    Returns:
        A module with the interface of `Backbone`.

    Raises:
        UnknownNameError: There is no such backbone.
        MissingExtraError: `efficientnet-lite0` is not installed.
        WeightsError: The weights are not available or do not fit.
    """
    network: nn.Module
    if name == "vgg19":
        from mmdrfuse.losses.backbones.vgg19 import load as load_vgg19

        network = load_vgg19(file)
    elif name == "efficientnet-lite0":
        from mmdrfuse.losses.backbones.efficientnet import load as load_efficientnet

        network = load_efficientnet(file)
    elif name == "none":
        network = NoFeatures()
    else:
        raise UnknownNameError("features", name, NAMES)
    return network.eval().requires_grad_(False)


class NoFeatures(nn.Module):
    """A backbone without maps, so that the perceptual losses vanish."""

    def forward(self, image: Tensor, *, maps: int = DEPTH) -> Maps:
        """Return an empty tuple."""
        return ()
