"""The architecture holds: imports go one way, public names are what the inventory says."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mmdrfuse

ROOT = Path(__file__).parents[1]
DOOR = ROOT / "mmdrfuse" / "__main__.py"
MODULES = [
    path for folder in ("mmdrfuse", "datasets", "cli") for path in sorted((ROOT / folder).rglob("*.py")) if path != DOOR
]
UPSTAIRS = {"pipeline", "training", "detection"}
DOWNSTAIRS = {"models", "engine", "export", "losses", "metrics", "images", "weights", "recipes"}


def room(path):
    """Name the room of a file: ``cli``, ``datasets``, or a folder of the core (``""`` for its own files)."""
    parts = path.relative_to(ROOT).parts
    return parts[0] if parts[0] != "mmdrfuse" else (parts[1] if len(parts) > 2 else "")


def imported(path):
    """Return the rooms and the other packages that a file imports, at its top or in functions."""
    rooms, packages = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "mmdrfuse" else [node.module]
            )
        for name in names:
            first, *rest = name.split(".")
            (rooms if first == "mmdrfuse" else packages).add(rest[0] if first == "mmdrfuse" and rest else first)
    return rooms, packages


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    if path == ROOT / "mmdrfuse" / "__init__.py":
        return  # names its parts for type checkers
    own, (rooms, packages) = room(path), imported(path)
    if own not in ("cli", "datasets"):
        assert not rooms & {"cli", "datasets"}
        assert not packages & {"click", "rich", "h5py"}
    if own == "datasets":
        assert "cli" not in rooms
        assert not packages & {"click", "rich", "torch"}
    if own in DOWNSTAIRS:
        assert not rooms & UPSTAIRS
    if own == "export":
        assert rooms <= {"export", "models", "images", "system", "errors", "version"}
    if own == "system":
        assert rooms <= {"system", "errors", "version"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_core_and_datasets_never_print(path):
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pools_are_made_in_one_place(path):
    if path == ROOT / "mmdrfuse" / "system" / "workers.py":
        return
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert not names & {"ThreadPoolExecutor", "ProcessPoolExecutor", "Pool", "fork"}
    assert "multiprocessing" not in imported(path)[1]


def test_public_names_are_those_promised():
    assert sorted(mmdrfuse.__all__) == ["__version__", "datasets", "errors", "evaluate", "fuse", "metrics", "models"]
    assert all(getattr(mmdrfuse, name) is not None for name in mmdrfuse.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'fuze'"):
        mmdrfuse.fuze  # noqa: B018


HEAVY = {"torch", "numpy", "numba", "scipy", "PIL", "yaml", "h5py", "importlib.metadata"}
"""Modules that take milliseconds to import, for which no command may wait that does not use them."""


@pytest.mark.parametrize(("module", "heavy"), [("mmdrfuse", HEAVY | {"click"}), ("mmdrfuse.cli", HEAVY)])
def test_import_brings_nothing_heavy(module, heavy):
    code = f"import sys, {module}; print(*{heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == []
