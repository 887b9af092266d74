"""Find the pairs of a set: recognise the layout of its folders, and pair their files.

An infrared and a visible folder belong together if the free parts of the layout's patterns (``*``, ``**``, ``{split}``)
stand for the same text in both. :mod:`mmdrfuse.datasets.sets.catalogue` has the patterns and the sets.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mmdrfuse.datasets.sets.catalogue import LAYOUTS, TABLE, Form, Layout
from mmdrfuse.datasets.sets.keys import INFRARED_WORDS, VISIBLE_WORDS, regex_key
from mmdrfuse.datasets.sets.pairing import (
    Groups,
    Pairing,
    pair_folders,
    pair_groups,
    relative,
    walk,
)
from mmdrfuse.datasets.sets.sources import read_table
from mmdrfuse.errors import InputError, PairingError, UnknownNameError
from mmdrfuse.images import is_picture, stem
from mmdrfuse.pairs import Pairs, pack
from mmdrfuse.system.paths import real

__all__ = ["LAYOUTS", "Layout", "find_pairs"]

_SHOWN = 12


def find_pairs(
    source: str | Path | tuple[str | Path, str | Path], layout: str | None = None, *, pair_regex: str | None = None
) -> tuple[Layout, Pairing]:
    """Find the pairs of a set.

    Args:
        source: The root of a set, which holds the folders of a layout; the infrared and the visible folder, whatever
            their names; or a table of pairs, see :func:`mmdrfuse.datasets.sets.sources.read_table`.
        layout: Name of the layout; None recognises it.
        pair_regex: Regular expression for the part of the names (without ending) that a pair shares, see
            :func:`mmdrfuse.datasets.sets.keys.regex_key`; None for the layout's rule, which is equal names.

    Returns:
        The layout, and its pairs. A pair's name begins with the folder's free parts, such as the split. Folders of
        pictures that the layout does not use are in ``ignored``.

    Raises:
        InputError: The source is missing or cannot be listed or read.
        PairingError: No layout fits, there is not one pair, or ``pair_regex`` cannot be used.
        UnknownNameError: There is no layout of that name.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UnknownNameError("layout", layout, LAYOUTS)
    key = None if pair_regex is None else regex_key(pair_regex)
    if isinstance(source, tuple):
        return LAYOUTS[layout or "folders"], pair_folders(*source, recursive=True, key=key)
    source = Path(source)
    if source.suffix.lower() == ".csv" and source.is_file():
        if key:
            raise PairingError(
                f"{source}: is a table, which lists its pairs itself; leave out the regular expression, or give folders"
            )
        return LAYOUTS[layout] if layout else TABLE, _unique(read_table(source), source.parent)
    if not source.is_dir():
        raise InputError(
            f"{source}: no such folder; give the root folder of a set, which holds the folders of both sides, or a "
            "table of pairs (.csv)"
        )
    tree = {relative(folder, source): files for folder, _, files in walk(source) if files}
    for candidate in [LAYOUTS[layout]] if layout else LAYOUTS.values():
        for form in candidate.forms:
            infrared, visible = _sides(tree, candidate, form)
            if infrared and visible and (layout or _recognised(form, source, candidate, tree, infrared)):
                where = f"{source} (layout {candidate.name})"
                form_key = regex_key(form.key) if form.key else None
                pairing = pair_groups(infrared, visible, where=where, key=key or form_key)
                used = {path for side in (infrared, visible) for files in side.values() for path in files}
                return candidate, _with_other_files(pairing, tree, used, candidate, source)
    raise PairingError(_no_layout(source, tree, layout), cure="layout")


def _unique(table: Pairing, folder: Path) -> Pairing:
    """Name pairs of a table by the path of the visible file, if the files' names alone are not unique."""
    names = Counter(pair.name for pair in table.pairs)
    files = (pair.visible.with_name(stem(pair.visible)) for pair in table.pairs)
    places = (os.path.relpath(file, folder).replace(os.sep, "/") for file in files)
    rows = [
        pack(pair if names[pair.name] == 1 or pair.output else replace(pair, name=place))
        for pair, place in zip(table.pairs, places, strict=True)
    ]
    return replace(table, pairs=Pairs(sorted(rows)))


def _sides(tree: Groups, layout: Layout, form: Form) -> tuple[Groups, Groups]:
    """Collect the files of each side; a name that fits both sides is infrared."""
    infrared, visible = (
        _groups(tree, layout, pattern, names)
        for pattern, names in zip((form.infrared, form.visible), form.sides, strict=True)
    )
    if not any(form.sides):
        return infrared, visible
    used = {path for files in infrared.values() for path in files}
    rest = {group: [path for path in files if path not in used] for group, files in visible.items()}
    return infrared, {group: files for group, files in rest.items() if files}


def _groups(tree: Groups, layout: Layout, pattern: str, names: str = "") -> dict[str, list[Path]]:
    """Collect the files of the folders that fit a pattern, grouped by the text of its free parts."""
    folder_pattern = re.compile(_expression(pattern, layout.splits), re.IGNORECASE | re.DOTALL)
    name_pattern = re.compile(names, re.IGNORECASE | re.DOTALL) if names else None
    groups: defaultdict[str, list[Path]] = defaultdict(list)
    for folder, files in tree.items():
        match = folder_pattern.fullmatch(f"{folder}/")
        if match is None:
            continue
        chosen = [path for path in files if name_pattern is None or name_pattern.fullmatch(stem(path))]
        if chosen:
            group = "".join(part or "" for part in match.groups()).strip("/")
            groups[group] += chosen
    return dict(groups)


def _expression(pattern: str, splits: Iterable[str]) -> str:
    """Convert a pattern into a regular expression for a path that ends in a slash."""
    special = {
        "{split}": f"({_any_of(splits)})",
        "{ir}": _any_of(INFRARED_WORDS),
        "{vi}": _any_of(VISIBLE_WORDS),
        "**": "((?:[^/]+/)*?)",
    }
    return "".join(special.get(part) or _part(part) for part in pattern.split("/"))


def _part(part: str) -> str:
    """Convert one folder of a pattern into a regular expression."""
    names = _any_of(part.removeprefix("?").split("|"))
    if "*" in part:
        return f"({names})"
    return f"{names}?" if part.startswith("?") else names


def _any_of(names: Iterable[str]) -> str:
    return rf"(?:(?:{'|'.join(re.escape(name).replace(re.escape('*'), '[^/]*') for name in names)})/)"


def _recognised(form: Form, root: Path, layout: Layout, tree: Groups, infrared: Groups) -> bool:
    """Return whether the files, the root and the folder beside them are named as the form requires."""
    pictures = (path for files in infrared.values() for path in files if is_picture(path))
    return (
        all(re.fullmatch(form.files, stem(path), re.IGNORECASE | re.DOTALL) for path in pictures)
        and re.search(form.root, real(root).name, re.IGNORECASE | re.DOTALL) is not None
        and (not form.beside or bool(_groups(tree, layout, form.beside)))
    )


def _with_other_files(pairing: Pairing, tree: Groups, used: set[Path], layout: Layout, root: Path) -> Pairing:
    """Add the files outside the paired folders' pairs: annotations, other pictures, and folders of other pictures."""
    labels = {path for pattern in layout.labels for files in _groups(tree, layout, pattern).values() for path in files}
    unassigned: list[Path] = []
    ignored = list(pairing.ignored)
    for folder, files in tree.items():
        left = [path for path in files if path not in used and path not in labels]
        if len(left) < len(files) and not labels.intersection(files):
            unassigned += filter(is_picture, left)
            ignored += [path for path in left if not is_picture(path)]
        elif any(map(is_picture, left)):
            ignored.append(root / folder)
    return replace(pairing, ignored=tuple(ignored), unassigned=tuple(unassigned), labels=tuple(sorted(labels)))


def _no_layout(root: Path, tree: Groups, layout: str | None) -> str:
    """Describe the folders that exist, and the folders that the layouts need."""
    folders = [f"{folder or '.'} ({sum(map(is_picture, files))})" for folder, files in sorted(tree.items())]
    shown = "; ".join(folders[:_SHOWN])
    if len(folders) > _SHOWN:
        shown += f"; and {len(folders) - _SHOWN} more"
    wanted = "\n".join(
        f"  {entry.name}: {entry.forms[0].infrared} with {entry.forms[0].visible}"
        for entry in LAYOUTS.values()
        if layout in (None, entry.name)
    )
    return (
        f"{root}: no folders of pairs found. Folders with files, and how many pictures: {shown or 'none'}.\n"
        f"Looked for:\n{wanted}\nGive the root of the set"
    )
