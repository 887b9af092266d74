"""Detectors that find what is planted in them."""

import numpy as np
import pytest

SIZE = 96
"""Of the canvas; the picture has 128×192 pixels, so it is halved, and 64 rows high on the canvas."""
BOXES = np.array([[20, 30, 80, 120], [100, 10, 180, 60]], float)
SCORES = np.array([0.9, 0.6])
CLASSES = np.array([0, 2])
NAMES = ("person", "bicycle", "car")


@pytest.fixture
def planted():
    """What the detectors must find in `picture`."""
    return BOXES, SCORES, CLASSES


@pytest.fixture
def picture(rng):
    return rng.integers(0, 256, (128, 192, 3), np.uint8)


@pytest.fixture
def make_onnx(tmp_path):
    """Write an ONNX file whose outputs are constants, whatever picture comes in."""

    def make(outputs, *, metadata=None, shape=(1, 3, SIZE, SIZE), sizes=False, name="planted.onnx"):
        onnx = pytest.importorskip("onnx", reason="needs onnx")
        helper = onnx.helper
        nodes = [
            helper.make_node("ReduceMean", ["picture"], ["mean"], keepdims=0),
            helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        ]
        constants = [onnx.numpy_helper.from_array(np.zeros((), np.float32), "zero")]
        results = []
        for key, values in outputs.items():
            kind = onnx.TensorProto.INT64 if values.dtype.kind == "i" else onnx.TensorProto.FLOAT
            constants.append(
                onnx.numpy_helper.from_array(values.astype([np.float32, np.int64][kind == 7]), f"{key}_is")
            )
            nodes.append(helper.make_node("Cast", ["nothing"], [f"{key}_nothing"], to=kind))
            nodes.append(helper.make_node("Add", [f"{key}_is", f"{key}_nothing"], [key]))
            results.append(helper.make_tensor_value_info(key, kind, values.shape))
        inputs = [helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, shape)]
        if sizes:
            inputs.append(helper.make_tensor_value_info("orig_target_sizes", onnx.TensorProto.INT64, (1, 2)))
        graph = helper.make_graph(nodes, "planted", inputs, results, constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        helper.set_model_props(model, metadata or {})
        path = tmp_path / name
        onnx.save(model, path)
        return path

    return make
