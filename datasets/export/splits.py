"""Divide a set into training, validation and test, by whole scenes."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmdrfuse.datasets.sets.catalogue import Layout
from mmdrfuse.errors import InputError, reading

SPLITS = ("train", "val", "test")
FILE_COLUMNS = ("name", "split")
_OTHER_NAMES = {
    "training": "train", "trainval": "train", "valid": "val", "validation": "val", "testing": "test",
}  # fmt: skip
_SHARES = re.compile(r"\d+(\.\d+)?(:\d+(\.\d+)?){1,2}")
_SHOWN = 5


def split_of(word: str) -> str | None:
    """Return the split that a word or a folder's name stands for; None if it stands for none."""
    word = word.strip().casefold()
    word = _OTHER_NAMES.get(word, word)
    return word if word in SPLITS else None


def official(layout: Layout, names: Sequence[str]) -> dict[str, str]:
    """Return the split that the makers of a set chose: name → split; empty if its folders do not say it.

    Args:
        layout: Of the set.
        names: Of the pairs.
    """
    if layout.test:
        return {name: "test" if re.match(layout.test, name) else "train" for name in names}
    found = {name: next(filter(None, map(split_of, name.split("/")[:-1])), None) for name in names}
    return {name: split for name, split in found.items() if split}


def is_shares(text: str) -> bool:
    """Return whether a text is shares, such as ``8:1:1``, and not the name of a file."""
    return _SHARES.fullmatch(text) is not None


def by_shares(shares: str, scene_of: Mapping[str, str], seed: int) -> dict[str, str]:
    """Divide pairs by shares, so that each scene is in one split: name → split.

    Scenes come at random, large ones first. Each goes to the split that lacks most.

    Args:
        shares: Of training, validation and test, such as ``8:1:1``; two are those of training and test.
        scene_of: Pair → scene.
        seed: Of the order.

    Raises:
        InputError: There are fewer scenes than splits, or no share is above 0.
    """
    numbers = [float(number) for number in shares.split(":")]
    named = dict(zip(SPLITS if len(numbers) == 3 else ("train", "test"), numbers, strict=True))
    wanted = {split: share for split, share in named.items() if share > 0}
    sizes = Counter(scene_of.values())
    if not wanted:
        raise InputError(f"{shares}: no share is above 0; give shares such as 8:1:1")
    if len(sizes) < len(wanted):
        raise InputError(
            f"{shares}: too few scenes ({len(sizes)}: {', '.join(sorted(sizes)[:_SHOWN])}) for {len(wanted)} splits, "
            "as each scene stays whole; give fewer shares, or a file that says which picture is in which split"
        )
    order = np.random.default_rng(seed).permutation(len(sizes))
    scenes = [sorted(sizes)[place] for place in order]
    lacks = {split: share / sum(wanted.values()) * len(scene_of) for split, share in wanted.items()}
    chosen: dict[str, str] = {}
    for scene in sorted(scenes, key=lambda scene: -sizes[scene]):
        split = max(lacks, key=lambda split: lacks[split])
        chosen[scene] = split
        lacks[split] -= sizes[scene]
    for split in wanted:  # a small share can have got nothing
        if split not in chosen.values():
            counts = Counter(chosen.values())
            spare = [scene for scene in chosen if counts[chosen[scene]] > 1]
            chosen[min(spare, key=lambda scene: sizes[scene])] = split
    return {name: chosen[scene] for name, scene in scene_of.items()}


def from_file(path: Path) -> dict[str, str]:
    """Read a split from a table (CSV) with the columns ``name`` and ``split``, such as an earlier export's.

    Returns:
        Name → split.

    Raises:
        InputError: It cannot be read, lacks a column, has a line with another word than train, val or test, or has a
            picture in two splits.
    """
    with reading(path, "table of splits", cure="give a CSV file with the columns name,split"):
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    if not rows or not set(FILE_COLUMNS) <= rows[0].keys():
        raise InputError(f"{path}: needs the columns name,split, and a line for each picture")
    splits: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        split = split_of(row["split"] or "")
        if not split or not row["name"]:
            raise InputError(f"{path}:{number}: {row['split']!r:.40} is none of {', '.join(SPLITS)}")
        name = row["name"].strip()
        if splits.setdefault(name, split) != split:
            raise InputError(f"{path}:{number}: {name} is in {splits[name]} and in {split}; name it once")
    return splits
