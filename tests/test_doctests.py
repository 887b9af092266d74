"""The examples in docstrings run and print what they show."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"mmdrfuse": "mmdrfuse", "datasets": "mmdrfuse.datasets", "cli": "mmdrfuse.cli"}
MODULES = {
    ".".join([package, *path.relative_to(ROOT / folder).with_suffix("").parts]).removesuffix(".__init__"): path
    for folder, package in FOLDERS.items()
    for path in sorted((ROOT / folder).rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
}


@pytest.mark.parametrize("module", MODULES)
def test_every_example_prints_what_it_shows(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(importlib.import_module(module))
    # Doctest passes over what stands behind a decorator that is not a plain wrapper.
    assert results.attempted == len(re.findall("^ *>>> ", MODULES[module].read_text(encoding="utf-8"), re.MULTILINE))
    assert results.failed == 0
