"""The facts of a run: versions, machine, weights with card and licence, and the sources of every method."""

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from mmdrfuse import models
from mmdrfuse.pipeline.score import Evaluation
from mmdrfuse.version import __version__

PACKAGES = ("numpy", "scipy", "numba", "pillow", "scikit-image", "PyWavelets")
"""Whose versions can change a score."""


def facts(command: str) -> dict[str, str]:
    """Return the program, the machine and the command, under the names that the report shows."""
    versions = ", ".join(f"{package} {_version(package)}" for package in PACKAGES)
    return {
        "made": datetime.now(UTC).isoformat(sep=" ", timespec="seconds"),
        "program": f"mmdrfuse {__version__}",
        "Python": f"{platform.python_version()} with {versions}",
        "machine": f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} processors",
        "command": command or "none: the report was made by a call from Python",
        "folder": str(Path.cwd()),
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # under another name, as some distributions pack it
        return "of unknown version"


def methods(evaluation: Evaluation) -> dict[str, dict[str, str]]:
    """Return for each method how its pictures were made, as far as its manifest or its name says so."""
    return {method: _made(method, evaluation) for method in evaluation.scores.methods}


def _made(method: str, evaluation: Evaluation) -> dict[str, str]:
    from mmdrfuse.engine.baselines import BASELINES

    how = evaluation.made.get(method)
    if how is None:
        baseline = method in BASELINES and method not in evaluation.folders
        folder = {"folder": str(evaluation.folders[method])} if method in evaluation.folders else {}
        made = "computed from the sources, pixel by pixel, without a network" if baseline else "unknown: no manifest"
        return {**folder, "made": made}
    found = {"folder": str(evaluation.folders.get(method, "")), "range": ", ".join(how["range"])}
    for weights in how["weights"]:
        found[f"weights {weights}"] = _card(weights)
    return found


def _card(weights: str) -> str:
    """Return the title and the licences of shipped weights: ``name sha256``, as a manifest names them."""
    card = _cards().get(weights.rpartition(" ")[2])
    if card is None:
        return "not among the shipped weights of this version, so there is no card"
    licences = "; ".join(f"{name}: {licence}" for name, licence in card.get("licences", {}).items())
    return f"{card.get('title', '')}. Licences of the training data: {licences or 'none, made-up scenes alone'}"


@cache
def _cards() -> Mapping[str, Mapping[str, Any]]:
    """Return the cards of the shipped weights by the first digits of their files' hashes."""
    read = [models.read(name) for name in models.names()]
    return {one.sha256[:12]: one.card for one in read}
