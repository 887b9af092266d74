"""``mmdrfuse eval`` from manifests and folders."""

import csv
import io
import json
import shutil

import numpy as np
import pytest

from mmdrfuse import evaluate, images
from mmdrfuse.errors import DiskFullError


@pytest.fixture
def fused(run, scenes, tmp_path):
    """Copies of the scenes with two methods' pictures: ours, and ours stretched."""
    for side in ("ir", "vi"):
        shutil.copytree(scenes / side, tmp_path / side)
    for name, policy in (("ours", "clip"), ("stretched", "minmax")):
        run("fuse", tmp_path / "ir", tmp_path / "vi", tmp_path / name, "--range", policy)
    return tmp_path


def document(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.slow
def test_manifest_is_enough_and_scores_are_those_of_python(run, fused):
    scores = document(run("eval", fused / "ours", "--metrics", "EN,SSIM", "--json", "-"))
    images_ = scores["methods"]["ours"]["images"]
    arrays = [images.read(fused / side / "street_0001.png") for side in ("ours", "ir", "vi")]
    assert images_["street_0001"] == pytest.approx(evaluate(*arrays, metrics=("EN", "SSIM")), rel=1e-12)
    mean = np.mean([values["EN"] for values in images_.values()])
    assert scores["methods"]["ours"]["summary"]["EN"]["mean"] == pytest.approx(mean)


def test_current_folder_is_the_default(run, fused, monkeypatch):
    monkeypatch.chdir(fused / "ours")
    result = run("eval", "--metrics", "SD")
    assert result.exit_code == 0
    assert "SD ↑" in result.stdout
    assert "3 pictures scored" in result.stderr


@pytest.mark.slow
def test_folders_need_no_manifest(run, fused):
    (fused / "ours" / "manifest.jsonl").unlink()
    sources = ("--ir", fused / "ir", "--vis", fused / "vi")
    assert len(document(run("eval", fused / "ours", *sources, "--json", "-"))["methods"]["ours"]["images"]) == 3


def test_several_methods_are_ranked_in_each_metric_s_direction(run, fused):
    names = ("ours", "stretched")
    found = document(
        run("eval", *(fused / name for name in names), "--metrics", "SD,CE", "--baselines", "mean", "--json", "-")
    )
    assert list(found["methods"]) == ["ours", "stretched", "mean"]
    assert [len(method["images"]) for method in found["methods"].values()] == [3, 3, 3]
    for metric, best in (("SD", max), ("CE", min)):
        rows = [row["summary"][metric] for row in found["methods"].values()]
        assert next(row for row in rows if row["rank"] == 1)["mean"] == best(row["mean"] for row in rows)


def test_folders_made_differently_are_warned_about(run, fused):
    result = run("eval", fused / "ours", fused / "stretched", "--metrics", "SD")
    assert "made with different range" in result.stderr
    assert "ours: clip; stretched: minmax" in result.stderr


def test_baselines_are_made_once_of_the_pairs_that_folders_share(run, fused):
    result = run("eval", fused / "ours", fused / "stretched", "--metrics", "SD", "--baselines", "max,mean")
    assert "12 pictures scored" in result.stderr


def test_baselines_are_made_once_of_files_that_two_folders_prepared_differently(run, fused):
    run("fuse", fused / "ir", fused / "vi", fused / "sized", "--size-policy", "fit-ir")
    result = run("eval", fused / "ours", fused / "sized", "--metrics", "SD", "--baselines", "max")
    assert (result.exit_code, "9 pictures scored" in result.stderr) == (0, True)


def test_folder_named_like_a_baseline_keeps_its_row(run, fused):
    (fused / "ours").rename(fused / "max")
    found = document(run("eval", fused / "max", "--metrics", "SD", "--baselines", "max", "--json", "-"))
    assert list(found["methods"]) == [f"{fused / 'max'}/", "max"]


def test_flat_picture_is_not_taken_for_several_scenes(run, fused):
    for side in ("ir", "vi"):
        for part in ("day", "night"):
            shutil.copytree(fused / side, fused / "tree" / side / part)
    tree = fused / "tree"
    result = run("eval", fused / "ours", "--ir", tree / "ir", "--vis", tree / "vi", "--metrics", "SD")
    assert result.exit_code == 1
    assert "no picture for day/street_0000" in result.stderr
    assert "no picture for night/street_0000" in result.stderr


def test_unequal_sets_of_pictures_are_warned_about(run, fused):
    (fused / "ours" / "street_0000.png").unlink()
    result = run("eval", fused / "ours", fused / "stretched", "--metrics", "SD")
    assert "scored on different pictures" in result.stderr
    assert "2 pictures of ours, 3 pictures of stretched" in " ".join(result.stdout.split())


def test_one_folder_without_manifest_does_not_stop_the_others(run, fused):
    result = run("eval", fused / "ours", fused / "ir", "--metrics", "SD")
    assert result.exit_code == 1
    assert "ir: holds no manifest.jsonl" in result.stderr
    assert "ours" in result.stdout


@pytest.mark.slow
def test_many_metrics_stand_in_rows(run, fused):
    from mmdrfuse.metrics import names

    metrics = ",".join(name for name in names("standard") if not name.startswith("MS_SSIM"))
    printed = run("eval", fused / "ours", "--metrics", metrics, "--no-per-image").stdout
    assert max(map(len, printed.splitlines())) <= 80
    assert all(f"{name} " in printed for name in metrics.split(","))


def test_two_documents_on_one_output_are_refused(run, fused):
    assert run("eval", fused / "ours", "--json", "-", "--csv", "-").exit_code == 2


def test_comparison_is_printed_and_in_the_document(run, fused):
    arguments = ("eval", fused / "ours", "--baselines", "max", "--metrics", "SD", "--compare")
    assert "Wilcoxon" in run(*arguments).stdout
    found = document(run(*arguments, "--json", "-"))
    for key in ("wilcoxon_p", "wilcoxon_p_holm", "rank_biserial"):
        (compared,) = found[key]
        assert compared["methods"] == ["ours", "max"]
        assert -1 <= compared["SD"] <= 1
    assert found["friedman"] == {"SD": None}  # of two methods


def test_csv_has_a_line_a_picture_and_the_means(run, fused):
    result = run("eval", fused / "ours", "--metrics", "EN,SD", "--csv", "-")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["image"] for row in rows] == ["street_0000", "street_0001", "street_0002", "mean"]
    assert float(rows[3]["SD"]) == pytest.approx(np.mean([float(row["SD"]) for row in rows[:3]]))


def test_existing_result_file_is_kept_unless_told(run, fused):
    arguments = ("eval", fused / "ours", "--metrics", "SD", "--json", fused / "scores.json")
    assert run(*arguments).exit_code == 0
    refused = run(*arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")  # before anything is scored
    assert run(*arguments, "--overwrite").exit_code == 0


def test_results_that_could_not_be_written_are_refused_before_the_work(run, fused):
    same = run("eval", fused / "ours", "--json", fused / "x", "--csv", fused / "ours" / ".." / "x")
    assert (same.exit_code, same.stdout) == (2, "")
    folder = run("eval", fused / "ours", "--json", fused / "ir", "--overwrite")
    assert (folder.exit_code, folder.stdout) == (1, "")
    assert "ir: is a folder" in folder.stderr


def test_what_cannot_be_scored_is_named_and_the_rest_is(run, fused):
    (fused / "ours" / "street_0000.png").unlink()
    images.write(fused / "ours" / "street_0001.png", np.zeros((8, 8), np.uint8))
    result = run("eval", fused / "ours", "--metrics", "SD", "--json", "-")
    assert result.exit_code == 1
    assert list(json.loads(result.stdout)["methods"]["ours"]["images"]) == ["street_0002"]
    assert "street_0000.png: no such file" in result.stderr
    assert "street_0001.png: " in result.stderr


def test_a_source_that_is_gone_is_named_and_the_rest_is_scored(run, fused):
    (fused / "vi" / "street_0001.png").unlink()
    result = run("eval", fused / "ours", "--metrics", "SD", "--json", "-")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert list(found["methods"]["ours"]["images"]) == ["street_0000", "street_0002"]
    (failure,) = found["failures"]
    assert str(fused / "vi" / "street_0001.png") in failure


def test_names_that_are_not_utf_8_come_through(run, fused, monkeypatch):
    odd = "m\udce4rz"  # märz in Latin-1, as Python decodes a file name
    for side in ("ir", "vi", "ours"):
        (fused / side / "street_0001.png").rename(fused / side / f"{odd}.png")
    sources = ("--ir", fused / "ir", "--vis", fused / "vi")
    result = run(
        "eval", fused / "ours", *sources, "--metrics", "SD", "--csv", fused / "s.csv", "--json", fused / "s.json"
    )
    assert result.exit_code == 0, result.stderr
    assert b"ours,m\xe4rz," in (fused / "s.csv").read_bytes()
    assert odd in json.loads((fused / "s.json").read_bytes())["methods"]["ours"]["images"]
    assert b"m\\udce4rz" in (fused / "s.json").read_bytes()
    assert b"ours,m\xe4rz," in run("eval", fused / "ours", *sources, "--metrics", "SD", "--csv", "-").stdout_bytes


def test_a_file_that_cannot_be_written_in_the_end_costs_neither_table_nor_the_other_file(run, fused, monkeypatch):
    from mmdrfuse.system import atomic

    real = atomic.writing

    def full(path, **options):
        if path.suffix == ".json":
            raise DiskFullError(f"{path}: the disk is full")
        return real(path, **options)

    monkeypatch.setattr(atomic, "writing", full)
    result = run("eval", fused / "ours", "--metrics", "SD", "--json", fused / "s.json", "--csv", fused / "s.csv")
    assert result.exit_code == 1
    assert "s.json: the disk is full" in result.stderr
    assert "SD ↑" in result.stdout
    assert len((fused / "s.csv").read_text().splitlines()) == 5


def test_a_picture_with_nan_is_named(run, fused):
    images.write(fused / "ours" / "street_0001.tif", np.full((96, 128), np.nan, np.float32))
    (fused / "ours" / "street_0001.png").unlink()
    sources = ("--ir", fused / "ir", "--vis", fused / "vi")
    result = run("eval", fused / "ours", *sources, "--metrics", "SD", "--workers", 2)
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if "failed" in line and "street_0001.tif" in line]
    assert "nan" in line.lower()
    assert "2 pictures scored, 1 failed" in result.stderr


def test_source_that_changed_since_is_not_scored_against(run, fused):
    shutil.copy(fused / "ir" / "street_0001.png", fused / "ir" / "street_0000.png")
    result = run("eval", fused / "ours", "--metrics", "SD", "--json", "-")
    assert result.exit_code == 1
    assert "street_0000.png: has changed since" in result.stderr
    assert list(json.loads(result.stdout)["methods"]["ours"]["images"]) == ["street_0001", "street_0002"]


def test_metric_that_a_picture_is_too_small_for_costs_only_itself(run, fused):
    result = run("eval", fused / "ours", "--metrics", "EN,MS_SSIM", "--json", "-")
    assert result.exit_code == 0
    values = json.loads(result.stdout)["methods"]["ours"]["images"]["street_0000"]
    assert values["EN"] > 0
    assert values["MS_SSIM"] is None
    assert "MS_SSIM: has no value for 3 pictures: needs 176 pixels a side" in result.stderr


def test_missing_and_spare_pictures_are_named(run, fused):
    (fused / "ours" / "street_0000.png").rename(fused / "ours" / "other.png")
    result = run("eval", fused / "ours", "--ir", fused / "ir", "--vis", fused / "vi", "--metrics", "SD")
    assert result.exit_code == 1
    assert "no picture for street_0000" in result.stderr
    assert "other.png: belongs to no pair" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [(("--metrics", "SIMM"), 1, "did you mean SSIM"), (("--protocol", "vfb"), 1, "did you mean vifb"),
     (("--baselines", "min"), 1, "unknown baseline 'min'"),
     (("--protocol", "liu"), 2, "liu has QMI"), (("--ir", "."), 2, "go together")],
)  # fmt: skip
def test_unknown_names_and_wrong_usage_are_answered(run, fused, arguments, code, message):
    result = run("eval", fused / "ours", *arguments)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr


def test_folder_without_manifest_says_what_to_do(run, fused):
    result = run("eval", fused / "ir")
    assert result.exit_code == 1
    assert "give --ir DIR and --vis DIR" in result.stderr


def test_list_names_every_metric(run):
    from mmdrfuse.metrics import METRICS

    listed = run("eval", "--list").stdout
    assert all(name in listed for name in METRICS)


def test_a_report_is_written_beside_the_table(run, fused):
    html = fused / "report.html"
    result = run("eval", fused / "ours", "--baselines", "max", "--metrics", "SD", "--html", html, "--full")
    assert result.exit_code == 0, result.stderr
    assert "SD ↑" in result.stdout
    assert f"report written to {html}" in result.stderr
    assert f"--metrics SD --baselines max --html {html} --full" in html.read_text()
    assert len(list((fused / "report_files").glob("*.png"))) == 3 * 4


@pytest.mark.parametrize(
    ("options", "code", "named"),
    [
        (["--full"], 2, "--html"),
        (["--labels", "ir"], 2, "--html"),
        (["--html", "ours"], 2, "ours"),
        (["--html", "ir/street_0000.png"], 1, ".html"),
        (["--html", "exists.html"], 1, "--overwrite"),
        (["--html", "same.html", "--csv", "same.html"], 2, "same.html"),
        (["--html", "exists.html/report.html"], 1, "exists.html is no folder"),
    ],
)
def test_reports_that_could_not_be_written_are_refused_before_the_work(run, fused, monkeypatch, options, code, named):
    monkeypatch.chdir(fused)
    (fused / "exists.html").write_text("earlier")
    result = run("eval", "ours", "--metrics", "SD", *options)
    assert (result.exit_code, result.stdout) == (code, "")
    assert named in result.stderr
    assert (fused / "exists.html").read_text() == "earlier"


def test_what_is_wrong_with_labels_is_named(run, fused):
    (fused / "labels").mkdir()
    (fused / "labels" / "street_0000.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    (fused / "labels" / "street_0001.txt").write_text("0 0.5 0.5 0.25\n")
    result = run("eval", fused / "ours", "--metrics", "SD", "--labels", fused / "labels", "--html", fused / "r.html")
    assert result.exit_code == 1
    assert "street_0001.txt" in result.stderr
    assert (fused / "r.html").exists()


def test_labels_are_the_targets_of_the_contrast(run, fused):
    (fused / "labels").mkdir()
    for number in range(3):
        (fused / "labels" / f"street_000{number}.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    rows = ("--baselines", "infrared,visible", "--metrics", "TBC", "--json", "-")
    hot = document(run("eval", fused / "ours", *rows))["methods"]
    labelled = document(run("eval", fused / "ours", *rows, "--labels", fused / "labels"))["methods"]
    assert list(hot) == ["ours", "infrared", "visible"]
    assert hot["infrared"]["summary"]["TBC"]["mean"] > hot["visible"]["summary"]["TBC"]["mean"]
    sources = [images.read(fused / side / "street_0001.png") for side in ("ours", "ir", "vi")]
    height, width = sources[0].shape[:2]
    box = [width * 3 / 8, height / 4, width * 5 / 8, height * 3 / 4]
    expected = evaluate(*sources, metrics="TBC", boxes=[box])["TBC"]
    assert labelled["ours"]["images"]["street_0001"]["TBC"] == pytest.approx(expected)


def test_flicker_of_folders_is_a_table_of_its_own(run, fused):
    rows = document(run("eval", fused / "ours", "--baselines", "max", "--temporal", "--json", "-"))
    assert rows["protocol"] == "temporal"
    assert rows["metrics"]["Flicker"] == {"higher_is_better": False, "unit": "level"}
    assert [len(row["images"]) for row in rows["methods"].values()] == [2, 2]
    assert rows["methods"]["max"]["summary"]["Flicker_local"]["mean"] == pytest.approx(0, abs=0.5)
    shown = run("eval", fused / "ours", "--temporal")
    assert (shown.exit_code, "Flicker ↓" in shown.stdout, "street_0001" in shown.stdout) == (0, True, False)
    assert "2 frames scored" in shown.stderr


VIDEOS = ("--ir", "ir/street_0001.png", "--vis", "vi/street_0001.png")  # files, which are taken for videos


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["ours", "--temporal", "--metrics", "SD"], "--metrics"),
        (["ours", "--temporal", "--html", "x.html"], "--html"),
        (["ours/street_0001.png", "--temporal", "--workers", "2", *VIDEOS], "--workers"),
        (["ours/street_0001.png", "--temporal", "--cluster", "local:2", *VIDEOS], "--cluster"),
        (["ours/street_0001.png", "--metrics", "SD"], "--temporal"),
        (["ours/street_0001.png", "--temporal"], "--ir"),
        (["ours/street_0001.png", "--temporal", "--ir", "ir", "--vis", "vi"], "--ir"),
    ],
)
def test_what_flicker_cannot_be_scored_of_is_wrong_usage(run, fused, monkeypatch, arguments, named):
    monkeypatch.chdir(fused)
    result = run("eval", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert named in result.stderr
