"""A network as an ONNX model, opset 17, for onnxruntime, OpenCV's dnn, OpenVINO, TensorRT and others.

Sizes and batch are dynamic. The inputs are ``infrared`` and ``visible``, the output is ``fused``, each (N, 1, H, W)
with H and W of at least 2.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import MissingExtraError
from mmdrfuse.export.options import Options, limits_of, range_of
from mmdrfuse.models import Checkpoint
from mmdrfuse.version import __version__

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

OPSET = 17
"""The version of the operators; what is written here reads the same in all later ones."""

IR_VERSION = 8
"""The version of the file format that came with the opset."""

_SMALLEST = np.float32(1e-30)
"""Stands for the extent of a constant picture, so that ``minmax`` makes it black and divides by no zero."""


class Graph:
    """The nodes and constants of a graph in the making."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, values: NDArray[Any] | np.float32 | list[int]) -> str:
        """Add a constant array, and return its name; a list becomes an array of int64."""
        from onnx import numpy_helper

        array = np.array(values, np.int64) if isinstance(values, list) else np.asarray(values)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401
        """Add a node, and return the name of its output; an input without a name is left out."""
        from onnx import helper

        output = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output


def write_onnx(checkpoint: Checkpoint, options: Options) -> bytes:
    """Return the model.

    Raises:
        MissingExtraError: The package ``onnx`` is not installed.
        MMDRFuseError: As in `limits_of`.
    """
    try:
        from onnx import TensorProto
    except ImportError as error:
        raise MissingExtraError("onnx", "export", "writing ONNX models") from error

    limits = limits_of(checkpoint, options)
    eight_bit = options.input == "uint8"
    graph = Graph()
    sources = ["infrared", "visible"]
    if eight_bit:
        graph.constant("unit", np.float32(1 / 255))
        sources = [graph.add("Mul", graph.add("Cast", name, to=TensorProto.FLOAT), "unit") for name in sources]
    graph.constant("border", [0, 0, 1, 1, 0, 0, 1, 1])
    for name, array in checkpoint.arrays.items():
        graph.constant(name, array)
    network = _student if checkpoint.network == "student" else _teacher
    output = network(graph, graph.add("Concat", *sources, axis=1))
    if eight_bit or options.range:
        output = _ranged(graph, output, limits, 255 if eight_bit else 1)
    graph.nodes[-1].output[0] = "fused"
    return _model(graph, checkpoint, options)


def _student(graph: Graph, sources: str) -> str:
    hidden = graph.add("Relu", _convolved(graph, sources, "conv1"))
    return graph.add("Tanh", _convolved(graph, hidden, "conv2"))


def _teacher(graph: Graph, sources: str) -> str:
    """Add the layers of `mmdrfuse.models.teacher`, which extends odd sides and crops its picture."""
    sides = graph.add("Slice", graph.add("Shape", sources), graph.constant("two", [2]), graph.constant("four", [4]))
    even = graph.add("Add", sides, graph.add("Mod", sides, "two"))
    missing = graph.add("Sub", graph.add("Max", even, "four"), sides)
    pads = graph.add("Concat", graph.constant("none", 6 * [0]), missing, axis=0)
    extended = graph.add("Pad", sources, pads, mode="edge")

    def layer(name: str, *maps: str, strides: tuple[int, int] = (1, 1)) -> str:
        joint = graph.add("Concat", *maps, axis=1) if len(maps) > 1 else maps[0]
        return graph.add("Relu", _convolved(graph, joint, name, strides=strides))

    e1 = layer("e1", extended)
    e2 = layer("e2", e1)
    e3 = layer("e3", e1, e2, strides=(2, 2))  # half the size from here
    e4 = layer("e4", e3)
    e5 = layer("e5", e3, e4)
    e6 = layer("e6", e3, e4, e5)

    d6 = layer("d6", e6)
    d5 = layer("d5", e5, d6)
    d4 = layer("d4", e4, d5)
    d3 = layer("d3", e3, d4)
    scales = graph.constant("scales", np.array([1, 1, 2, 2], np.float32))
    up = graph.add("Resize", d3, "", scales, mode="cubic", cubic_coeff_a=-0.75)
    d2 = layer("d2", e2, up)
    d1 = layer("d1", e1, d2)
    picture = graph.add("Tanh", _convolved(graph, d1, "d0"))
    axes = graph.constant("axes", [2, 3])
    return graph.add("Slice", picture, graph.constant("start", [0, 0]), sides, axes)


def _convolved(graph: Graph, source: str, layer: str, **settings: Any) -> str:  # noqa: ANN401
    padded = graph.add("Pad", source, "border", mode="reflect")
    return graph.add("Conv", padded, f"{layer}.weight", f"{layer}.bias", **settings)


def _ranged(graph: Graph, output: str, limits: tuple[float, float] | None, top: int) -> str:
    """Map the limits to 0 and ``top``; integers are rounded half to even."""
    from onnx import TensorProto

    white = graph.constant("top", np.float32(top))
    if limits:
        low = graph.constant("low", np.float32(limits[0]))
        gain = graph.constant("gain", np.float32(top / (limits[1] - limits[0])))
    else:
        low, high = (graph.add(kind, output, axes=[1, 2, 3]) for kind in ("ReduceMin", "ReduceMax"))
        extent = graph.add("Max", graph.add("Sub", high, low), graph.constant("smallest", _SMALLEST))
        gain = graph.add("Div", white, extent)
    levels = graph.add("Mul", graph.add("Sub", output, low), gain)
    if top == 1:
        return graph.add("Clip", levels, graph.constant("zero", np.float32(0)), white)
    bounded = graph.add("Clip", graph.add("Round", levels), graph.constant("zero", np.float32(0)), white)
    return graph.add("Cast", bounded, to=TensorProto.UINT8)


def _model(graph: Graph, checkpoint: Checkpoint, options: Options) -> bytes:
    from onnx import TensorProto, helper

    kind = TensorProto.UINT8 if options.input == "uint8" else TensorProto.FLOAT
    infrared, visible, fused = (
        helper.make_tensor_value_info(name, kind, ["N", 1, "H", "W"]) for name in ("infrared", "visible", "fused")
    )
    made = helper.make_graph(graph.nodes, checkpoint.network, [infrared, visible], [fused], graph.constants)
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
        producer_name="mmdrfuse", producer_version=__version__,
    )  # fmt: skip
    helper.set_model_props(model, _metadata(checkpoint, options))
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _metadata(checkpoint: Checkpoint, options: Options) -> dict[str, str]:
    """Return what a file of 4 KB has room for: the card without its scores and the course of the training."""
    card = {key: checkpoint.card[key] for key in ("title", "light", "data", "licences") if key in checkpoint.card}
    return {
        "weights": _unicode(checkpoint.name),
        "sha256": checkpoint.sha256,
        "range": range_of(checkpoint, options) if options.input == "uint8" or options.range else "none",
        "licence": _unicode("; ".join(f"{data}: {licence}" for data, licence in checkpoint.licences.items())),
        "card": json.dumps(card, separators=(",", ":")),
    }


def _unicode(text: str) -> str:
    """Return text without the bytes that a file's name may have, and protobuf not."""
    return text.encode(errors="replace").decode()
