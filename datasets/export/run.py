"""Run an export: fuse by every method, write the labels once, link them into every method's folder, and record it.

A picture that one method cannot fuse is left out of all, so that all methods have the same pictures. The result does
not depend on when and in how many goes it was made: the same set and choices give the same bytes.
"""

import hashlib
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmdrfuse.datasets.export import formats, record
from mmdrfuse.datasets.export.methods import methods
from mmdrfuse.datasets.export.options import ExportOptions
from mmdrfuse.datasets.export.plan import Example, Plan, counts, plan_export
from mmdrfuse.errors import MMDRFuseError, OutputError
from mmdrfuse.pair import Pair
from mmdrfuse.pipeline.fuse import folder as fusion
from mmdrfuse.pipeline.fuse import manifest
from mmdrfuse.pipeline.fuse.choices import Choices
from mmdrfuse.pipeline.fuse.manifest import Entry
from mmdrfuse.pipeline.fuse.resume import unfinished
from mmdrfuse.system.atomic import clear_abandoned, writing
from mmdrfuse.system.links import link
from mmdrfuse.system.paths import real
from mmdrfuse.system.progress import Progress, silent
from mmdrfuse.system.workers import Workers
from mmdrfuse.version import __version__

_LABELS = ("labels", "annotations", "voc", "data.yaml")
"""What a method's folder has beside pictures."""


@dataclass
class Exported:
    """What came of an export."""

    plan: Plan
    examples: list[Example] = field(default_factory=list)
    """Those that all methods fused."""
    methods: dict[str, Choices] = field(default_factory=dict)
    """Folder → how its pictures were fused."""
    failures: list[MMDRFuseError] = field(default_factory=list)
    """Of single pictures, besides those of the plan."""


def export(
    source: str | Path,
    out: str | Path,
    options: ExportOptions,
    *,
    workers: Workers = 1,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
    warn: Callable[[str], object] = warnings.warn,
    explain: Callable[[MMDRFuseError], str] = str,
) -> Exported:
    """Fuse a labelled set by several methods into a folder that trainers of detectors read.

    Args:
        source: The root of a set, or a table of pairs (CSV).
        out: The folder: a folder for each method, ``common`` with the labels, ``splits.csv`` and ``export.json``.
        options: What was chosen.
        workers: Threads, or any executor.
        resume: Whether to go on with an export of the same choices.
        overwrite: Whether to replace an export.
        progress: Shows the progress.
        warn: Called with notes about weights and ranges.
        explain: Returns the words of a failure.

    Raises:
        MMDRFuseError: There is nothing to export, or the folder cannot be used.
    """
    source = Path(source)
    out = Path(out)
    plan = plan_export(source, options, explain=explain)
    chosen = methods(options, warn)
    settings = _checked(source, out, plan, options, resume=resume, overwrite=overwrite)
    if overwrite and not resume:
        record.clear(out)
    record.write_record(out, settings, list(chosen), {})
    result = Exported(plan)
    entries: dict[str, dict[str, Entry]] = {}
    for name, choices in chosen.items():
        settled, entries[name], failures = _fuse(
            choices, plan.examples, out / name, workers=workers, resume=resume, progress=progress, warn=warn
        )
        result.methods[name] = settled
        result.failures += failures
    result.examples = [example for example in plan.examples if all(example.name in made for made in entries.values())]
    for name, made in entries.items():
        _keep(out / name, made, {example.name for example in result.examples})
    _write_labels(result, out, options)
    record.write_splits(out, result.examples, next(iter(entries.values())))
    record.write_record(out, settings, list(chosen), _results(result, out))
    return result


def dry_run(
    source: Path,
    out: Path,
    options: ExportOptions,
    *,
    workers: Workers = 1,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
    warn: Callable[[str], object] = warnings.warn,
    explain: Callable[[MMDRFuseError], str] = str,
) -> tuple[Plan, Iterator[tuple[Pair, fusion.Plan | MMDRFuseError]]]:
    """Do everything but write: return the plan, and what would be done with each picture. The arguments are `export`'s.

    Raises:
        MMDRFuseError: As `export`.
    """
    plan = plan_export(source, options, explain=explain)
    _checked(source, out, plan, options, resume=resume, overwrite=overwrite)

    def plans() -> Iterator[tuple[Pair, fusion.Plan | MMDRFuseError]]:
        for name, chosen in methods(options, warn).items():
            folder = out / name
            choices, pairs = _settled(chosen, plan.examples, folder, workers, progress, warn)
            todo = unfinished(choices, pairs, folder, workers=workers) if resume else pairs
            yield from fusion.plan_pairs(choices, pairs, todo, folder, workers=workers, overwrite=resume or overwrite)

    return plan, plans()


def _checked(
    source: Path, out: Path, plan: Plan, options: ExportOptions, *, resume: bool, overwrite: bool
) -> dict[str, Any]:
    """Return the settings of an export whose target may be used."""
    if source.is_dir() and real(out).is_relative_to(real(source)):
        raise OutputError(f"{out}: lies in {source}, so its pictures would become sources; choose another folder")
    settings = record.settings_of(plan, options)
    record.refuse_target(out, settings, resume=resume, overwrite=overwrite)
    return settings


def _settled(
    choices: Choices, examples: Sequence[Example], folder: Path, workers: Workers, progress: Progress,
    warn: Callable[[str], object],
) -> tuple[Choices, Sequence[Pair]]:  # fmt: skip
    pairs = [replace(one.pair, output=formats.picture_path(one, choices.suffix)) for one in examples]
    return fusion.settle(choices, pairs, folder, workers=workers, progress=progress, warn=warn)


def _fuse(
    chosen: Choices, examples: Sequence[Example], folder: Path, *, workers: Workers, resume: bool, progress: Progress,
    warn: Callable[[str], object],
) -> tuple[Choices, dict[str, Entry], list[MMDRFuseError]]:  # fmt: skip
    """Fuse by one method: return the choices, the manifest's entries by the examples' names, and the failures."""
    choices, pairs = _settled(chosen, examples, folder, workers, progress, warn)
    for place in (folder, *folder.glob("images/*")) if resume else ():
        clear_abandoned(place)
    todo = unfinished(choices, pairs, folder, workers=workers) if resume else pairs
    failures = []
    with progress(f"fusing into {folder.name}", len(todo)) as advance:
        for pair, result in fusion.fuse_pairs(choices, todo, folder, workers=workers, overwrite=resume):
            if isinstance(result, MMDRFuseError):
                failures.append(result)
            advance(pair.name)
    failed = {pair.output for pair in todo} - {entry.fused for entry in manifest.Entries(folder)}
    names = {formats.picture_path(one, choices.suffix): one.name for one in examples}
    made = {names[entry.fused]: entry for entry in manifest.Entries(folder) if entry.fused in names.keys() - failed}
    return choices, made, failures


def _keep(folder: Path, made: Mapping[str, Entry], names: set[str]) -> None:
    """Keep the pictures that all methods have; the manifest gets their entries, without the times of this run."""
    for name, entry in made.items():
        if name not in names:
            (folder / entry.fused).unlink(missing_ok=True)
    manifest.rewrite(folder, [replace(made[name], seconds=0.0, finished="") for name in sorted(names)])


def _write_labels(result: Exported, out: Path, options: ExportOptions) -> None:
    """Write each file of labels once, and link it into the folders of the methods that it is for."""
    shutil.rmtree(out / record.COMMON, ignore_errors=True)
    by_suffix: dict[str, list[str]] = {}
    for name, choices in result.methods.items():
        by_suffix.setdefault(choices.suffix, []).append(name)
        _clear_labels(out / name)
    for suffix, names in by_suffix.items():
        for path, text in formats.files(result.plan, options.formats, result.examples, suffix):
            common = out / record.COMMON / suffix.removeprefix(".") / path
            _write(common, text)
            for name in names:
                link(out / name / path, common)
    for name, choices in result.methods.items():
        if "yolo" in options.formats:
            channels = 4 if name == options.channels else 3
            _write(out / name / "data.yaml", formats.data_yaml(result.plan, channels=channels))
        if "voc" in options.formats:
            for example in result.examples:
                path = formats.picture_path(example, choices.suffix)
                link(out / name / formats.voc_picture(path), out / name / path)


def _clear_labels(folder: Path) -> None:
    for name in _LABELS:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def _results(result: Exported, out: Path) -> dict[str, Any]:
    """Return what the record says about the finished export."""
    plan = result.plan
    by_split = {split: [one for one in result.examples if one.split == split] for split in plan.splits}
    return {
        "version": __version__,
        "split": plan.split,
        "splits": {split: counts(examples, plan.labels.classes) for split, examples in by_split.items()},
        "methods": {
            name: {
                "weights": choices.checkpoint.name,
                "weights_sha256": choices.checkpoint.sha256,
                "range": choices.fuser.range,
                "selection": choices.selection,
                "manifest_sha256": _sha256(out / name / manifest.NAME),
            }
            for name, choices in result.methods.items()
        },
        "splits_sha256": _sha256(out / record.SPLITS),
        "notes": plan.notes,
        "failures": [*plan.failures, *map(str, result.failures)],
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
