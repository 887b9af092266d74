"""Damaged checkpoints: they load, or one error names them."""

import contextlib
import io
import warnings

import numpy as np
import pytest
import safetensors.numpy
import torch
from mutations import TRIES, blamed, mutated

from mmdrfuse import models
from mmdrfuse.errors import WeightsError
from mmdrfuse.models.student import Student


def zipped(state, *, new=True):
    file = io.BytesIO()
    torch.save(state, file, _use_new_zipfile_serialization=new)
    return file.getvalue()


FORMS = {
    "safetensors": lambda state: safetensors.numpy.save(
        {name: tensor.numpy() for name, tensor in state.items()}, metadata={"card": '{"scores": {}}'}
    ),
    "zip": zipped,
    "legacy": lambda state: zipped(state, new=False),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_checkpoint_loads_or_is_named(tmp_path, form):
    content, path = FORMS[form](Student().state_dict()), tmp_path / "w.model"
    for seed in range(TRIES):
        path.write_bytes(mutated(content, seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of old forms
            with blamed(path):
                read = models.read(path)
                assert all(np.isfinite(array).all() for array in read.arrays.values())
                models.build(read)


@pytest.mark.parametrize("features", ["efficientnet", "vgg19"])
def test_damaged_features_are_named(tmp_path, features):
    from mmdrfuse.losses.backbones import efficientnet, vgg19

    path, content = tmp_path / "f.pth", zipped({"features.0.weight": torch.zeros(3), "_bn0.weight": torch.zeros(3)})
    for seed in range(TRIES // 4):
        path.write_bytes(mutated(content, seed))
        with contextlib.suppress(WeightsError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            {"efficientnet": efficientnet, "vgg19": vgg19}[features].load(path)
            pytest.fail("these are no such weights")
