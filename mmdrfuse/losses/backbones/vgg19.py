"""VGG-19's convolutions with torchvision's ImageNet weights: the published perceptual features.

Simonyan, Zisserman: "Very deep convolutional networks for large-scale image recognition", ICLR 2015,
https://arxiv.org/abs/1409.1556. The layers have the names of torchvision's state dict (``features.N``), so
that its file loads without changes and without torchvision.
"""

import contextlib
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from mmdrfuse.errors import WeightsError, reading
from mmdrfuse.models.tensors import torch_tensors

URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
"""torchvision's ImageNet weights, the first version; the name ends in the start of its SHA-256."""

CHANNELS = (64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512, 512, 512, 512)
"""Outputs of the sixteen 3×3 convolutions (configuration E of the paper)."""

POOLED = (2, 4, 8, 12)
"""Numbers of the convolutions that a 2×2 maximum follows."""

ENDS = (4, 9, 18, 27, 36)
"""Layers before each map: it follows the 2nd, 4th, 8th, 12th and 16th convolution with its ReLU."""


def load(file: Path | None = None) -> "VGG19":
    """Build the network from torchvision's file.

    Args:
        file: A local ``vgg19-dcbb9e9d.pth``; None for torch's download folder, to which the file is downloaded if
            it is missing.

    Raises:
        WeightsError: The file is not available, or is not torchvision's VGG-19.
    """
    state = _download() if file is None else torch_tensors(file, file)
    network = VGG19()
    with reading(
        file or URL, "file of torchvision's VGG-19 weights", error=WeightsError, cure="give the released ones"
    ):
        missing = network.state_dict().keys() - state.keys()
        if missing:
            raise WeightsError(f"{file or URL}: not torchvision's VGG-19 weights ({min(missing)} is missing)")
        network.load_state_dict({name: state[name] for name in network.state_dict()})
        if not all(values.isfinite().all() for values in network.parameters()):
            raise WeightsError(f"{file or URL}: not torchvision's VGG-19 weights: some are no numbers")
    return network


class VGG19(nn.Module):
    """Five maps of a gray image, repeated to three channels.

    The input is not normalised, since the published training does not apply ImageNet's mean and deviation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential()
        inputs = 3
        for number, outputs in enumerate(CHANNELS, start=1):
            self.features.append(nn.Conv2d(inputs, outputs, 3, padding=1)).append(nn.ReLU())
            if number in POOLED:
                self.features.append(nn.MaxPool2d(2))
            inputs = outputs

    def forward(self, image: Tensor, *, maps: int = len(ENDS)) -> tuple[Tensor, ...]:
        """Return the first maps of a batch (N, 1, H, W) in [0, 1]."""
        features: list[Tensor] = []
        x = image.expand(-1, 3, -1, -1)
        for start, end in zip((0, *ENDS), ENDS[:maps], strict=False):
            x = self.features[start:end](x)
            features.append(x)
        return tuple(features)


def _download() -> dict[str, Tensor]:
    try:
        with contextlib.redirect_stdout(sys.stderr):  # torch.hub prints what it loads
            state: dict[str, Tensor] = torch.hub.load_state_dict_from_url(
                URL, map_location="cpu", check_hash=True, weights_only=True, progress=False
            )
    except Exception as error:  # of the network, of the disk, or of an incomplete file in torch's folder
        reason = " ".join(str(error).split())
        raise WeightsError(
            f"VGG-19's weights could not be downloaded from {URL} ({reason})", cure="features"
        ) from error
    return state
