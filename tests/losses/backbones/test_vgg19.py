"""VGG-19 with random weights of the released file's names and shapes."""

import sys
import urllib.error

import pytest
import torch
from torch.nn.functional import conv2d, max_pool2d, relu

from mmdrfuse.errors import WeightsError
from mmdrfuse.losses.backbones import vgg19

CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
"""Positions in torchvision's ``vgg19().features``."""


@pytest.fixture(scope="module")
def state():
    """A state dict such as torchvision's, with a classifier that must be ignored."""
    generator = torch.Generator().manual_seed(0)
    made, inputs = {"classifier.0.weight": torch.zeros(1)}, 3
    for place, outputs in zip(CONVOLUTIONS, vgg19.CHANNELS, strict=True):
        scale = (2 / (9 * inputs)) ** 0.5
        made[f"features.{place}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * scale
        made[f"features.{place}.bias"] = torch.randn(outputs, generator=generator) * 0.1
        inputs = outputs
    return made


@pytest.fixture(scope="module")
def file(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.save(state, path)
    return path


def by_definition(state, image):
    """The maps after the 2nd, 4th, 8th, 12th and 16th convolution."""
    x, maps = image.repeat(1, 3, 1, 1), []
    for number, place in enumerate(CONVOLUTIONS, start=1):
        x = relu(conv2d(x, state[f"features.{place}.weight"], state[f"features.{place}.bias"], padding=1))
        if number in (2, 4, 8, 12, 16):
            maps.append(x)
            x = max_pool2d(x, 2)
    return maps


def test_the_maps_are_those_of_the_published_slices(file, state):
    image = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    for ours, expected in zip(vgg19.load(file)(image), by_definition(state, image), strict=True):
        torch.testing.assert_close(ours, expected)


def test_fewer_maps_are_the_first_ones(file):
    network, image = vgg19.load(file), torch.rand(1, 1, 16, 16)
    first = network(image, maps=3)
    assert len(first) == 3
    assert all(torch.equal(a, b) for a, b in zip(first, network(image), strict=False))


def test_the_network_has_vgg19s_convolutions():
    assert sum(weight.numel() for weight in vgg19.VGG19().parameters()) == 20_024_384  # torchvision's `features`


def test_a_failed_download_is_an_error_with_a_cure(monkeypatch):
    def offline(*args, **options):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", offline)
    with pytest.raises(WeightsError, match="no route") as caught:
        vgg19.load()
    assert caught.value.cure == "features"


def test_a_download_is_checked_and_unpickles_nothing(monkeypatch, state, capsys):
    def download(url, **options):
        assert options["check_hash"]
        assert options["weights_only"]
        sys.stdout.write("Downloading")
        return state

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    assert vgg19.load().state_dict().keys() == state.keys() - {"classifier.0.weight"}
    assert capsys.readouterr() == ("", "Downloading")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "not a PyTorch state dict of plain tensors"),
        ({"features.0.weight": torch.zeros(1)}, "not torchvision's VGG-19 weights"),
        ({name: torch.zeros(1) for name in vgg19.VGG19().state_dict()}, "damaged .* size mismatch"),
    ],
)
def test_a_foreign_file_is_named(tmp_path, content, message):
    path = tmp_path / "foreign.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(WeightsError, match=f"foreign.pth: {message}"):
        vgg19.load(path)
