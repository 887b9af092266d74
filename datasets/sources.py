"""From what a user names to pairs: two files, two folders, two patterns, one camera file or a table.

A pattern is what a shell would expand, left to us in quotes: ``'night/*_ir.png'``; ``**`` stands for any folders. Its
files are paired as those of folders are. A table is a CSV file with the columns ``infrared``, ``visible`` and, if
wanted, ``output``; its paths start at its own folder, outputs at the folder of the fused pictures.
"""

import csv
import glob
from collections import defaultdict
from pathlib import Path, PurePosixPath

from mmdrfuse.datasets.pairing import Pairing, pair_folders, pair_groups, relative, walk
from mmdrfuse.errors import InputError
from mmdrfuse.images import SUFFIXES, flir, is_picture, stem
from mmdrfuse.pipeline import Pair

COLUMNS = ("infrared", "visible", "output")

_HINT = "infrared,visible, or infrared,visible,output"


def pair_sources(infrared: str, visible: str) -> Pairing:
    """Pair what two arguments name: a file each, a folder each, or a pattern each.

    Raises:
        InputError: One does not exist, matches nothing, or the two are not of one kind.
        PairingError: Two folders or patterns have not one pair.
    """
    paths = _existing(infrared), _existing(visible)
    if all(path is not None and path.is_dir() for path in paths):
        return pair_folders(Path(infrared), Path(visible), recursive=True)
    if all(path is not None and not path.is_dir() for path in paths):
        return Pairing((Pair(stem(Path(visible)), Path(infrared), Path(visible)),))
    if all(path is None for path in paths):
        return pair_groups(_matches(infrared), _matches(visible), where=f"{infrared}, {visible}")
    kinds = [_kind(path) for path in paths]
    raise InputError(
        f"{infrared} is {kinds[0]} and {visible} {kinds[1]}: give two pictures or two folders (or two patterns), not "
        "one of each"
    )


def pair_both_sides(source: str) -> Pairing:
    """Pair each file of a thermal camera with itself: it holds the temperatures and a photo.

    Args:
        source: A file, a folder or a pattern; what is of no such camera is told as a picture without partner.

    Raises:
        InputError: It does not exist, or nothing in it is of such a camera.
    """
    path = _existing(source)
    if path is None:
        groups = _matches(source)
    elif path.is_dir():
        groups = {relative(folder, path): files for folder, _, files in walk(path)}
    else:
        groups = {"": [path]}
    files = [(f"{group}/" if group else "", file) for group, files in sorted(groups.items()) for file in files]
    pairs = tuple(Pair(f"{group}{stem(file)}", file, file) for group, file in files if _is_radiometric(file))
    if not pairs:
        raise InputError(
            f"{source}: holds no file of a thermal camera (radiometric JPEG), which alone would be both sides; "
            "give IR, VIS and OUT"
        )
    used = {pair.infrared for pair in pairs}
    left = [file for _, file in files if file not in used]
    return Pairing(pairs, tuple(filter(is_picture, left)), tuple(file for file in left if not is_picture(file)))


def read_table(path: Path) -> Pairing:
    """Read pairs from a CSV file.

    Raises:
        InputError: It cannot be read, lacks a column, or a line names no two files or no place for the picture.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            header = [name.strip() for name in table.fieldnames or ()]
            table.fieldnames = header
            rows = [(table.line_num, row) for row in table]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error}); give a table with the columns {_HINT}") from error
    if not {"infrared", "visible"} <= set(header) <= set(COLUMNS):
        raise InputError(f"{path}: has the columns {','.join(header) or 'none'}; they must be {_HINT}")
    if not rows:
        raise InputError(f"{path}: lists no pairs below its columns; add a line a pair")
    return Pairing(tuple(_row(path, number, row) for number, row in rows))


def _row(table: Path, number: int, row: dict[str, str]) -> Pair:
    values = {name: (row.get(name) or "").strip() for name in COLUMNS}
    if None in row or not values["infrared"] or not values["visible"]:
        raise InputError(f"{table}:{number}: must have a value under infrared and visible, and none beyond the columns")
    infrared, visible = (table.parent / values[side] for side in ("infrared", "visible"))
    output = PurePosixPath(values["output"].replace("\\", "/"))
    if not values["output"]:
        return Pair(stem(visible), infrared, visible)
    if output.is_absolute() or ".." in output.parts or output.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{table}:{number}: output {values['output']!r} must lie in the folder of the fused pictures and end in "
            f"{', '.join(sorted(SUFFIXES))}"
        )
    return Pair(output.with_suffix("").as_posix(), infrared, visible, output=output.as_posix())


def _existing(name: str) -> Path | None:
    """Give what exists under a name, None for a pattern; names with brackets are names first.

    Raises:
        InputError: It is neither.
    """
    if Path(name).exists():
        return Path(name)
    if glob.has_magic(name):
        return None
    raise InputError(f"{name}: no such file or folder")


def _is_radiometric(path: Path) -> bool:
    """Tell it by the file's content; what cannot be read is none."""
    try:
        return path.suffix.lower() in {".jpg", ".jpeg"} and flir.is_radiometric(path.read_bytes())
    except OSError:
        return False


def _kind(path: Path | None) -> str:
    if path is None:
        return "a pattern"
    return "a folder" if path.is_dir() else "a file"


def _matches(pattern: str) -> dict[str, list[Path]]:
    """List the files of a pattern, grouped by what stands for its folders' wildcards, so that both sides have the same.

    Raises:
        InputError: There are none.
    """
    parts = Path(pattern).parent.parts
    wild = [number for number, part in enumerate(parts) if glob.has_magic(part)]
    before, after = (wild[0], len(parts) - 1 - wild[-1]) if wild else (len(parts), 0)
    groups: defaultdict[str, list[Path]] = defaultdict(list)
    for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - patterns may start anywhere
        path = Path(name)
        if path.is_file():
            folders = path.parent.parts[before:]
            groups["/".join(folders[: len(folders) - after])].append(path)
    if not groups:
        raise InputError(f"{pattern}: no file fits this pattern")
    return dict(groups)
