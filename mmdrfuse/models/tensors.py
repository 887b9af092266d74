"""Reading the tensors of a file: safetensors, or PyTorch's own formats with nothing but tensors in them."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys of a network's state dict in the checkpoints of training scripts, beside the optimiser's."""

PREFIXES = ("module.", "_orig_mod.")
"""Prefixes that DistributedDataParallel and ``torch.compile`` add to the names of a network's parameters."""

_FLOATS: dict[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
"""Floating types in safetensors → NumPy's; NumPy has no bfloat16."""


def safetensors_arrays(content: bytes) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """Read the arrays of a safetensors file, as float32, and its metadata.

    bfloat16 is the upper half of float32, so that NumPy can convert it without torch.

    Args:
        content: The whole file.

    Raises:
        SafetensorError: The header does not fit the content.
        TypeError: An array is not of a floating type.
    """
    from safetensors import deserialize

    arrays: dict[str, NDArray[np.float32]] = {}
    for name, entry in deserialize(content):  # type: ignore[no-untyped-call]
        arrays[name] = _float32(entry["data"], entry["dtype"]).reshape(entry["shape"])
    length = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + length])
    return arrays, header.get("__metadata__") or {}


def torch_tensors(source: Path | bytes, name: object) -> "dict[str, Tensor]":
    """Read a PyTorch state dict; only tensors are unpickled.

    The state dict may stand in the checkpoint of a training script. The prefixes of wrapped networks are removed.

    Args:
        source: The file, or its content.
        name: What to call the file in messages.

    Raises:
        WeightsError: The file is not a state dict of tensors.
    """
    import torch

    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        content = torch.load(file, "cpu", weights_only=True)
        return {_without_prefix(key): value.detach() for key, value in _state_dict(content).items()}
    except Exception as error:
        # Damaged and crafted pickles raise anything. torch's message is left out: it advises to load without the check.
        raise WeightsError(f"{name}: not a PyTorch state dict of plain tensors") from error


def _float32(data: bytes | bytearray, kind: str) -> NDArray[np.float32]:
    if kind == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    if kind not in _FLOATS:
        raise TypeError(f"values of type {kind} instead of floating-point numbers")
    with np.errstate(over="ignore"):  # float64 may become infinite, which the callers refuse
        values: NDArray[np.float32] = np.frombuffer(data, _FLOATS[kind]).astype(np.float32)
    return values


def _state_dict(content: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """Return the state dict in a checkpoint of any nesting."""
    for wrapper in WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            return _state_dict(content[wrapper])
    state: Mapping[str, Any] = content
    return state


def _without_prefix(key: object) -> str:
    name = str(key)
    while name.startswith(PREFIXES):
        name = name.partition(".")[2]
    return name
