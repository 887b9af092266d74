"""Python functions as detectors."""

import sys
import textwrap

import numpy as np
import pytest

from mmdrfuse.detection import open_detector
from mmdrfuse.errors import InputError

GOOD = """
    CLASSES = ("car", "person")
    def find(picture):
        height, width, channels = picture.shape
        assert (channels, picture.dtype.name) == (3, "uint8")
        return [[1, 2, width + 5, height], [0, 0, 4, 4]], [0.5, 0.9], {labels}
"""


def written(folder, text):
    path = folder / "mine.py"
    path.write_text(textwrap.dedent(text))
    return path


@pytest.mark.parametrize("labels", ["[1, 0]", "['person', 'car']", "__import__('numpy').array([1.0, 0.0])"])
def test_function_of_a_file_gives_its_boxes(tmp_path, picture, labels):
    detector = open_detector(f"{written(tmp_path, GOOD.format(labels=labels))}:find")
    found = detector(picture)
    assert detector.classes == ("car", "person")
    assert found.boxes.tolist() == [[0, 0, 4, 4], [1, 2, 192, 128]]
    assert found.classes.tolist() == [0, 1]
    assert detector.only(frozenset([1]))(picture).scores.tolist() == [0.5]


def test_function_of_a_module_gives_its_boxes(tmp_path, picture, monkeypatch):
    written(tmp_path, GOOD.format(labels="[1, 1]"))
    monkeypatch.syspath_prepend(tmp_path)
    assert len(open_detector("mine:find")(picture)) == 2
    sys.modules.pop("mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("find = 3", "is no function"),
        ("import not_there", "not_there"),
        ("def find(picture): return 1", "must return boxes"),
        ("def find(picture): return [[0, 0, 1, 1]], [0.5], [1, 2]", "1 boxes, 1 scores and 2 classes"),
        ("def find(picture): return [[0, 0, 1, float('nan')]], [0.5], [1]", "finite"),
        ("def find(picture): return [[0, 0, 1, 1]], [0.5], ['person']", "name the classes"),
        ("def find(picture): raise RuntimeError('out of order')", r"failed \(RuntimeError: out of order"),
        ("def find(picture): raise SystemExit(5)", r"failed \(SystemExit: 5"),
        ("raise SystemExit(5)", r"cannot be imported \(SystemExit: 5"),
        ("def other(picture): return 1", "has no find"),
        (
            "CLASSES = ('car',)\ndef find(picture): return [[0, 0, 1, 1]], [0.5], [1]",
            r"label 1 is none of its 1 classes",
        ),
        ("CLASSES = ('car',)\ndef find(picture): return [[0, 0, 1, 1]], [0.5], [-1]", "label -1 is none"),
        ("CLASSES = ('car',)\ndef find(picture): return [[0, 0, 1, 1]], [0.5], ['bus']", "label 'bus' is none"),
        ("def find(picture): return [[0, 0, 1, 1j]], [0.5], [0]", "real numbers"),
    ],
)
def test_what_goes_wrong_names_the_function(tmp_path, picture, text, message):
    spec = f"{written(tmp_path, text)}:find"
    with pytest.raises(InputError, match=message) as caught:
        open_detector(spec)(picture)
    assert spec in str(caught.value)


@pytest.mark.parametrize("spec", ["nowhere.py:find", "mine.py:", ":find"])
def test_functions_of_nothing_are_refused(spec):
    with pytest.raises(InputError, match=r"module:function or file\.py:function"):
        open_detector(spec)


@pytest.mark.parametrize("spec", ["yolo.pt", "nowhere", "detector"])
def test_other_things_are_no_detector(spec):
    with pytest.raises(InputError, match=rf"{spec}: is neither an ONNX file"):
        open_detector(spec)


def test_grey_level_arrays_are_taken(tmp_path):
    text = "import numpy as np\ndef find(picture): return np.zeros((0, 4)), np.zeros(0), np.zeros(0)"
    assert len(open_detector(f"{written(tmp_path, text)}:find")(np.zeros((4, 4, 3), np.uint8))) == 0
