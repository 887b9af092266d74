"""The file of a report: whole or not at all, below its limit, with every name escaped."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mmdrfuse import images
from mmdrfuse.errors import InputError, OutputError
from mmdrfuse.pipeline.score import Evaluation, Scores
from mmdrfuse.reports import write_report
from mmdrfuse.reports.page import MARK


def embedded(path):
    """Return the pairs' pictures of a report."""
    found = re.findall(r'<script type="application/json" id="pair-(\d+)">(.*?)</script>', path.read_text(), re.DOTALL)
    return {int(number): json.loads(text) for number, text in found}


def data(path):
    return json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(), re.DOTALL)[1])


def test_a_report_holds_all_scores_and_pictures(evaluated, tmp_path):
    path = tmp_path / "report.html"
    written = write_report(evaluated, path)
    assert (written.nbytes, written.pairs, written.embedded) == (path.stat().st_size, 3, 3)
    found = data(path)
    assert found["methods"] == ["max", "mean", "affine"]
    value = evaluated.scores.methods["mean"]["street_0001"]["VIF"]
    assert found["scores"]["1"][1][1] == pytest.approx(value, rel=1e-4)
    pictures = embedded(path)[1]["webp"]
    assert len(pictures) == 5  # infrared, visible and three methods
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures[0]))).convert("L"), float)
    stored = images.read(evaluated.candidates[1].pair.infrared).astype(float)
    assert abs(shown - stored).mean() < 3
    assert [child.name for child in tmp_path.iterdir()] == ["report.html"]


def test_a_small_limit_leaves_pictures_out_and_says_so(evaluated, tmp_path):
    path = tmp_path / "report.html"
    whole = write_report(evaluated, path)
    less = write_report(evaluated, path, limit=whole.nbytes - 5000 + 100_000, overwrite=True)
    assert less.embedded < 3 == less.pairs
    assert less.nbytes < whole.nbytes
    assert f"the pictures of {less.embedded} of 3 pairs" in path.read_text()
    assert write_report(evaluated, path, limit=1000, overwrite=True).embedded == 0


def test_full_size_pictures_lie_in_a_folder_beside(evaluated, tmp_path):
    path = tmp_path / "report.html"
    write_report(evaluated, path, full=True)
    folder = tmp_path / "report_files"
    names = embedded(path)[0]["originals"]
    assert sorted(file.name for file in folder.iterdir() if file.name != MARK) == sorted(
        name for pair in embedded(path).values() for name in pair["originals"]
    )
    first = evaluated.candidates[0].pair
    np.testing.assert_array_equal(images.read(folder / names[1]), images.read(first.visible))
    write_report(evaluated, path, full=True, overwrite=True)  # its own folder is replaced


def test_a_folder_of_somebody_else_is_never_replaced(evaluated, tmp_path):
    (tmp_path / "report_files").mkdir()
    (tmp_path / "report_files" / "thesis.txt").write_text("years")
    with pytest.raises(OutputError, match="report_files"):
        write_report(evaluated, tmp_path / "report.html", full=True, overwrite=True)
    assert [child.name for child in tmp_path.iterdir()] == ["report_files"]
    assert (tmp_path / "report_files" / "thesis.txt").read_text() == "years"


def test_an_existing_report_is_kept_unless_overwrite(evaluated, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("earlier")
    with pytest.raises(OutputError, match=r"report\.html: exists already"):
        write_report(evaluated, path)
    assert path.read_text() == "earlier"


@pytest.mark.parametrize("name", ["report.pdf", "report", "-"])
def test_a_report_is_an_html_file(evaluated, tmp_path, name):
    with pytest.raises(OutputError, match=r"\.html"):
        write_report(evaluated, tmp_path / name)


def test_a_failure_leaves_nothing_behind(evaluated, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mmdrfuse.reports.rendering.Renderer.__call__", lambda self, *_: fail() if _[0] else b"")
    with pytest.raises(OutputError):
        write_report(evaluated, tmp_path / "report.html", full=True)
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_report_is_an_error(tmp_path):
    with pytest.raises(InputError, match="report"):
        write_report(Evaluation(Scores("standard", ("SD",))), tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


EVIL = "</script><img src=x onerror=alert(1)>\u2028&'\""


def test_names_are_text_wherever_they_stand(tmp_path):
    scores = Scores("standard", ("SD", "VIF"))
    for method in (EVIL, "b", "c"):
        for pair in (EVIL, "2"):
            scores.add(method, pair, {"SD": len(method) + len(pair), "VIF": 0.5})
    path = tmp_path / "report.html"
    failures = (InputError(f"{EVIL}: broken"),)
    write_report(
        Evaluation(scores, failures, warnings=(EVIL,), made={EVIL: {"range": [EVIL], "weights": [EVIL]}}), path
    )
    text = path.read_text()
    assert "<img" not in text
    assert text.count("</script>") == 2  # of the data and of the program
    assert data(path)["methods"][0] == EVIL
    assert data(path)["pairs"]["0"] == EVIL


def test_names_that_are_no_utf_8_are_shown_with_a_sign_for_each_byte(tmp_path):
    scores = Scores("standard", ("SD",))
    scores.add("caf\udce9", "p\udcff", {"SD": 1.0})
    write_report(Evaluation(scores), tmp_path / "report.html")
    assert "caf?" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_picture_that_vanished_is_missing_and_the_others_are_there(evaluated, scenes, tmp_path):
    candidates = [
        replace(one, fused=tmp_path / "gone.png") if one.method == "mean" else one for one in evaluated.candidates
    ]
    write_report(replace(evaluated, candidates=tuple(candidates)), tmp_path / "report.html")
    found = embedded(tmp_path / "report.html")[0]
    assert [bool(picture) for picture in found["webp"]] == [True, True, True, False, True]
    assert "gone.png" in found["errors"][0]


def test_many_scores_are_listed_for_the_pairs_that_are_shown_first(evaluated, tmp_path, monkeypatch):
    monkeypatch.setattr("mmdrfuse.reports.rendering.MOST_SCORES", 2 * 3 * 4)
    write_report(evaluated, tmp_path / "report.html")
    assert len(data(tmp_path / "report.html")["scores"]) == 2
    assert "The list has 2 pairs" in (tmp_path / "report.html").read_text()
