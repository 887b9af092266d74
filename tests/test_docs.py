"""README and docs are true: commands and Python run, links lead somewhere, tables are those of the code."""

import importlib.util
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from mmdrfuse import models

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DIGITS = re.compile(r"\d+(\.\d+)?")
SLOW = {"align.md", "README.md", "quickstart.md", "train.md", "performance.md", "scale.md"}
"""Pages whose commands take more than a few seconds."""


def text(page):
    return page.read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE)


def shown(page):
    """Return the commands of a page with the lines of output that it shows under each."""
    found = []
    for block in blocks(page, "console"):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.strip() not in ("", "…"):
                found[-1][1].append(line)
    return found


def named(pages):
    return [pytest.param(page, id=page.name, marks=[pytest.mark.slow] if page.name in SLOW else []) for page in pages]


@pytest.fixture(scope="module")
def street(tmp_path_factory):
    """The folder `scenes` that `mmdrfuse demo scenes` makes, which the pages build on."""
    from click.testing import CliRunner

    from mmdrfuse.cli import main

    folder = tmp_path_factory.mktemp("street") / "scenes"
    assert CliRunner().invoke(main, ["demo", str(folder)]).exit_code == 0
    return folder


@pytest.mark.parametrize("page", named(page for page in PAGES if shown(page)))
def test_what_a_page_shows_runs_in_its_order(page, street, tmp_path, monkeypatch):
    """Its Python runs after its commands.

    Lines that differ in numbers alone count as equal: those depend on the machine's arithmetic and speed.
    """
    from click.testing import CliRunner

    from mmdrfuse.cli import main

    monkeypatch.chdir(tmp_path)
    if not any(command.startswith("mmdrfuse demo scenes") for command, _ in shown(page)):
        shutil.copytree(street, "scenes")
    for command, lines in shown(page):
        program, *arguments = shlex.split(command)
        assert program in {"make", "pip", "mmdrfuse"}
        if program == "make":
            subprocess.run(["make", "-n", *arguments], cwd=ROOT, check=True, capture_output=True)
        if program == "mmdrfuse":
            result = CliRunner().invoke(main, arguments, prog_name="mmdrfuse")
            assert result.exit_code == 0, f"{command}\n{result.output}"
            printed = {_masked(line) for line in result.output.splitlines()}
            assert [line for line in lines if _masked(line) not in printed] == []
    _run_python(page)


@pytest.mark.parametrize("page", named(page for page in PAGES if blocks(page, "python") and not shown(page)))
def test_the_python_of_a_page_without_commands_runs(page, street, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(street, "scenes")
    _run_python(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text(page))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_make_targets_exist(page):
    targets = set(re.findall(r"`make ([a-z-]+)`", text(page)))
    makefile = (ROOT / "Makefile").read_text()
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_every_option_that_a_page_names_exists():
    from mmdrfuse.cli import main

    known = _options(main)
    for page in PAGES:
        prose = re.sub(r"```(sh|text)\n.*?```", "", text(page), flags=re.DOTALL)
        foreign = {
            "--host",
            "--nproc-per-node",
            "--only",
            "--seeds",
            "--json",
            "--demo",
        }  # of torchrun and the benchmarks
        named_ones = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose)) - foreign
        assert named_ones - known == set(), page.name


def test_the_readme_is_short():
    assert len(text(ROOT / "README.md").splitlines()) <= 120


@pytest.mark.parametrize("name", ["align.md", "differences.md", "metrics.md", "python.md", "recipes.md", "weights.md"])
def test_the_generated_pages_are_those_of_the_code(name):
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert text(ROOT / "docs" / name) == make.PAGES[name](), "write it again with  make docs"


@pytest.mark.parametrize("name", models.names())
def test_shipped_weights_are_described(name):
    assert f"`{name}`" in text(ROOT / "docs" / "weights.md")


def test_every_page_can_be_reached_from_the_readme():
    linked = {target for page in PAGES for target in re.findall(r"\]\((?:docs/)?([a-z]+\.md)", text(page))}
    assert {page.name for page in PAGES[1:]} <= linked


def _run_python(page):
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), {})


def _options(group):
    import click

    options = {option for param in group.params for option in (*param.opts, *param.secondary_opts)}
    commands = group.commands.values() if isinstance(group, click.Group) else ()
    return options.union({"--help", "--version"}, *(_options(command) for command in commands))


def _masked(line):
    return re.sub(r"\s+", " ", re.sub("([━─])+", r"\1", DIGITS.sub("0", line))).strip()
