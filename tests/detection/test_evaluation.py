"""A detector on the pictures of several methods: rows, tones, differences, failures."""

from dataclasses import dataclass

import numpy as np
import pytest

from mmdrfuse import images
from mmdrfuse.datasets import pair_folders
from mmdrfuse.detection import detect_folders, score_results
from mmdrfuse.detection.detections import Detections
from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.detection.results import Results
from mmdrfuse.errors import InputError
from mmdrfuse.pair import Pair, Preparation

NOTHING = LabelledPicture.of([], [])


@dataclass(frozen=True)
class Bright:
    """Finds the rectangle of pixels above a level, and is the surer the darker the rest is."""

    level: int = 128
    classes: tuple = ("person", "car")
    name: str = "bright"
    parallel: bool = True

    def __call__(self, picture):
        rows, columns = np.nonzero(picture[..., 0] > self.level)
        if not len(rows):
            return Detections.of([], [], [])
        box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        return Detections.of([box], [1 - picture.mean() / 256], [0])

    def only(self, classes):
        return self

    def description(self):
        return {"callable": self.name}


def labels_of(count, **others):
    pictures = {f"{n:02}": LabelledPicture.of([[8, 4, 20, 24]], [0], size=(40, 30)) for n in range(count)}
    return Labels(("person",), pictures, "made up", "0" * 64, **others)


@pytest.fixture
def pairs(tmp_path):
    """Six pairs: infrared shows the person faintly, visible shows it brightly in every second picture."""
    for number in range(6):
        for side, level in (("ir", 100), ("vi", 200 if number % 2 else 20)):
            picture = np.full((30, 40), 10, np.uint8)
            picture[4:24, 8:20] = level
            images.write(tmp_path / side / f"{number:02}.png", picture)
    return pair_folders(tmp_path / "ir", tmp_path / "vi").pairs


def ap(result, tone):
    return {row.method: row.scores[tone].measures["AP"].value for row in result.rows}


def test_rows_are_the_methods_and_both_sides(pairs):
    result = detect_folders([], pairs, detector=Bright(), labels=labels_of(6), baselines=["max"])
    assert list(ap(result, "raw")) == ["max", "infrared", "visible"]
    assert ap(result, "raw") == pytest.approx({"max": 0.5, "infrared": 0, "visible": 0.5}, abs=0.01)
    assert (result.objects, len(result.pictures), result.count) == (6, 6, 18)


def test_free_tone_is_chosen_on_one_half_and_scored_on_the_other(pairs):
    """The infrared is found once it is lifted above the level: 100 + 30 or 0.7·100 + 60."""
    result = detect_folders([], pairs, detector=Bright(), labels=labels_of(6))
    infrared = result.rows[0]
    assert ap(result, "free")["infrared"] == pytest.approx(1)
    assert infrared.tones == ("1,30", "1,30")
    assert result.difference("visible", "free")["AP"].value == pytest.approx(1 - ap(result, "free")["visible"])


def test_a_tone_that_helps_one_half_alone_is_not_scored_there(tmp_path):
    """In the first half the person must be lifted, in the second half lifting drowns it."""
    for number in range(4):
        first = number < 2
        for side in ("ir", "vi"):
            picture = np.full((30, 40), 10 if first else 110, np.uint8)
            picture[4:24, 8:20] = 100 if first else 150
            images.write(tmp_path / side / f"{number:02}.png", picture)
    pairs = pair_folders(tmp_path / "ir", tmp_path / "vi").pairs
    result = detect_folders([], pairs, detector=Bright(), labels=labels_of(4))
    assert result.rows[0].tones == ("1,30", "1,0")
    assert ap(result, "free")["infrared"] == pytest.approx(0, abs=0.01)


def test_one_tone_for_all(pairs):
    result = detect_folders([], pairs, detector=Bright(), labels=labels_of(6), tone="1,30")
    assert ap(result, "1,30")["infrared"] == pytest.approx(1)
    assert result.rows[0].tones == ()


def test_a_damaged_picture_fails_and_no_row_is_scored_on_it(pairs, tmp_path):
    (tmp_path / "ir" / "03.png").write_bytes(b"no picture")
    result = detect_folders([], pairs, detector=Bright(), labels=labels_of(6))
    assert {str(failure).partition(":")[0] for failure in result.failures} == {str(tmp_path / "ir" / "03.png")}
    assert "03" not in result.pictures
    assert len(result.pictures) == 5


def test_a_picture_without_labels_is_named(pairs):
    result = detect_folders([], pairs, detector=Bright(), labels=labels_of(4), tone="raw")
    assert any("04, 05" in line for line in result.warnings)
    assert len(result.pictures) == 4


def test_classes_that_the_detector_lacks_are_named(pairs):
    known = labels_of(6)
    both = Labels(
        ("dragon", "Pedestrian"),
        {k: LabelledPicture.of(v.boxes, [1], size=(40, 30)) for k, v in known.pictures.items()},
        "x",
        "0",
    )
    result = detect_folders([], pairs, detector=Bright(), labels=both, tone="raw")
    assert result.classes == ("person",)
    assert any("dragon" in line for line in result.warnings)
    assert ap(result, "raw")["visible"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("detector", "labels", "message"),
    [
        (Bright(classes=("cat", "dog")), labels_of(6), "bright: finds none of person; its classes are cat, dog"),
        (Bright(), Labels(("person",), {"street": labels_of(1).pictures["00"]}, "x", "0"), "of other pictures"),
        (Bright(), Labels(("person",), dict.fromkeys(labels_of(6).pictures, NOTHING), "x", "0"), "no person"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_one_sentence(pairs, detector, labels, message):
    with pytest.raises(InputError, match=message):
        detect_folders([], pairs, detector=detector, labels=labels, tone="raw")


def test_labels_follow_a_size_policy_and_another_size(tmp_path):
    """Drawn on a copy of half the size of the visible, for pictures of the infrared's size."""
    small, large = np.full((30, 40), 10, np.uint8), np.full((60, 80), 10, np.uint8)
    small[4:24, 8:20] = large[8:48, 16:40] = 200
    images.write(tmp_path / "ir.png", small)
    images.write(tmp_path / "vi.png", large)
    pair = Pair("a", tmp_path / "ir.png", tmp_path / "vi.png", Preparation("fit-vis"))
    labels = Labels(("person",), {"a": LabelledPicture.of([[4, 2, 10, 12]], [0], size=(20, 15))}, "x", "0")
    result = detect_folders([], [pair], detector=Bright(), labels=labels, baselines=["mean"], tone="raw")
    assert list(ap(result, "raw").values()) == pytest.approx([1, 1, 1])


def test_results_of_other_programs_are_rows(pairs):
    boxes = {f"{n:02}": Detections.of([[8, 4, 20, 24]], [0.9], [1]) for n in range(6)}
    mine = Results("mine.json", boxes)
    alone = score_results({"mine": mine}, labels_of(6))
    beside = detect_folders([], pairs, detector=Bright(), labels=labels_of(6), results={"mine": mine})
    assert ap(alone, "raw") == pytest.approx({"mine": 1})
    assert beside.rows[-1].scores["raw"].measures["AP"].value == pytest.approx(1)
    assert "free" not in beside.rows[-1].scores


def test_two_rows_of_one_name_are_refused(pairs):
    mine = Results("mine.json", {"00": Detections.of([[8, 4, 20, 24]], [0.9], [1])})
    with pytest.raises(InputError, match="two rows are called visible"):
        detect_folders([], pairs, detector=Bright(), labels=labels_of(6), results={"visible": mine}, tone="raw")


def test_without_labels_everything_is_found(pairs):
    result = detect_folders([], pairs, detector=Bright())
    document = result.detections()
    assert document["methods"]["visible"]["01"]["boxes"] == [[8, 4, 20, 24]]
    assert document["classes"] == ["person", "car"]
    assert result.rows == ()


@pytest.mark.slow
def test_processes_find_the_same(pairs, make_onnx):
    from mmdrfuse.detection import open_detector

    table = np.zeros((1, 300, 6))
    table[0, 0] = 20, 24, 48, 72, 0.9, 0
    detector = open_detector(make_onnx({"output0": table}))
    one, two = (detect_folders([], pairs, detector=detector, workers=count).detections() for count in (1, 2))
    assert one == two


def test_labels_follow_a_rig(tmp_path):
    """The infrared is shifted by a matrix, and its labels with it."""
    infrared, visible = np.full((30, 40), 10, np.uint8), np.full((30, 40), 10, np.uint8)
    infrared[4:24, 8:20], visible[6:26, 13:25] = 200, 200
    images.write(tmp_path / "ir.png", infrared)
    images.write(tmp_path / "vi.png", visible)
    preparation = Preparation(transform=(1, 0, 5, 0, 1, 2, 0, 0, 1))
    pair = Pair("00", tmp_path / "ir.png", tmp_path / "vi.png", preparation)
    result = detect_folders([], [pair], detector=Bright(), labels=labels_of(1), boxes_on="infrared", tone="raw")
    assert list(ap(result, "raw").values()) == pytest.approx([1, 1])
    assert result.found["visible"]["00"].width < 40  # only where both cameras see


def test_pictures_give_the_size_that_yolo_s_labels_lack(pairs):
    shares = LabelledPicture.of([[0.2, 4 / 30, 0.5, 0.8]], [0], size=(1, 1))
    labels = Labels(("person",), {f"{n:02}": shares for n in range(6)}, "YOLO", "0")
    mine = {"mine": Results("mine.json", {f"{n:02}": Detections.of([[8, 4, 20, 24]], [0.9], [1]) for n in range(6)})}
    with pytest.raises(InputError, match=r"mine\.json: has boxes in pixels.*; name the folders"):
        score_results(mine, labels)
    alone = score_results(mine, labels, pairs)
    beside = detect_folders([], pairs, detector=Bright(), labels=labels, results=mine, tone="raw")
    relative = Results("texts", {f"{n:02}": Detections.of(shares.boxes, [0.9], [0]) for n in range(6)}, relative=True)
    assert [ap(one, "raw")["mine"] for one in (alone, beside)] == pytest.approx([1, 1])
    assert ap(score_results({"mine": relative}, labels), "raw")["mine"] == pytest.approx(1)


def test_one_picture_cannot_choose_a_tone(pairs):
    result = detect_folders([], pairs[1:2], detector=Bright(), labels=labels_of(6), tone="free")
    assert list(result.rows[0].scores) == ["raw"]
    assert any("tone is not free" in line for line in result.warnings)


def test_scores_are_by_class_and_size(pairs):
    """The detector calls everything a person; the cars, which lie elsewhere, are missed."""
    boxes = {f"{n:02}": LabelledPicture.of([[8, 4, 20, 24], [25, 5, 35, 15]], [1, 0], size=(40, 30)) for n in range(6)}
    result = detect_folders([], pairs, detector=Bright(), labels=Labels(("Car", "human"), boxes, "x", "0"), tone="raw")
    scores = result.rows[1].scores["raw"]
    assert scores.by_class == pytest.approx({"car": 0, "person": 0.5}, abs=0.01)
    assert scores.measures["AP"].value == pytest.approx(0.25, abs=0.01)
    assert scores.by_size["small"] == pytest.approx(0.25, abs=0.01)
    assert np.isnan(scores.by_size["large"])
    assert result.document()["rows"]["visible"]["raw"]["by_size"]["large"] is None
