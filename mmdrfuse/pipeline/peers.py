"""The same network in other programs, and a fusion without a network, to be timed beside the compiled kernel.

Each reads and gives 8-bit planes. The ONNX model holds every step from level to level, so that nobody is measured
without conversion or rounding.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.engine import fuse_stored, make
from mmdrfuse.errors import MissingExtraError, UnknownNameError
from mmdrfuse.export import Options, render
from mmdrfuse.models import Checkpoint

Planes = NDArray[np.uint8]
Fuse = Callable[[Planes, Planes], Planes]
"""(infrared, visible) → fused, each H×W."""


@dataclass(frozen=True)
class Task:
    """What a peer has to do."""

    checkpoint: Checkpoint
    width: int
    height: int
    threads: int

    def onnx(self) -> bytes:
        """Return the network as an ONNX model with every step from level to level."""
        return render(self.checkpoint, "onnx", Options("uint8", "clip"))


def load_peers(
    names: Iterable[str], checkpoint: Checkpoint, *, width: int, height: int, threads: int
) -> tuple[dict[str, Fuse], dict[str, str]]:
    """Load a network into other programs.

    Args:
        names: Some of `PEERS`.
        checkpoint: The network.
        width: Columns of the pictures.
        height: Rows.
        threads: Threads for one pair.

    Returns:
        Name → function that fuses two planes by the range ``clip``, and name → package that is not installed.

    Raises:
        UnknownNameError: There is no such peer.
    """
    names = list(names)
    for name in names:
        if name not in PEERS:
            raise UnknownNameError("peer", name, PEERS)
    task = Task(checkpoint, width, height, threads)
    found: dict[str, Fuse] = {}
    missing: dict[str, str] = {}
    for name in names:
        try:
            found[name] = PEERS[name](task)
        except MissingExtraError as error:
            missing[name] = error.package
        except ImportError as error:
            missing[name] = error.name or name
    return found, missing


def _torch(task: Task) -> Fuse:
    import torch

    engine = make(task.checkpoint, kind="torch")

    def fuse(infrared: Planes, visible: Planes) -> Planes:
        before = torch.get_num_threads()
        torch.set_num_threads(task.threads)
        fused = fuse_stored(engine, infrared, visible)
        torch.set_num_threads(before)
        return fused

    return fuse


def _onnxruntime(task: Task) -> Fuse:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = task.threads
    session = onnxruntime.InferenceSession(task.onnx(), options, providers=["CPUExecutionProvider"])
    return lambda infrared, visible: _plane(session.run(None, _named(infrared, visible))[0])


def _opencv(task: Task) -> Fuse:
    import cv2

    cv2.setNumThreads(task.threads)
    network = cv2.dnn.readNetFromONNX(np.frombuffer(task.onnx(), np.uint8))

    def fuse(infrared: Planes, visible: Planes) -> Planes:
        for name, source in _named(infrared, visible).items():
            network.setInput(source, name)
        return _plane(network.forward("fused"))

    return fuse


def _openvino(task: Task) -> Fuse:
    """Load the model into OpenVINO, in float32: its own choice is bfloat16, which changes a third of all levels."""
    import openvino

    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": task.threads, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(io.BytesIO(task.onnx())), "CPU", settings)
    return lambda infrared, visible: _plane(compiled(_named(infrared, visible))["fused"])


class _Blend:
    """FFmpeg's filter ``blend`` for frames of one size, in the mode that takes the larger level."""

    def __init__(self, task: Task) -> None:
        from av.filter import Graph

        self.graph = Graph()  # kept, as its nodes do not keep it alive
        self.graph.threads = task.threads
        source = f"video_size={task.width}x{task.height}:pix_fmt=gray:time_base=1/25"
        self.inputs = self.graph.add("buffer", source), self.graph.add("buffer", source)
        blend = self.graph.add("blend", "all_mode=lighten")
        self.sink = self.graph.add("buffersink")
        for index, node in enumerate(self.inputs):
            node.link_to(blend, 0, index)
        blend.link_to(self.sink)
        self.graph.configure()
        self.count = 0

    def __call__(self, infrared: Planes, visible: Planes) -> Planes:
        from av import VideoFrame

        for node, plane in zip(self.inputs, (infrared, visible), strict=True):
            frame = VideoFrame.from_ndarray(plane, "gray")
            frame.pts = self.count
            node.push(frame)
        self.count += 1
        fused = cast(VideoFrame, self.sink.pull())
        return fused.to_ndarray().astype(np.uint8, copy=False)


def _named(infrared: Planes, visible: Planes) -> dict[str, Planes]:
    return {"infrared": infrared[None, None], "visible": visible[None, None]}


def _plane(batch: Any) -> Planes:  # noqa: ANN401
    plane: Planes = batch[0, 0]
    return plane


PEERS: dict[str, Callable[[Task], Fuse]] = {
    "torch": _torch,
    "onnxruntime": _onnxruntime,
    "OpenCV": _opencv,
    "OpenVINO": _openvino,
    "FFmpeg blend": _Blend,
}
"""Name → function that loads it. FFmpeg has no network: its filter ``blend`` takes the larger level."""
