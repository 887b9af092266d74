"""The record of an export: what was chosen, what came of it, and the table of splits."""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdrfuse.datasets.export.options import ExportOptions
from mmdrfuse.datasets.export.plan import Example, Plan
from mmdrfuse.errors import ChoiceError, InputError, OutputError, reading
from mmdrfuse.pipeline.fuse.manifest import Entry
from mmdrfuse.system.atomic import refuse_existing, writing

NAME = "export.json"
SPLITS = "splits.csv"
COMMON = "common"
"""Folder of the labels that all methods have."""


def settings_of(plan: Plan, options: ExportOptions) -> dict[str, Any]:
    """Return everything that decides on the exported files, as JSON: two exports with equal settings are equal."""
    assigned = "".join(f"{example.name},{example.split}\n" for example in plan.examples)
    settings = {
        "layout": plan.layout.name,
        "labels": {"format": plan.labels.format, "sha256": plan.labels.sha256},
        "classes": plan.labels.classes,
        "split_sha256": hashlib.sha256(assigned.encode("utf-8", "surrogateescape")).hexdigest(),
        "choices": options.recorded(),
    }
    normalised: dict[str, Any] = json.loads(json.dumps(settings))
    return normalised


def refuse_target(out: Path, settings: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Refuse a folder that holds anything but an export that may be continued or replaced.

    Raises:
        OutputError: It is a file, holds other files, or an export that may not be replaced.
        ChoiceError: It is to be continued, and was made with other choices.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is a file; name a folder for the export")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not (out / NAME).is_file():
        raise OutputError(f"{out}: holds files and no {NAME}, so it is no export; choose another folder")
    if not resume:
        try:
            refuse_existing(out, overwrite=overwrite)
        except OutputError as error:
            raise OutputError(error.message, cure="resume") from error
        return
    earlier = _read(out / NAME)["settings"]
    other = [key for key in settings if earlier.get(key) != settings[key]]
    if other:
        raise ChoiceError(f"{out}: was exported from other {', '.join(other)}", cure="anew")


def clear(out: Path) -> None:
    """Remove the folders of an earlier export, as its record lists them.

    Raises:
        InputError: The record cannot be read.
    """
    if (out / NAME).is_file():
        for folder in _read(out / NAME)["folders"]:
            shutil.rmtree(out / folder, ignore_errors=True)


def write_record(out: Path, settings: Mapping[str, Any], folders: Sequence[str], results: Mapping[str, Any]) -> None:
    """Write the record: before the work without results, and afterwards with them."""
    record = {"settings": settings, "folders": [COMMON, *folders], **results}
    with writing(out / NAME) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def write_splits(out: Path, examples: Sequence[Example], entries: Mapping[str, Entry]) -> None:
    """Write the table of splits, which another export takes as its split.

    Args:
        out: The folder of the export.
        examples: Those that were exported.
        entries: Name → entry of a manifest, for the hashes of the sources.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["name", "split", "scene", "pair", "infrared_sha256", "visible_sha256"])
    for example in examples:
        entry = entries[example.name]
        hashes = entry.infrared_sha256, entry.visible_sha256
        writer.writerow([example.name, example.split, example.scene, example.pair.name, *hashes])
    with writing(out / SPLITS) as temporary:
        temporary.write_text(table.getvalue(), encoding="utf-8", errors="surrogateescape", newline="")


def _read(path: Path) -> dict[str, Any]:
    with reading(path, "record of an export", cure="choose another folder"):
        record = json.loads(path.read_text(encoding="utf-8"))
        folders = record["folders"]
        if not isinstance(record["settings"], dict) or not all(isinstance(name, str) for name in folders):
            raise InputError(f"{path}: is no record of an export; choose another folder")
        if any("/" in name or "\\" in name or name in ("", ".", "..") for name in folders):
            raise InputError(f"{path}: lists folders outside of the export; choose another folder")
    return dict(record)
