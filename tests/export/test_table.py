"""Every target: written whole or refused in one sentence."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from mmdrfuse import models
from mmdrfuse.cli import main
from mmdrfuse.engine import make
from mmdrfuse.errors import ChoiceError, OutputError, UnknownNameError, WeightsError
from mmdrfuse.export import TARGETS, Options, export, render


def test_the_help_names_every_target():
    option = next(param for param in main.commands["export"].params if param.name == "target")
    assert option.metavar == "|".join(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_the_command_writes_what_python_returns_and_replaces_nothing(target, tmp_path):
    file = tmp_path / f"out.{target}"
    arguments = ["export", "scenes", "--to", target, "-o", str(file)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert (
        file.read_bytes() == render("scenes", target) == CliRunner().invoke(main, [*arguments[:-1], "-"]).stdout_bytes
    )

    again = CliRunner().invoke(main, arguments)
    assert (again.exit_code, "exists already; choose another name, or replace it with --overwrite" in again.stderr) == (
        1,
        True,
    )
    assert CliRunner().invoke(main, [*arguments, "--overwrite"]).exit_code == 0


@pytest.mark.parametrize("target", [name for name in TARGETS if "teacher" not in TARGETS[name].networks])
def test_a_teacher_is_refused_where_it_does_not_fit(target, tmp_path):
    with pytest.raises(WeightsError, match=rf"^teacher is a teacher, and {target} takes a student alone"):
        export("teacher", target, tmp_path / "x")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("target", TARGETS)
def test_weights_that_are_none_are_named(target, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"text")
    with pytest.raises(UnknownNameError, match=r"unknown weights 'scene'.*scenes"):
        export("scene", target, tmp_path / "x")
    with pytest.raises(WeightsError, match=r"w\.safetensors"):
        export(tmp_path / "w.safetensors", target, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_unknown_targets_and_choices_are_named(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown target 'jason': did you mean json"):
        render("scenes", "jason")
    with pytest.raises(ChoiceError, match="input means nothing to json, only to onnx"):
        render("scenes", "json", Options("uint8"))
    with pytest.raises(OutputError, match="is a folder; name a file"):
        export("scenes", "json", tmp_path)


def test_the_arithmetic_in_the_json_gives_the_engines_pixels(rng):
    """Read as a stranger would: the shapes and sentences of the document, and nothing of ours."""
    document = json.loads(render("day", "json"))
    w = {name: np.reshape(entry["values"], entry["shape"]) for name, entry in document["weights"].items()}
    pair = rng.integers(0, 256, (2, 7, 5), np.uint8)

    def convolved(planes, weight, bias):
        padded = np.pad(planes, ((0, 0), (1, 1), (1, 1)), mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        return np.einsum("iyxrc,oirc->oyx", windows, weight) + bias[:, None, None]

    hidden = np.maximum(convolved(pair / 255, w["conv1.weight"], w["conv1.bias"]), 0)
    output = np.tanh(convolved(hidden, w["conv2.weight"], w["conv2.bias"]))[0]
    engine = make(models.read("day"))
    np.testing.assert_allclose(output, engine(*(pair / np.float32(255))), atol=1e-6)
    assert document["card"] == models.read("day").card
    assert all(np.array_equal(w[n].astype(np.float32), a) for n, a in models.read("day").arrays.items())


def test_safetensors_hold_weights_and_card_and_are_the_shipped_file():
    for name in models.names():
        assert render(name, "safetensors") == (models.checkpoints.SHIPPED / f"{name}.safetensors").read_bytes()


HOSTILE = "*/ ?" + "?/ \\ /* \ud800 </script> ` @name@ \n#error"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("card", [{"title": HOSTILE, "licences": {HOSTILE: HOSTILE}}, {"title": [1], "licences": [2]}])
def test_any_card_can_be_exported(card, target, tmp_path):
    path = tmp_path / "\udcff name.safetensors"
    models.write(path, models.read("day").arrays, card)
    assert render(path, target)
