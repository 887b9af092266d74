"""ONNX models: other programs read them and get the engine's pixels."""

import json
import sys

import numpy as np
import pytest

from mmdrfuse import models
from mmdrfuse.engine import make
from mmdrfuse.errors import ChoiceError, InputError, MissingExtraError, UnknownNameError, WeightsError
from mmdrfuse.export import Options, render
from mmdrfuse.images import constant_limits, from_unit, to_unit

onnx = pytest.importorskip("onnx")

STUDENTS = [name for name in models.names() if name != "teacher"]
RANGES = [None, "auto", "clip", "minmax", "fixed:0.05,0.9", "clip+tone:0.7,60"]
SIZES = [(2, 2), (2, 9), (37, 51), (131, 257)]


def in_onnxruntime(content):
    session = pytest.importorskip("onnxruntime").InferenceSession(content)
    return lambda infrared, visible: session.run(None, {"infrared": infrared, "visible": visible})[0]


def in_opencv(content):
    net = pytest.importorskip("cv2").dnn.readNetFromONNX(np.frombuffer(content, np.uint8))

    def fused(infrared, visible):
        net.setInput(infrared, "infrared")
        net.setInput(visible, "visible")
        return net.forward("fused")

    return fused


READERS = [in_onnxruntime, in_opencv]


def pictures(rng, size):
    """Return noise, whose levels are spread evenly, over a step, which makes the extremes of a picture."""
    noise = rng.integers(0, 128, (2, *size), np.uint8)
    noise[:, :, size[1] // 2 :] += 127
    return noise


def wanted(name, range_, infrared, visible, dtype):
    checkpoint = models.read(name)
    output = make(checkpoint)(to_unit(infrared), to_unit(visible))
    limits = constant_limits(checkpoint.card["range"] if range_ in (None, "auto") else range_)
    return from_unit(output, *(limits or (float(output.min()), float(output.max()))), dtype)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("range_", RANGES)
@pytest.mark.parametrize("name", STUDENTS)
def test_eight_bit_models_give_the_engines_pixels(name, range_, reader, rng):
    """But for outputs that lie on the border of two levels to the last bit: none by more than one level."""
    fuse = reader(render(name, "onnx", Options("uint8", range_)))
    differences = []
    for size in SIZES:
        pair = pictures(rng, size)
        fused = fuse(*pair[:, None, None])
        assert (fused.dtype, fused.shape) == (np.uint8, (1, 1, *size))
        differences.append(fused[0, 0].astype(int) - wanted(name, range_, *pair, np.uint8))
    off = np.abs(np.concatenate([difference.ravel() for difference in differences]))
    assert off.max() <= 1
    assert np.count_nonzero(off) <= 1e-4 * off.size


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", STUDENTS)
def test_float_models_give_the_networks_output_or_the_range_that_is_named(name, reader, rng):
    own = reader(render(name, "onnx"))
    ranged = reader(render(name, "onnx", Options(range="minmax")))
    for size in SIZES:
        pair = pictures(rng, size)
        planes = pair / np.float32(255)
        output = make(models.read(name))(*planes)
        np.testing.assert_allclose(own(*planes[:, None, None])[0, 0], output, atol=1e-6)
        stretched = from_unit(output, float(output.min()), float(output.max()), np.float32)
        np.testing.assert_allclose(ranged(*planes[:, None, None])[0, 0], stretched, atol=2e-6)


@pytest.mark.parametrize("reader", READERS)
def test_the_teachers_model_gives_its_output_for_odd_sizes_too(reader, rng):
    fuse = reader(render("teacher", "onnx"))
    for size in ((2, 2), (2, 3), (3, 8), (5, 4), (21, 34)):
        planes = rng.random((2, *size), np.float32)
        output = make(models.read("teacher"))(*planes)
        np.testing.assert_allclose(fuse(*planes[:, None, None])[0, 0], output, atol=2e-6)


@pytest.mark.parametrize("reader", READERS)
def test_each_picture_of_a_batch_has_its_own_extremes_and_a_constant_one_is_black(reader, rng):
    batch = np.stack([pictures(rng, (12, 17)), pictures(rng, (12, 17)) // 3, np.full((2, 12, 17), 200, np.uint8)])
    fused = reader(render("scenes", "onnx", Options("uint8")))(batch[:, :1], batch[:, 1:])
    for picture, pair in zip(fused[:2, 0], batch[:2], strict=True):
        np.testing.assert_allclose(picture, wanted("scenes", None, *pair, np.uint8), atol=1)
        assert (picture.min(), picture.max()) == (0, 255)
    assert not fused[2].any()


@pytest.mark.parametrize("options", [Options(), Options("uint8"), Options("uint8", "minmax")])
def test_a_model_is_small_valid_and_says_what_it_is(options):
    content = render("scenes", "onnx", options)
    assert len(content) <= 4096
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    notes = {entry.key: entry.value for entry in model.metadata_props}
    checkpoint = models.read("scenes")
    assert (notes["weights"], notes["sha256"]) == ("scenes", checkpoint.sha256)
    assert json.loads(notes["card"])["licences"] == checkpoint.card["licences"]
    assert "llvip: non-commercial use only" in notes["licence"]
    assert notes["range"] == ("minmax" if options.input == "uint8" else "none")
    assert content == render("scenes", "onnx", options)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (Options("int8"), UnknownNameError, "unknown input 'int8': did you mean uint8"),
        (Options(range="clap"), UnknownNameError, "unknown range 'clap': did you mean clip"),
        (Options(range="fixed:1"), InputError, "fixed needs"),
        (Options(range="percentile"), ChoiceError, "'percentile' cannot be exported"),
        (Options(range="detector"), ChoiceError, r"'minmax\+tone:0.7,60' cannot be exported"),
        (Options(range="tone:1"), InputError, "needs a gain"),
    ],
)
def test_choices_that_cannot_be_are_named(options, error, words):
    with pytest.raises(error, match=words):
        render("scenes", "onnx", options)


def test_the_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"needs onnx: pip install onnx .*\[export\]"):
        render("scenes", "onnx")


def test_a_range_on_the_card_that_does_not_exist_names_the_file(tmp_path):
    models.write(tmp_path / "w.safetensors", models.read("day").arrays, {"range": "wide"})
    with pytest.raises(WeightsError, match=r"w\.safetensors: its card asks for unknown range 'wide'"):
        render(tmp_path / "w.safetensors", "onnx")
