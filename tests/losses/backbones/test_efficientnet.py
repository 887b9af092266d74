"""EfficientNet-Lite0 against the same network with its normalisations left unfolded."""

import numpy as np
import pytest
import torch
from torch.nn.functional import batch_norm, conv2d, pad, relu6

from mmdrfuse.errors import WeightsError
from mmdrfuse.losses.backbones import efficientnet


@pytest.fixture(scope="module")
def state():
    pytest.importorskip(efficientnet.PACKAGE)
    return torch.load(efficientnet._installed(), weights_only=True)


@pytest.fixture(scope="module")
def network(state):
    return efficientnet.EfficientNetLite0(state).eval()


def by_definition(state, image):
    """Compute the maps from the names in the file, and the distances of means from the stored ones."""
    deviations = []

    def layer(x, conv, norm, stride=1):
        weight = state[f"{conv}.weight"]
        kernel, groups = weight.shape[-1], len(weight) if weight.shape[1] == 1 else 1
        amounts = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:]]
        (top, left), (below, right) = [a // 2 for a in amounts], [a - a // 2 for a in amounts]
        x = conv2d(pad(x, (left, right, top, below)), weight, stride=stride, groups=groups)
        mean, var = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        alive = var > 1e-3
        deviations.append(((x.mean(dim=(0, 2, 3)) - mean)[alive] / var[alive].sqrt()).abs().mean().item())
        return batch_norm(x, mean, var, state[f"{norm}.weight"], state[f"{norm}.bias"], eps=1e-3)

    x = relu6(layer(image, "_conv_stem", "_bn0", stride=2))
    maps = [x]
    for number in range(12):
        name, stride = f"_blocks.{number}.", 2 if number in (1, 3, 5, 11) else 1
        wide = relu6(layer(x, f"{name}_expand_conv", f"{name}_bn0")) if number else x
        maps += [wide] if stride == 2 else []
        out = relu6(layer(wide, f"{name}_depthwise_conv", f"{name}_bn1", stride))
        out = layer(out, f"{name}_project_conv", f"{name}_bn2")
        x = x + out if x.shape == out.shape else out
    return maps, float(np.mean(deviations))


@pytest.mark.parametrize("size", [(32, 32), (33, 47)])
def test_folding_and_padding_change_nothing(network, state, size):
    image = torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0))
    expected, _ = by_definition(state, ((image * 255 - 127) / 128).repeat(1, 3, 1, 1))
    for ours, theirs in zip(network(image), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_the_maps_go_from_shallow_to_deep(network):
    shapes = [tuple(maps.shape[1:]) for maps in network(torch.zeros(1, 1, 64, 64))]
    assert shapes == [(32, 32, 32), (96, 32, 32), (144, 16, 16), (240, 8, 8), (672, 4, 4)]


@pytest.mark.parametrize("count", [1, 3])
def test_fewer_maps_are_the_first_ones(network, count):
    image = torch.rand(1, 1, 32, 32)
    first = network(image, maps=count)
    assert len(first) == count
    assert all(torch.equal(a, b) for a, b in zip(first, network(image), strict=False))


def test_the_range_of_inputs_is_the_one_the_stored_statistics_fit(state):
    """On colour photographs; ImageNet's normalisation and the plain 0–255 scale fit worse."""
    from skimage import data

    photos = [
        torch.from_numpy(photo[:256, :256].copy()).permute(2, 0, 1).float() for photo in (data.coffee(), data.chelsea())
    ]
    batch = torch.stack(photos)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    imagenet = (batch / 255 - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    ours, others = by_definition(state, (batch - 127) / 128)[1], [by_definition(state, x)[1] for x in (imagenet, batch)]
    assert ours < min(others)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"no archive", "not a PyTorch state dict of plain tensors"), ({"a": torch.zeros(1)}, "not EfficientNet-Lite0's")],
)
def test_a_foreign_file_is_named(tmp_path, content, message):
    path = tmp_path / "foreign.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(WeightsError, match=f"foreign.pth: {message}"):
        efficientnet.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values * torch.nan,
        lambda values: values[:, :, :1, :1].repeat(1, 1, 9, 9)[:16],  # fits nothing that follows
    ],
)
def test_weights_with_other_maps_are_named(tmp_path, state, change):
    torch.save({**state, "_conv_stem.weight": change(state["_conv_stem.weight"])}, tmp_path / "odd.pth")
    with pytest.raises(WeightsError, match=r"odd\.pth: "):
        efficientnet.load(tmp_path / "odd.pth")


def test_weights_of_half_precision_have_the_same_maps(tmp_path, state):
    halved = {name: values.bfloat16() for name, values in state.items() if values.is_floating_point()}
    torch.save(halved, tmp_path / "half.pth")
    image = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = efficientnet.EfficientNetLite0({name: values.float() for name, values in halved.items()})(image)
    for ours, theirs in zip(efficientnet.load(tmp_path / "half.pth")(image), expected, strict=True):
        assert torch.equal(ours, theirs)
