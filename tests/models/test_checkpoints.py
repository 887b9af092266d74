"""Checkpoints: what is read, what is refused, what comes back."""

import json
import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from mmdrfuse import models
from mmdrfuse.errors import OutputError, UnknownNameError, WeightsError
from mmdrfuse.models.checkpoints import RELEASED, SHAPES
from mmdrfuse.models.student import Student


def arrays(network="student", names=None):
    """Give weights of zeros with the right names and shapes."""
    made = {}
    for layer, (outputs, inputs) in SHAPES[network].items():
        name = names[layer] if names else layer
        made[f"{name}.weight"] = np.zeros((outputs, inputs, 3, 3), np.float32)
        made[f"{name}.bias"] = np.arange(outputs, dtype=np.float32)
    return made


def released(network):
    return {ours: theirs for theirs, ours in RELEASED[network].items()}


@pytest.mark.parametrize(("network", "parameters"), [("student", 113), ("teacher", 556_489)])
def test_the_authors_files_load_by_name(shared, network, parameters):
    checkpoint = models.read(shared / "published" / f"{network}.model")
    assert checkpoint.network == network
    assert sum(array.size for array in checkpoint.arrays.values()) == parameters
    assert checkpoint.card == {}


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_names_of_the_authors_and_ours_mean_the_same(tmp_path, network):
    state = {name: torch.from_numpy(array) for name, array in arrays(network, released(network)).items()}
    torch.save(state, tmp_path / "theirs.pth")
    models.write(tmp_path / "ours.safetensors", arrays(network), {})
    theirs, ours = (models.read(tmp_path / name) for name in ("theirs.pth", "ours.safetensors"))
    assert theirs.arrays.keys() == ours.arrays.keys()
    assert all(np.array_equal(theirs.arrays[name], ours.arrays[name]) for name in ours.arrays)


def test_weights_and_card_survive_writing_and_reading(tmp_path):
    path, card = tmp_path / "new" / "s.safetensors", {"trained on": "LLVIP", "scores": {"VIF": 0.9}, "seed": 3}
    state = {name: tensor.numpy() for name, tensor in Student().state_dict().items()}
    models.write(path, state, card)
    checkpoint = models.read(path)
    assert (checkpoint.name, checkpoint.network, checkpoint.card) == ("s.safetensors", "student", card)
    rebuilt = models.build(checkpoint).state_dict()
    assert all(np.array_equal(rebuilt[name], state[name]) for name in state)


def test_the_same_weights_and_card_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        models.write(tmp_path / f"{name}.safetensors", arrays(), {"b": 1, "a": 2})
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_network_is_built_for_inference(tmp_path):
    models.write(tmp_path / "s.safetensors", arrays(), {})
    assert not models.load(tmp_path / "s.safetensors").training


class Malicious:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("save", [torch.save, lambda thing, path: path.write_bytes(pickle.dumps(thing, protocol=2))])
def test_a_pickle_is_refused_and_never_run(tmp_path, save):
    path = tmp_path / "evil.pth"
    save({"conv1.weight": Malicious(tmp_path / "pwned")}, path)
    with pytest.raises(WeightsError, match=r"evil\.pth: not a PyTorch state dict"):
        models.read(path)
    assert not (tmp_path / "pwned").exists()


def test_a_list_of_tensors_is_no_state_dict(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match=r"list\.pth: not a PyTorch state dict"):
        models.read(tmp_path / "list.pth")


def changed(name, array):
    return {**arrays(), name: np.asarray(array, np.float32)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "holds 0 arrays"),
        ({"conv9.weight": np.zeros(3)}, r"holds 1 arrays \(conv9.weight …\), which is neither a student"),
        (
            changed("conv1.weight", np.zeros((4, 3, 3, 3))),
            r"conv1.weight has shape \(4, 3, 3, 3\), .* needs \(4, 2, 3, 3\)",
        ),
        (changed("conv2.bias", [np.nan]), "conv2.bias has values that are not finite"),
    ],
)
def test_a_file_without_a_known_network_says_what_it_holds(tmp_path, content, message):
    save_file(content, tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match=message):
        models.read(tmp_path / "x.safetensors")


def test_a_truncated_file_is_named(tmp_path):
    models.write(tmp_path / "s.safetensors", arrays(), {})
    (tmp_path / "s.safetensors").write_bytes((tmp_path / "s.safetensors").read_bytes()[:200])
    with pytest.raises(WeightsError, match=r"s\.safetensors: "):
        models.read(tmp_path / "s.safetensors")


def test_a_card_that_is_no_json_is_named(tmp_path):
    save_file(arrays(), tmp_path / "s.safetensors", metadata={"card": "{"})
    with pytest.raises(WeightsError, match="its model card is not JSON"):
        models.read(tmp_path / "s.safetensors")


def test_a_missing_file_and_an_unknown_name_are_different_errors(tmp_path):
    with pytest.raises(WeightsError, match=r"gone\.safetensors: no such file"):
        models.read(tmp_path / "gone.safetensors")
    with pytest.raises(UnknownNameError, match="unknown weights 'ivf'"):
        models.read("ivf")


@pytest.mark.parametrize("name", models.names())
def test_shipped_weights_are_read_by_name_and_carry_a_card(name):
    checkpoint = models.read(name)
    assert checkpoint.name == name
    assert json.dumps(checkpoint.card) != "{}"


def test_an_unwritable_path_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        models.write(tmp_path / "file" / "s.safetensors", arrays(), {})


def state(dtype=torch.float32, wrap=lambda values: values, prefix=""):
    """Give a student's state dict, of values that every floating type holds."""
    return {f"{prefix}{name}": wrap(torch.from_numpy(array).to(dtype)) for name, array in arrays().items()}


@pytest.mark.parametrize(
    "stored",
    [
        *map(state, (torch.bfloat16, torch.float16, torch.float64)),
        state(wrap=torch.nn.Parameter),
        state(prefix="module."),
        state(prefix="_orig_mod.module."),
        {"epoch": 3, "state_dict": state(prefix="module.")},
        {"model": {"state_dict": state()}},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_state_dicts_of_any_precision_and_nesting_are_the_same_weights(tmp_path, stored, zipped):
    torch.save(stored, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    read = models.read(tmp_path / "w.pth").arrays
    assert all(array.dtype == np.float32 and np.array_equal(array, arrays()[name]) for name, array in read.items())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_safetensors_of_any_precision_are_the_same_weights(tmp_path, dtype):
    save_torch(state(dtype), tmp_path / "w.safetensors", metadata={"card": '{"a": 1}'})
    read = models.read(tmp_path / "w.safetensors")
    assert read.card == {"a": 1}
    assert all(np.array_equal(array, arrays()[name]) for name, array in read.arrays.items())


def test_bfloat16_is_converted_as_by_torch(tmp_path, rng):
    values = {name: torch.from_numpy(rng.normal(size=array.shape)) for name, array in arrays().items()}
    save_torch({name: array.bfloat16() for name, array in values.items()}, tmp_path / "w.safetensors")
    for name, array in models.read(tmp_path / "w.safetensors").arrays.items():
        assert np.array_equal(array, values[name].bfloat16().float().numpy())


def test_the_content_decides_the_format_not_the_name(tmp_path):
    models.write(tmp_path / "a.safetensors", arrays(), {})
    torch.save(state(), tmp_path / "b.pth")
    (tmp_path / "a.safetensors").rename(tmp_path / "a.pth")
    (tmp_path / "b.pth").rename(tmp_path / "b.safetensors")
    assert models.read(tmp_path / "a.pth").network == models.read(tmp_path / "b.safetensors").network == "student"


LYING = (2**40).to_bytes(8, "little") + b"{}"
HUGE = b'{"conv1.weight": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 4]}}'


@pytest.mark.parametrize(
    "content",
    [
        b"", b"just a text\n", b"\x89PNG\r\n\x1a\n" + bytes(50), b"\xff" * 999,
        LYING, len(HUGE).to_bytes(8, "little") + HUGE + bytes(4),
        b"PK\x03\x04" + bytes(30), b"\x80\x02.", b"\x80\x04", pickle.dumps({"conv1.weight": np.zeros(3)}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["safetensors", "pth", "model"])
def test_files_of_other_formats_are_named(tmp_path, content, suffix):
    path = tmp_path / f"w.{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"w.{suffix}: "):
        models.read(path)


@pytest.mark.parametrize(
    "values",
    [
        torch.zeros(1).expand(2**40), torch.full((4, 2, 3, 3), 1e300, dtype=torch.float64), "text",
        torch.zeros(4, 2, 3, 3, dtype=torch.int64), torch.zeros(4, 2, 3, 3, dtype=torch.complex64),
        torch.zeros(4, 2, 3, 3).to_sparse(), torch.zeros(4, 2, 3, 3, device="meta"),
    ],
)  # fmt: skip
def test_tensors_that_are_no_weights_are_named(tmp_path, values):
    torch.save({**state(), "conv1.weight": values}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"w\.pth: "):
        models.read(tmp_path / "w.pth")


def test_a_file_that_is_far_too_large_is_not_read(tmp_path):
    with (tmp_path / "w.pth").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(WeightsError, match=r"w\.pth: has 1099512 MB"):
        models.read(tmp_path / "w.pth")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"w\.pth: is a pipe or device"):
        models.read(tmp_path / "w.pth")


def test_a_header_of_any_length_is_no_pickle(tmp_path):
    arrays, path = models.read("medical").arrays, tmp_path / "s.safetensors"
    starts = set()
    for length in range(0, 256, 8):
        models.write(path, arrays, {"note": "x" * length})
        starts.add(path.read_bytes()[0])
        assert models.read(path).network == "student"
    assert 0x80 in starts
