"""Plan an export: which pairs have labels, what each is called, in which split it is, and where its boxes lie."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mmdrfuse.datasets import labels
from mmdrfuse.datasets.export.options import ExportOptions
from mmdrfuse.datasets.export.splits import SPLITS, by_shares, from_file, is_shares, official, split_of
from mmdrfuse.datasets.sets.catalogue import Layout
from mmdrfuse.datasets.sets.layouts import find_pairs
from mmdrfuse.detection.labels import LabelledPicture, Labels
from mmdrfuse.detection.prepared import prepared
from mmdrfuse.errors import ChoiceError, InputError, MMDRFuseError, abbreviated
from mmdrfuse.images.header import header
from mmdrfuse.pair import Pair

DEFAULT_SHARES = "8:1:1"
FILE = "file"
"""How a set was divided that a table divides."""


@dataclass(frozen=True)
class Example:
    """One labelled pair of the export."""

    name: str
    """Of its files."""
    split: str
    scene: str
    pair: Pair
    picture: LabelledPicture
    """The boxes on the prepared pair, which has this size."""


@dataclass
class Plan:
    """What an export writes."""

    layout: Layout
    labels: Labels
    split: str
    """How the set was divided."""
    examples: list[Example] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was left out or has to be known."""
    failures: list[str] = field(default_factory=list)
    """What could not be read."""

    @property
    def splits(self) -> list[str]:
        """Return the splits that have pictures, in their usual order."""
        used = {example.split for example in self.examples}
        return [split for split in SPLITS if split in used]


def plan_export(source: Path, options: ExportOptions, *, explain: Callable[[MMDRFuseError], str] = str) -> Plan:
    """Find the pairs of a set that have labels, divide them, and move the boxes onto the prepared pairs.

    Args:
        source: The root of a set, or a table of pairs (CSV).
        options: What was chosen.
        explain: Returns the words of a failure.

    Raises:
        MMDRFuseError: There are no pairs, no labels, no such class, or no split; or the labels are of another set.
    """
    layout, pairing = find_pairs(source, options.layout)
    by_name = {pair.name: pair for pair in pairing.pairs}
    read, matched, missing = _labelled(source, by_name, options)
    split_by, splits = _divided(layout, list(matched), options)
    plan = Plan(layout, read, split_by, notes=list(read.notes), failures=list(read.failures))

    plan.failures += pairing.ambiguous_lines()
    plan.notes += _few([str(path) for path in pairing.orphans], "left out, without a partner")
    plan.notes += _few(missing, "left out, without labels")
    plan.notes += _few([name for name in matched if name not in splits], "left out, in no split")
    if split_by == FILE:
        unknown = sorted(set(splits) - set(by_name))
        plan.failures += _few(unknown, f"{options.split}: names pictures that the set does not have")

    files = _file_names([name for name in matched if name in splits])
    for name, file in files.items():
        pair = replace(by_name[name], preparation=options.preparation)
        try:
            picture = _placed(pair, matched[name], options)
        except MMDRFuseError as error:
            plan.failures.append(explain(error.at(name)))
            continue
        plan.examples.append(Example(file, splits[name], layout.scene_of(name), pair, picture))
    if not plan.examples:
        raise InputError((plan.failures or [f"{source}: no labelled picture is in a split"])[0])
    plan.examples.sort(key=lambda example: example.name)
    plan.notes += _warnings(plan, options)
    return plan


def _labelled(
    source: Path, names: Iterable[str], options: ExportOptions
) -> tuple[Labels, dict[str, LabelledPicture], list[str]]:
    """Read the labels, and find those of the pairs; errors name the labels."""
    if options.labels is None:
        try:
            read = labels.read(source)
        except InputError as error:
            raise InputError(error.message, cure="labels") from error
    else:
        read = labels.read(options.labels)
    try:
        read = read.only(options.classes) if options.classes else read
        return read, *read.matched(names)
    except InputError as error:
        raise error.at(options.labels or source) from error


def _divided(layout: Layout, names: Sequence[str], options: ExportOptions) -> tuple[str, dict[str, str]]:
    """Divide the pairs: return how, and name → split."""
    asked = options.split
    if asked in (None, "official"):
        found = official(layout, names)
        if found or asked:
            if not found:
                raise ChoiceError("the set has no official split: no folder is called train, val or test", cure="split")
            return "official", found
        asked = DEFAULT_SHARES
    if is_shares(str(asked)):
        return str(asked), by_shares(str(asked), {name: layout.scene_of(name) for name in names}, options.seed)
    listed = from_file(Path(str(asked)))
    files = {file: name for name, file in _file_names(names).items()}  # an earlier export's names
    return FILE, {files.get(name, name): split for name, split in listed.items()}


def _file_names(names: Sequence[str]) -> dict[str, str]:
    """Return the name of each pair's files: without the split's folder, if the names still differ then."""
    short = {name: "_".join(part for part in name.split("/")[:-1] if not split_of(part)) for name in names}
    short = {name: "_".join(filter(None, (folder, name.split("/")[-1]))) for name, folder in short.items()}
    counts = Counter(short.values())
    return {name: file if counts[file] == 1 else name.replace("/", "_") for name, file in short.items()}


def _placed(pair: Pair, picture: LabelledPicture, options: ExportOptions) -> LabelledPicture:
    """Return the boxes on the prepared pair, whose size the headers of its files tell."""
    infrared = header(pair.infrared, side="infrared")
    visible = header(pair.visible, side="visible" if pair.infrared == pair.visible else None)
    return prepared(picture, pair.preparation, infrared[:2], visible[:2], side=options.side)


def _warnings(plan: Plan, options: ExportOptions) -> list[str]:
    """Return what a user of the export has to know."""
    notes = []
    ignored = sum(int(example.picture.ignored.sum()) for example in plan.examples)
    if ignored and "yolo" in options.formats:
        notes.append(f"{ignored} ignored regions are not in YOLO's labels, which have no mark for them")
    splits = plan.splits
    if "val" not in splits:
        other = "test" if "test" in splits else "train"
        notes.append(f"there are no validation pictures: {other} is also validation, so its scores flatter")
    by_scene: dict[str, set[str]] = {}
    for example in plan.examples:
        by_scene.setdefault(example.scene, set()).add(example.split)
    notes += _few(
        [scene for scene, used in by_scene.items() if len(used) > 1],
        "in several splits, so that pictures are tested that look like those of training: scenes",
    )
    return notes


def _few(names: Sequence[str], what: str) -> list[str]:
    """Return a line that shows the first of some names and counts them; no line without names."""
    return [f"{what}: {abbreviated(names)}"] if names else []


def counts(examples: Sequence[Example], classes: Sequence[str]) -> Mapping[str, int]:
    """Return the numbers of pictures, scenes, boxes of each class, and ignored regions."""
    boxes: Counter[str] = Counter()
    for example in examples:
        boxes.update(classes[index] for index in example.picture.classes[~example.picture.ignored])
    ignored = sum(int(example.picture.ignored.sum()) for example in examples)
    scenes = len({example.scene for example in examples})
    return {"pictures": len(examples), "scenes": scenes, **{name: boxes[name] for name in classes}, "ignored": ignored}
