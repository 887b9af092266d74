"""Reading and writing weights: safetensors with a model card, and the authors' released files by name.

A checkpoint of ours is one safetensors file. Its metadata holds ``card``: a JSON object that says what
the network is, how and on what data it was trained, what it scores and under which licence its data came.
Nothing here unpickles; PyTorch files load with ``weights_only=True``.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.atomic import writing
from mmdrfuse.errors import UnknownNameError, WeightsError

Network = Literal["student", "teacher"]

SHIPPED = Path(__file__).parents[1] / "weights"
"""Folder of the weights that come with the package."""

SHAPES: dict[Network, dict[str, tuple[int, int]]] = {
    "student": {"conv1": (4, 2), "conv2": (1, 4)},
    "teacher": {
        "e1": (32, 2), "e2": (32, 32), "e3": (64, 64), "e4": (64, 64), "e5": (64, 128), "e6": (64, 192),
        "d6": (64, 64), "d5": (64, 128), "d4": (64, 128), "d3": (64, 128), "d2": (32, 96), "d1": (4, 64),
        "d0": (1, 4),
    },
}  # fmt: skip
"""Layer → (output, input) channels; every kernel is 3×3 and has a bias."""

RELEASED: dict[Network, dict[str, str]] = {
    "student": {"conv1.1": "conv1", "conv2.1": "conv2"},
    "teacher": {
        "conv1.1": "e1", "conv2.1": "e2", "conv3.1": "e3", "conv4.1": "e4", "conv5.1": "e5", "conv6.1": "e6",
        "conv66.1": "d6", "conv55.1": "d5", "conv44.1": "d4", "conv33.1": "d3", "conv22.1": "d2",
        "conv11.1": "d1", "conv00.1": "d0",
    },
}  # fmt: skip
"""Names in the state dicts that the paper's authors released → ours."""


@dataclass(frozen=True)
class Checkpoint:
    """Weights as plain arrays, with what is known about them."""

    name: str
    """Shipped name or file name."""
    network: Network
    arrays: dict[str, NDArray[np.float32]]
    """Parameter name → array."""
    card: dict[str, Any]
    """The model card; empty for the authors' files."""
    sha256: str
    """Of the file, in hexadecimal."""


def names() -> tuple[str, ...]:
    """List the names of the shipped weights."""
    return tuple(sorted(file.stem for file in SHIPPED.glob("*.safetensors")))


def read(name_or_path: str | Path) -> Checkpoint:
    """Read a checkpoint by shipped name or by file.

    Args:
        name_or_path: A name of `names`, a ``.safetensors`` file, or a PyTorch state dict such as the
            authors' ``student.model``.

    Raises:
        UnknownNameError: It is neither a shipped name nor an existing file.
        WeightsError: The file is no checkpoint of the student or teacher.
    """
    path = _find(name_or_path)
    state, metadata = _read_safetensors(path) if path.suffix == ".safetensors" else (_read_torch(path), {})
    network, arrays = _recognise(state, path)
    try:
        card = json.loads(metadata.get("card", "{}"))
    except json.JSONDecodeError as error:
        raise WeightsError(f"{path}: its model card is not JSON ({error})") from error
    name = path.stem if path.parent == SHIPPED else path.name
    return Checkpoint(name, network, arrays, card, hashlib.sha256(path.read_bytes()).hexdigest())


def write(path: Path, arrays: Mapping[str, NDArray[np.float32]], card: Mapping[str, Any]) -> None:
    """Write a checkpoint with its model card, atomically; the same input gives the same bytes.

    Raises:
        OutputError: The file cannot be written.
    """
    from safetensors.numpy import save

    contiguous = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    content = save(contiguous, metadata={"card": json.dumps(card, sort_keys=True)})
    with writing(path) as temporary:
        temporary.write_bytes(content)


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    shipped = SHIPPED / f"{name_or_path}.safetensors"
    if path.is_file():
        return path
    if isinstance(name_or_path, str) and shipped.is_file():
        return shipped
    if path.is_dir():
        raise WeightsError(f"{path}: is a folder; name the file in it that holds the weights")
    if isinstance(name_or_path, Path) or path.suffix or path.name != name_or_path:
        raise WeightsError(f"{path}: no such file; give a checkpoint, or one of {', '.join(names())}")
    raise UnknownNameError("weights", str(name_or_path), names())


def _read_safetensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from error


def _read_torch(path: Path) -> dict[str, NDArray[Any]]:
    import pickle

    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return {str(key): value.numpy() for key, value in state.items()}
    except (pickle.UnpicklingError, RuntimeError, EOFError, AttributeError, OSError) as error:
        # What torch says here advises to load without the safeguard.
        raise WeightsError(f"{path}: neither a safetensors file nor a PyTorch state dict of plain tensors") from error


def _recognise(state: dict[str, NDArray[Any]], path: Path) -> tuple[Network, dict[str, NDArray[np.float32]]]:
    """Tell student from teacher by the parameters' names, then check every shape."""
    for network, released in RELEASED.items():
        for layers in ({layer: layer for layer in SHAPES[network]}, released):
            wanted = {
                f"{layer}.{kind}": f"{ours}.{kind}" for layer, ours in layers.items() for kind in ("weight", "bias")
            }
            if state.keys() == wanted.keys():
                arrays = {ours: np.asarray(state[key], np.float32) for key, ours in wanted.items()}
                _check_shapes(network, arrays, path)
                return network, arrays
    found = ", ".join(list(state)[:4]) or "nothing"
    raise WeightsError(
        f"{path}: holds {len(state)} arrays ({found} …), which is neither a student (conv1, conv2) "
        "nor a teacher (e1 … e6, d6 … d0)"
    )


def _check_shapes(network: Network, arrays: dict[str, NDArray[np.float32]], path: Path) -> None:
    for layer, (outputs, inputs) in SHAPES[network].items():
        for kind, shape in (("weight", (outputs, inputs, 3, 3)), ("bias", (outputs,))):
            array = arrays[f"{layer}.{kind}"]
            if array.shape != shape:
                raise WeightsError(f"{path}: {layer}.{kind} has shape {array.shape}, the {network} needs {shape}")
            if not np.isfinite(array).all():
                raise WeightsError(f"{path}: {layer}.{kind} has values that are not finite")
