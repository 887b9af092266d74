"""Find the pairs that a user names: two files, two folders, two patterns, a camera's file or a table.

A pattern is one that a shell would expand, in quotes: ``'night/*_ir.png'``; ``**`` stands for any folders. Its files
are paired as those of folders are. A table is a CSV file with the columns ``infrared``, ``visible`` and, optionally,
``output``. Its paths are relative to its own folder; outputs are relative to the folder of the fused pictures.
"""

import codecs
import csv
import glob
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from mmdrfuse.datasets.sets.pairing import Groups, Pairing, pair_folders, pair_groups, relative, walk
from mmdrfuse.errors import InputError, reading
from mmdrfuse.images import SUFFIXES, is_picture, stem
from mmdrfuse.images.formats import flir
from mmdrfuse.pair import Pair
from mmdrfuse.pairs import Pairs, pack

COLUMNS = ("infrared", "visible", "output")

LARGEST = 2**28
"""Bytes of the largest table that is read; a million pairs take about a tenth."""
_LONGEST_PATH, _LONGEST_NAME = 4096, 255
"""Bytes that systems allow for a path, and for one name in it."""
_SHOWN = 80
"""Characters of a table's content that an error message quotes."""

_HINT = "infrared,visible, or infrared,visible,output"


def pair_sources(infrared: str, visible: str) -> Pairing:
    """Pair the files that two arguments name: a file each, a folder each, or a pattern each.

    Raises:
        InputError: One does not exist or matches nothing, or the two are of different kinds.
        PairingError: Two folders or patterns have no pair.
    """
    paths = _existing_path(infrared), _existing_path(visible)
    if all(path is not None and path.is_dir() for path in paths):
        return pair_folders(Path(infrared), Path(visible), recursive=True)
    if all(path is not None and not path.is_dir() for path in paths):
        return Pairing((Pair(stem(Path(visible)), Path(infrared), Path(visible)),))
    if all(path is None for path in paths):
        return pair_groups(_matches(infrared), _matches(visible), where=f"{infrared}, {visible}")
    kinds = [_kind(path) for path in paths]
    raise InputError(
        f"{infrared} is {kinds[0]}, and {visible} is {kinds[1]}: give two pictures, two folders or two patterns"
    )


def pair_both_sides(source: str) -> Pairing:
    """Pair each file of a thermal camera with itself: it holds the temperatures and a photo.

    Args:
        source: A file, a folder or a pattern; pictures of other cameras are orphans.

    Raises:
        InputError: The source does not exist, or holds no file of a thermal camera.
    """
    path = _existing_path(source)
    groups: Groups
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
            f"{source}: has no file of a thermal camera (radiometric JPEG), and only such a file holds both sides; "
            "give IR, VIS and OUT"
        )
    used = {pair.infrared for pair in pairs}
    unused = [file for _, file in files if file not in used]
    orphans = tuple(file for file in unused if is_picture(file))
    ignored = tuple(file for file in unused if not is_picture(file))
    return Pairing(pairs, orphans, ignored)


def read_table(path: Path) -> Pairing:
    """Read pairs from a CSV file.

    Raises:
        InputError: It cannot be read, lacks a column, or has a line without two files or with an impossible output.
    """
    lines = _lines(path)
    header = [name.strip() for name in next(lines, (0, []))[1]]
    valid = {"infrared", "visible"} <= set(header) <= set(COLUMNS)
    if not valid or len(set(header)) < len(header):
        columns = _short(",".join(header)) or "none"
        raise InputError(f"{path}: has the columns {columns}; they must be {_HINT}, separated by commas")
    rows = []
    line_of_output: dict[str, int] = {}
    for number, fields in lines:
        pair = _row(path, number, header, fields)
        rows.append(pack(pair))
        if pair.output and line_of_output.setdefault(pair.output, number) != number:
            first = line_of_output[pair.output]
            raise InputError(f"{path}:{number}: output {pair.output!r} is also in line {first}; name each output once")
    if not rows:
        raise InputError(f"{path}: lists no pairs below its columns; add a line for each pair")
    return Pairing(Pairs(rows))


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are not empty, each with its number and fields.

    Names of files that are not UTF-8 keep their bytes.

    Raises:
        InputError: The file cannot be read as CSV.
    """
    with reading(path, "table of pairs", cure=f"save it as CSV in UTF-8 with the columns {_HINT}"):
        size = path.stat().st_size
        if size > LARGEST:
            raise InputError(f"{path}: is too large for a table of pairs ({size / 1e6:.0f} MB)")
        content = path.read_bytes()
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise InputError(f"{path}: is UTF-16 instead of UTF-8; save it as CSV in UTF-8")
        content = content.removeprefix(codecs.BOM_UTF8)
        if b"\0" in content:
            line = content[: content.index(b"\0")].count(b"\n") + 1
            raise InputError(f"{path}:{line}: has a NUL byte, so this is no CSV; save it as CSV in UTF-8")
        text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="surrogateescape", newline="")
        table = csv.reader(text)
        try:
            yield from ((table.line_num, fields) for fields in table if any(map(str.strip, fields)))
        except csv.Error as error:
            raise InputError(f"{path}:{table.line_num}: is no line of CSV ({error})") from error


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _row(table: Path, number: int, header: Sequence[str], fields: Sequence[str]) -> Pair:
    values = dict.fromkeys(COLUMNS, "") | {name: field.strip() for name, field in zip(header, fields, strict=False)}
    if any(map(str.strip, fields[len(header) :])) or not values["infrared"] or not values["visible"]:
        raise InputError(f"{table}:{number}: needs a value for infrared and visible, and none beyond the columns")
    infrared, visible = (_path_in_table(table, number, values[side]) for side in ("infrared", "visible"))
    output = PurePosixPath(values["output"].replace("\\", "/"))
    if not values["output"]:
        return Pair(stem(visible), infrared, visible)
    if output.is_absolute() or ".." in output.parts or output.suffix.lower() not in SUFFIXES:
        given = _short(values["output"])
        raise InputError(
            f"{table}:{number}: output {given!r} must lie in the folder of the fused pictures and end in "
            f"{', '.join(sorted(SUFFIXES))}"
        )
    return Pair(output.with_suffix("").as_posix(), infrared, visible, output=output.as_posix())


def _path_in_table(table: Path, number: int, name: str) -> Path:
    """Return the path of a file that a line of the table names.

    Raises:
        InputError: No file can have that name.
    """
    path = table.parent / name
    content = name.encode("utf-8", "surrogateescape")
    if len(content) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in content.split(b"/")):
        raise InputError(f"{table}:{number}: {_short(name)!r} is too long for the name of a file")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        if not path.exists():
            raise InputError(f"{table}:{number}: is not UTF-8 ({_short(name)!r}); save the table as UTF-8") from None
    return path


def _existing_path(name: str) -> Path | None:
    """Return the path of a file or folder, None for a pattern; an existing name with brackets is a path.

    Raises:
        InputError: It is neither.
    """
    if Path(name).exists():
        return Path(name)
    if glob.has_magic(name):
        return None
    raise InputError(f"{name}: no such file or folder")


def _is_radiometric(path: Path) -> bool:
    """Return whether a file is a radiometric JPEG, by its content; False if it cannot be read."""
    try:
        return path.suffix.lower() in {".jpg", ".jpeg"} and flir.is_radiometric(path.read_bytes())
    except OSError:
        return False


def _kind(path: Path | None) -> str:
    if path is None:
        return "a pattern"
    return "a folder" if path.is_dir() else "a file"


def _matches(pattern: str) -> dict[str, list[Path]]:
    """Return the files of a pattern, grouped by the text of its folders' wildcards, which both sides share.

    Raises:
        InputError: No file fits.
    """
    parts = Path(pattern).parent.parts
    wild = [number for number, part in enumerate(parts) if glob.has_magic(part)]
    before = wild[0] if wild else len(parts)
    after = len(parts) - 1 - wild[-1] if wild else 0
    groups: defaultdict[str, list[Path]] = defaultdict(list)
    for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - patterns may start anywhere
        path = Path(name)
        if path.is_file():
            folders = path.parent.parts[before:]
            groups["/".join(folders[: len(folders) - after])].append(path)
    if not groups:
        raise InputError(f"{pattern}: no file fits this pattern")
    return dict(groups)
