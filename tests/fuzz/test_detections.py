"""Damaged files of detections and damaged detectors: each works, or is one error that names it."""

import json

import numpy as np
import pytest
from mutations import TRIES, blamed, mutated

from mmdrfuse.detection import open_detector, read_results
from mmdrfuse.detection.detections import Detections
from mmdrfuse.detection.labels import LabelledPicture, Labels

TRUTH = {f"0{n}": LabelledPicture.of([[1, 2, 30, 40]], [0], size=(100, 80)) for n in range(4)}
LABELS = Labels(("person",), TRUTH, "made up", "0")


def coco():
    return json.dumps(
        [{"image_id": n % 4, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.25 * n} for n in range(6)]
    ).encode()


def ours():
    found = {"boxes": [[1, 2, 3, 4]], "scores": [0.5], "classes": [0], "width": 9, "height": 9}
    return json.dumps({"classes": ["person"], "methods": {"a": {"00": found, "01": found}}}).encode()


@pytest.mark.parametrize("whole", [coco(), ours()], ids=["COCO", "detections.json"])
def test_damaged_results(tmp_path, whole):
    file = tmp_path / "r.json"
    for seed in range(TRIES):
        file.write_bytes(mutated(whole, seed))
        with blamed(file):
            found = read_results(file).found(TRUTH, LABELS)
            assert all(isinstance(boxes, Detections) for one in found.values() for boxes in one.by_tone.values())


def test_damaged_texts(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for seed in range(TRIES):
        (folder / "00.txt").write_bytes(mutated(b"0 0.5 0.5 0.2 0.2 0.9\n0 0.1 0.5 0.2 0.2 0.125\n", seed))
        with blamed(folder):
            read_results(folder).found(TRUTH, LABELS)


def test_damaged_detectors(tmp_path):
    onnx = pytest.importorskip("onnx", reason="needs onnx")
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, the extra [detect]")
    value = onnx.numpy_helper.from_array(np.zeros((1, 9, 6), np.float32), "out")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["out"], ["output0"]), onnx.helper.make_node("Identity", ["in"], ["rest"])],
        "g",
        [onnx.helper.make_tensor_value_info("in", 1, (1, 3, 32, 32))],
        [onnx.helper.make_tensor_value_info("output0", 1, (1, 9, 6))],
        [value],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    whole, file = model.SerializeToString(), tmp_path / "d.onnx"
    for seed in range(TRIES):
        file.write_bytes(mutated(whole, seed))
        with blamed(file):
            open_detector(file, ["a"])(np.zeros((20, 30, 3), np.uint8))
