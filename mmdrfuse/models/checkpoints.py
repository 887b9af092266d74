"""Reading and writing checkpoints: safetensors with a model card, and the state dicts that the authors released.

A checkpoint of ours is one safetensors file. Its metadata holds ``card``, a JSON object: the network, its training and
data, its scores, and the licence of the data. Nothing here unpickles objects: PyTorch files load with
``weights_only=True``. Weights of any floating type become float32.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import UnknownNameError, WeightsError, reading
from mmdrfuse.models.tensors import safetensors_arrays, torch_tensors
from mmdrfuse.system.atomic import writing

Network = Literal["student", "teacher"]

SHIPPED = Path(__file__).parents[1] / "weights"
"""Folder of the weights that come with the package."""

ALIASES = {"ivif": "scenes"}
"""Earlier names of shipped weights → what they name now."""

SHAPES: dict[Network, dict[str, tuple[int, int]]] = {
    "student": {"conv1": (4, 2), "conv2": (1, 4)},
    "teacher": {
        "e1": (32, 2), "e2": (32, 32), "e3": (64, 64), "e4": (64, 64), "e5": (64, 128), "e6": (64, 192),
        "d6": (64, 64), "d5": (64, 128), "d4": (64, 128), "d3": (64, 128), "d2": (32, 96), "d1": (4, 64),
        "d0": (1, 4),
    },
}  # fmt: skip
"""Layer → (output, input) channels; every kernel is 3×3 and has a bias."""

FOLDER_FILE = "model.safetensors"
"""The file of weights in a folder in the layout of the Hugging Face hub."""

RELEASED: dict[Network, dict[str, str]] = {
    "student": {"conv1.1": "conv1", "conv2.1": "conv2"},
    "teacher": {
        "conv1.1": "e1", "conv2.1": "e2", "conv3.1": "e3", "conv4.1": "e4", "conv5.1": "e5", "conv6.1": "e6",
        "conv66.1": "d6", "conv55.1": "d5", "conv44.1": "d4", "conv33.1": "d3", "conv22.1": "d2",
        "conv11.1": "d1", "conv00.1": "d0",
    },
}  # fmt: skip
"""Layer in the state dicts that the paper's authors released → our name of it."""

MAX_BYTES = 2**28
"""Size above which a file is not read; a teacher with its optimiser's state has 7 MB."""

_PICKLES = (b"PK\x03\x04", b"\x80")
"""The first bytes of PyTorch's files: zip archives, and plain pickles before version 1.6."""

_CURE = "give a .safetensors file or a PyTorch state dict"


@dataclass(frozen=True)
class Checkpoint:
    """Weights as plain arrays, with their model card."""

    name: str
    """Shipped name or file name."""
    network: Network | Literal["none"]
    """``none`` for fusions without a network, which have no arrays."""
    arrays: dict[str, NDArray[np.float32]]
    """Parameter name → array."""
    card: dict[str, Any]
    """The model card; empty for the authors' files."""
    sha256: str
    """Hash of the file, in hexadecimal."""

    @property
    def licences(self) -> dict[str, Any]:
        """Return the licence of each data set that the card names; nothing if it names none, or in another form."""
        stated = self.card.get("licences")
        return stated if isinstance(stated, dict) else {}


def names() -> tuple[str, ...]:
    """Return the names of the shipped weights."""
    return tuple(sorted(file.stem for file in SHIPPED.glob("*.safetensors")))


def read(name_or_path: str | Path) -> Checkpoint:
    """Read a checkpoint by its shipped name, its file, or a folder with ``model.safetensors``.

    Args:
        name_or_path: One of `names`, a ``.safetensors`` file, a PyTorch state dict such as the authors'
            ``student.model``, or a folder in the layout of the Hugging Face hub.

    Raises:
        UnknownNameError: There is no such name and no such file.
        WeightsError: The file holds no student or teacher.
    """
    path = _find(name_or_path)
    with reading(path, "checkpoint", error=WeightsError, cure=_CURE):
        content = _content(path)
        state, metadata = _parse(content, path)
        network, arrays = _recognise(state, path)
        card = _card(metadata, path)
    name = path.stem if path.parent == SHIPPED else Path(name_or_path).name or path.name
    return Checkpoint(name, network, arrays, card, hashlib.sha256(content).hexdigest())


def write(path: str | Path, arrays: Mapping[str, NDArray[np.float32]], card: Mapping[str, Any]) -> None:
    """Write a checkpoint with its model card, atomically; the same input gives the same bytes.

    Raises:
        OutputError: The file cannot be written.
    """
    path = Path(path)
    content = safetensors_bytes(arrays, card)
    with writing(path) as temporary:
        temporary.write_bytes(content)


def safetensors_bytes(arrays: Mapping[str, NDArray[np.float32]], card: Mapping[str, Any]) -> bytes:
    """Return the content of a checkpoint's file."""
    from safetensors.numpy import save

    contiguous = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    return save(contiguous, metadata={"card": json.dumps(card, sort_keys=True)})


def _find(name_or_path: str | Path) -> Path:
    try:
        path = Path(name_or_path)
    except TypeError as error:  # from Python, anything may come
        raise UnknownNameError("weights", repr(name_or_path), names()) from error
    shipped = SHIPPED / f"{ALIASES.get(str(name_or_path), name_or_path)}.safetensors"
    if path.is_file():
        return path
    if (path / FOLDER_FILE).is_file():
        return path / FOLDER_FILE
    if isinstance(name_or_path, str) and shipped.is_file():
        return shipped
    if path.is_dir():
        raise WeightsError(f"{path}: is a folder without {FOLDER_FILE}; name the file in it that holds the weights")
    if path.exists():
        raise WeightsError(f"{path}: is a pipe or device, not a file; {_CURE}")
    if isinstance(name_or_path, Path) or path.suffix or path.name != name_or_path:
        raise WeightsError(f"{path}: no such file; give a checkpoint, or one of {', '.join(names())}")
    raise UnknownNameError("weights", str(name_or_path), (*names(), *ALIASES))


def _content(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise WeightsError(f"{path}: has {size / 1e6:.0f} MB, which no student or teacher has; {_CURE}")
    return path.read_bytes()


def _parse(content: bytes, path: Path) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Return arrays or tensors by name, and the metadata; the content decides the format before the file's name."""
    # safetensors begins with the header's length, whose bytes may be those of a pickle; then comes the header's brace
    header = content[8:9] == b"{" and int.from_bytes(content[:8], "little") < len(content)
    pickled = content.startswith(_PICKLES) and not header
    if header or (not pickled and path.suffix.lower() == ".safetensors"):
        return safetensors_arrays(content)
    if pickled:
        return torch_tensors(content, path), {}
    raise WeightsError(f"{path}: {_describe(content)}, neither a safetensors file nor a PyTorch state dict; {_CURE}")


def _describe(content: bytes) -> str:
    """Describe a file of another format by its first bytes."""
    if not content:
        return "an empty file"
    return "a text" if content[:512].isascii() else "something unknown"


def _recognise(state: Mapping[str, Any], path: Path) -> tuple[Network, dict[str, NDArray[np.float32]]]:
    """Recognise student or teacher by the names of the parameters, ours or the released ones, and check every shape."""
    for network, released in RELEASED.items():
        for layers in ({layer: layer for layer in SHAPES[network]}, released):
            names = _parameter_names(layers)
            if state.keys() == names.keys():
                renamed = {ours: state[name] for name, ours in names.items()}
                return network, _checked(network, renamed, path)
    first = ", ".join(list(state)[:4]) or "nothing"
    raise WeightsError(
        f"{path}: holds {len(state)} arrays ({first} …), which is neither a student (conv1, conv2) "
        "nor a teacher (e1 … e6, d6 … d0)"
    )


def _parameter_names(layers: Mapping[str, str]) -> dict[str, str]:
    """Return the names of all parameters → ours, from the names of their layers → ours."""
    return {f"{layer}.{kind}": f"{ours}.{kind}" for layer, ours in layers.items() for kind in ("weight", "bias")}


def _checked(network: Network, state: Mapping[str, Any], path: Path) -> dict[str, NDArray[np.float32]]:
    """Convert the weights to float32, after a check of their shapes: a small crafted file may claim terabytes."""
    arrays = {}
    for layer, (outputs, inputs) in SHAPES[network].items():
        for kind, shape in (("weight", (outputs, inputs, 3, 3)), ("bias", (outputs,))):
            name = f"{layer}.{kind}"
            if tuple(state[name].shape) != shape:
                raise WeightsError(f"{path}: {name} has shape {tuple(state[name].shape)}, the {network} needs {shape}")
            arrays[name] = _float32(state[name])
            if not np.isfinite(arrays[name]).all():
                raise WeightsError(f"{path}: {name} has values that are not finite")
    return arrays


def _float32(values: Any) -> NDArray[np.float32]:  # noqa: ANN401
    """Copy an array, or a tensor of torch, to an array of float32."""
    if isinstance(values, np.ndarray):
        return np.array(values, np.float32)
    if not values.is_floating_point():
        raise TypeError(f"values of type {values.dtype} instead of floating-point numbers")
    return np.array(values.float().numpy())


def _card(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    try:
        card = json.loads(metadata.get("card", "{}"))
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: its model card is not JSON ({error})") from error
    if not isinstance(card, dict):
        raise WeightsError(f"{path}: its model card is not a JSON object, but {type(card).__name__}")
    return card
