"""Folders in the layout of the Hugging Face hub."""

import numpy as np
import pytest
import torch
import yaml

from mmdrfuse import models
from mmdrfuse.errors import OutputError, WeightsError
from mmdrfuse.models import from_pretrained, save_pretrained
from mmdrfuse.models.pretrained import model_card


def front_matter(text):
    _, matter, body = text.split("---\n", 2)
    return yaml.safe_load(matter), body


def test_a_folder_comes_back_with_its_card(tmp_path):
    scenes = models.read("scenes")
    save_pretrained(tmp_path / "mine", scenes)
    again = models.read(tmp_path / "mine")
    assert (again.card, again.name) == (scenes.card, "mine")
    for name, value in from_pretrained(tmp_path / "mine").state_dict().items():
        assert torch.equal(value, torch.from_numpy(scenes.arrays[name]))
    with pytest.raises(OutputError, match=r"README\.md: exists already"):
        save_pretrained(tmp_path / "mine", scenes)
    with pytest.raises(OutputError, match=r"model\.safetensors is no folder"):
        save_pretrained(tmp_path / "mine" / "model.safetensors", scenes)
    save_pretrained(tmp_path / "mine", models.read("day"), overwrite=True)
    assert models.read(tmp_path / "mine").card["light"] == "day"


def test_the_readme_names_licence_data_and_metrics():
    matter, body = front_matter(model_card(models.read("scenes")))
    assert matter["license"] == "other"
    assert (matter["library_name"], matter["pipeline_tag"]) == ("mmdrfuse", "image-to-image")
    assert matter["datasets"] == ["llvip", "msrs", "roadscene", "tno"]
    assert "VIF" in matter["metrics"]
    assert "non-commercial use only" in body


def test_no_licence_is_invented():
    assert front_matter(model_card(models.read("clean")))[0]["license"] == "mit"
    arrays = models.read("clean").arrays
    for card in ({}, {"licences": "no table", "scores": [1, {"a": 2}]}, {"scores": {"a": {"cddfuse": 3}}, "title": 7}):
        assert "license" not in front_matter(model_card(models.Checkpoint("w", "student", arrays, card, "")))[0]


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"is a folder without model\.safetensors"):
        models.read(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(np.zeros(9).tobytes())
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        from_pretrained(tmp_path)
