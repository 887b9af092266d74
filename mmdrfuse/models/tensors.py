"""The tensors of a file, whoever saved it: safetensors, or PyTorch's own formats with nothing but tensors in them."""

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
"""Entries that training scripts keep a network's state dict under, beside their optimiser's."""

PREFIXES = ("module.", "_orig_mod.")
"""What DistributedDataParallel and ``torch.compile`` put before the names of a network's parameters."""

_FLOATS: dict[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
"""safetensors' names of the types that NumPy has too."""


def safetensors_arrays(content: bytes) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """Read the arrays of a safetensors file, as float32, and its metadata.

    NumPy has no bfloat16: it is the upper half of a float32, so no torch is needed for it.

    Args:
        content: The whole file.

    Raises:
        SafetensorError: Its header does not fit the content.
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
    """Read a PyTorch state dict; nothing but tensors is unpickled.

    A state dict within a checkpoint of a training script is found, and prefixes of wrapped networks are taken off.

    Args:
        source: The file, or all that is in it.
        name: Of the file, for the message.

    Raises:
        WeightsError: It is no state dict of tensors.
    """
    import torch

    try:
        found = torch.load(io.BytesIO(source) if isinstance(source, bytes) else source, "cpu", weights_only=True)
        return {_bare(key): value.detach() for key, value in _unwrapped(found).items()}
    except Exception as error:
        # Damaged and crafted pickles fail with anything; what torch says advises to load without the safeguard.
        raise WeightsError(f"{name}: not a PyTorch state dict of plain tensors") from error


def _float32(data: bytes | bytearray, kind: str) -> NDArray[np.float32]:
    if kind == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    if kind not in _FLOATS:
        raise TypeError(f"values of type {kind} instead of floating-point numbers")
    with np.errstate(over="ignore"):  # what becomes infinite is refused by whoever needs numbers
        values: NDArray[np.float32] = np.frombuffer(data, _FLOATS[kind]).astype(np.float32)
    return values


def _unwrapped(found: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """Give the state dict itself."""
    for wrapper in WRAPPERS:
        if isinstance(found.get(wrapper), Mapping):
            return _unwrapped(found[wrapper])
    state: Mapping[str, Any] = found
    return state


def _bare(key: object) -> str:
    bare = str(key)
    while bare.startswith(PREFIXES):
        bare = bare.partition(".")[2]
    return bare
