"""Public functions take the name of a file or folder as text, too."""

import numpy as np
import pytest

from mmdrfuse import datasets, detection, images, models, reports
from mmdrfuse.datasets import labels
from mmdrfuse.errors import InputError
from mmdrfuse.pipeline.score import evaluate_folders


@pytest.fixture
def folder(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(np.uint8)
    for side, picture in zip(("ir", "vi", "fused"), values, strict=True):
        images.write(f"{tmp_path}/{side}/a.png", picture)
    return tmp_path


def test_pictures_are_read_by_a_text(folder):
    assert images.read(f"{folder}/ir/a.png").shape == images.load(f"{folder}/ir/a.png").image.shape == (32, 32)
    with pytest.raises(InputError, match=r"none\.png: no such file"):
        images.read(f"{folder}/none.png")


def test_folders_are_paired_and_scored_by_texts_and_one_folder_needs_no_list(folder):
    pairs = datasets.pair_folders(f"{folder}/ir", f"{folder}/vi").pairs
    assert [pair.name for pair in datasets.find_pairs(str(folder))[1].pairs] == ["a"]
    for given in (f"{folder}/fused", [f"{folder}/fused"], {"fused": f"{folder}/fused"}, folder / "fused"):
        evaluation = evaluate_folders(given, pairs, metrics=["SD"])
        assert list(evaluation.scores.methods) == ["fused"]
    assert reports.write_report(evaluation, f"{folder}/r.html").path == folder / "r.html"


@pytest.mark.parametrize("read", [labels.read, detection.read_results])
def test_files_that_are_missing_are_named(tmp_path, read):
    with pytest.raises(InputError, match=r"none\.json"):
        read(f"{tmp_path}/none.json")


def test_weights_are_written_by_a_text(tmp_path):
    arrays = models.read("scenes").arrays
    models.write(f"{tmp_path}/w.safetensors", arrays, {})
    assert models.read(f"{tmp_path}/w.safetensors").arrays.keys() == arrays.keys()
