"""Commands that work on a cluster: what they write and print is the same as without it."""

import json

import pytest

from mmdrfuse.cli import main

COMMANDS = ("fuse", "eval", "prepare", "detect", "data check", "data export")
TIMES = {"seconds", "finished"}


def entries(folder):
    lines = (folder / "manifest.jsonl").read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name not in TIMES} for line in lines]


@pytest.mark.slow
def test_fuse_writes_the_same_pictures_and_the_manifest_in_the_same_order(run, scenes, tmp_path, cluster_address):
    for name, options in (("alone", ()), ("cluster", ("--cluster", cluster_address))):
        result = run("fuse", scenes / "ir", scenes / "vi", tmp_path / name, *options)
        assert result.exit_code == 0, result.output
    assert entries(tmp_path / "cluster") == entries(tmp_path / "alone")
    for picture in (tmp_path / "alone").glob("*.png"):
        assert (tmp_path / "cluster" / picture.name).read_bytes() == picture.read_bytes()
    again = run("fuse", scenes / "ir", scenes / "vi", tmp_path / "alone", "--resume", "--cluster", cluster_address)
    assert "0 pictures fused" in again.stderr


@pytest.mark.slow
def test_eval_and_check_print_the_same_numbers(run, scenes, tmp_path, cluster_address, monkeypatch):
    monkeypatch.chdir(scenes)  # relative paths mean the same on the workers, which run elsewhere
    assert run("fuse", "ir", "vi", tmp_path / "fused").exit_code == 0
    score = ("eval", tmp_path / "fused", "--metrics", "EN,SD,MI", "--baselines", "max", "--json", "-")
    check = ("data", "check", ".", "--json", "-")
    for command in (score, check):
        alone, cluster = run(*command), run(*command, "--cluster", cluster_address)
        assert cluster.exit_code == alone.exit_code == 0, cluster.output
        assert cluster.stdout == alone.stdout


@pytest.mark.slow
def test_prepare_and_export_write_the_same_bytes(run, scenes, tmp_path, cluster_address, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, options in (("alone", ()), ("cluster", ("--cluster", cluster_address))):
        assert run("prepare", scenes, f"{name}.h5", "--patch", "32", *options).exit_code == 0
        result = run("data", "export", scenes, name, "--methods", "max", "--split", "1:1:1", *options)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "cluster.h5").read_bytes() == (tmp_path / "alone.h5").read_bytes()
    files = [path.relative_to(tmp_path / "alone") for path in (tmp_path / "alone").rglob("*") if path.is_file()]
    assert len(files) > 6
    assert [
        file for file in files if (tmp_path / "alone" / file).read_bytes() != (tmp_path / "cluster" / file).read_bytes()
    ] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "alone.h5", "cluster", "cluster.h5"]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_has_the_option(command):
    found = main
    for word in command.split():
        found = found.commands[word]
    assert "--cluster" in {option for param in found.params for option in param.opts}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cluster", "local:0"), ["'local:0'", "local:4"]),
        (("--cluster", "local:many"), ["'local:many'", "local:4"]),
        (("--cluster", "local:2", "--workers", "2"), ["--workers", "--cluster"]),
    ],
)
def test_wrong_use_ends_with_one_sentence_and_exit_code_2(run, scenes, tmp_path, options, words):
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    result = run("fuse", scenes / "ir", scenes / "vi", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert [word for word in words if word not in result.stderr] == []
    assert not (tmp_path / "out").exists()


def test_one_picture_is_no_work_for_a_cluster(run, scenes, tmp_path):
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    infrared, visible = (next((scenes / side).iterdir()) for side in ("ir", "vi"))
    result = run("fuse", infrared, visible, tmp_path / "a.png", "--cluster", "local:2")
    assert (result.exit_code, "--cluster" in result.stderr) == (2, True)
