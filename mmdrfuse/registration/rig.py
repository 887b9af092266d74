"""The rig file: the matrix of two cameras, the sizes of their pictures, and how the matrix was found."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import InputError, SizeError
from mmdrfuse.recipes import loading
from mmdrfuse.registration.geometry import Matrix, matrix_of
from mmdrfuse.registration.projective import scaling
from mmdrfuse.registration.result import Registration
from mmdrfuse.system.atomic import writing
from mmdrfuse.version import __version__

KEY, VERSION = "mmdrfuse_rig", 1
"""What makes a YAML file a rig file, and the version of its form."""
MAX_PIXELS = 10**6
"""Of a side that a rig file may name."""
SAME_ASPECT = 0.01
"""Share by which the scales of width and height may differ: sides are rounded to whole pixels."""


@dataclass(frozen=True)
class Rig:
    """Two cameras that do not move against each other.

    Args:
        matrix: Nine numbers, row by row, from infrared pixels (x, y, 1) to visible ones.
        infrared: Width and height of the pictures that the matrix is for; empty for any.
        visible: The same.
        name: Where it was read from.
        sha256: Of that file, in hexadecimal.
    """

    matrix: Matrix
    infrared: tuple[int, ...] = ()
    visible: tuple[int, ...] = ()
    name: str = ""
    sha256: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse a matrix that no two cameras have.

        Raises:
            InputError: It is no matrix, has no inverse, or mirrors.
        """
        if len(self.matrix) != 9 or not np.isfinite(self.matrix).all():
            raise InputError(f"{self._where}a rig needs a 3x3 matrix of finite numbers, row by row")
        matrix = np.reshape(self.matrix, (3, 3))
        if np.linalg.matrix_rank(matrix) < 3:
            raise InputError(f"{self._where}the matrix has no inverse; give one that maps pixels to pixels")
        width, height = self.infrared or (0, 0)
        middle = np.array([(width - 1) / 2, (height - 1) / 2, 1.0]) if self.infrared else np.array([0.0, 0.0, 1.0])
        # The sign of the area that a small square about the centre gets.
        if np.linalg.det(matrix) * np.sign(matrix[2] @ middle) <= 0:
            raise InputError(f"{self._where}the matrix mirrors the picture, as no two cameras do; correct its signs")

    @classmethod
    def of(cls, source: "Rig | Registration | Path | str | NDArray[Any] | Sequence[float]") -> "Rig":
        """Return a rig of whatever names one: a file, a result of `estimate`, or a 3×3 array.

        Raises:
            InputError: It holds no usable matrix, or the result was not accepted.
        """
        if isinstance(source, Rig):
            return source
        if isinstance(source, Path | str):
            return read(Path(source))
        if isinstance(source, Registration):
            if source.matrix is None or not source.accepted:
                raise InputError(
                    f"the registration was not accepted ({source.reason}); give more pairs, or another view"
                )
            return cls(_row_by_row(source.matrix), source.infrared, source.visible)
        return cls(_row_by_row(np.asarray(source, np.float64)))

    def matrix_for(self, infrared: Sequence[int], visible: Sequence[int]) -> Matrix:
        """Return the matrix for pictures of given sizes: scaled where they are larger or smaller than the rig's.

        Args:
            infrared: Width and height.
            visible: Width and height.

        Raises:
            SizeError: The pictures have another aspect than the rig's.
        """
        return matrix_for(self.matrix, (*self.infrared, *self.visible), (*infrared, *visible))

    @property
    def _where(self) -> str:
        return f"{self.name}: " if self.name else ""


def matrix_for(matrix: Matrix, known: Sequence[int], wanted: Sequence[int]) -> Matrix:
    """Scale a matrix from the sizes that it is for to others.

    Args:
        matrix: Nine numbers, row by row.
        known: Widths and heights that it is for, of infrared and visible; empty for any.
        wanted: Widths and heights of the pictures.

    Raises:
        SizeError: A side has another aspect.
    """
    if not known or tuple(known) == tuple(wanted):
        return matrix
    before = _scaling("infrared", known[:2], wanted[:2])
    after = _scaling("visible", known[2:], wanted[2:])
    return _row_by_row(after @ np.reshape(matrix, (3, 3)) @ np.linalg.inv(before))


def read(path: str | Path) -> Rig:
    """Read a rig file, or a plain 3×3 matrix as `mmdrfuse.registration.geometry.read_matrix` does.

    Raises:
        InputError: It cannot be read, or holds neither.
    """
    path = Path(path)
    text = loading.text_of(path)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if KEY not in text:
        return Rig(matrix_of(text, str(path)), name=str(path), sha256=sha256)
    document = loading.parse(text, str(path))
    document.mistakes.raise_if_any()
    values = document.value
    if not isinstance(values, dict) or KEY not in values:
        return Rig(matrix_of(text, str(path)), name=str(path), sha256=sha256)
    if values[KEY] != VERSION or isinstance(values[KEY], bool):
        raise InputError(f"{document.where(KEY)}: rig file of version {values[KEY]}; this program reads {VERSION}")
    infrared, visible = (_size(document, values, side) for side in ("infrared", "visible"))
    return Rig(_matrix(document, values), infrared, visible, str(path), sha256)


def write(path: Path, rig: Rig, record: Mapping[str, Any] | None = None, *, overwrite: bool = False) -> None:
    """Write a rig file: it appears whole, or not at all.

    Args:
        path: The file.
        rig: With the sizes that its matrix is for.
        record: How the matrix was found, as `record_of` returns it.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputError: It exists and may not be replaced, or cannot be written.
    """
    with writing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text_of(rig, record or {}), encoding="utf-8", errors="backslashreplace")


def text_of(rig: Rig, record: Mapping[str, Any]) -> str:
    """Return a rig file's text.

    Raises:
        InputError: The rig has no sizes.
    """
    if not rig.infrared or not rig.visible:
        raise InputError("a rig file needs the sizes of both pictures")
    rows = np.reshape(rig.matrix, (3, 3)).tolist()
    lines = [f"{KEY}: {VERSION}", "# from infrared pixels (x, y, 1) to visible ones; (0, 0) is the centre of the first"]
    lines += ["matrix:", *(f"  - {json.dumps(row)}" for row in rows)]
    for side, (width, height) in (("infrared", rig.infrared), ("visible", rig.visible)):
        lines.append(f"{side}: {{width: {width}, height: {height}}}")
    for key, value in record.items():
        lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def record_of(registration: Registration, *, date: str, command: str, sources: Sequence[str]) -> dict[str, Any]:
    """Return what a rig file says about how its matrix was found.

    Args:
        registration: As `estimate` returns it.
        date: Date and time.
        command: What was called.
        sources: What the pairs came from.
    """
    clear = [pixels for pixels in registration.residuals if pixels is not None]
    median, high = np.percentile(clear, [50, 90]).tolist() if clear else (None, None)
    return {
        "model": registration.model,
        "method": registration.method,
        "view": _rounded(registration.view, 4),
        "confidence": {"value": _rounded(registration.confidence, 2), "needed": registration.needed},
        "pairs": {
            "used": len(registration.residuals) - len(registration.disagreeing),
            "of": len(registration.residuals),
            "disagree": len(registration.disagreeing),
        },
        "error": {
            "halves": _rounded(registration.halves, 3),
            "residual_median": _rounded(median, 3),
            "residual_p90": _rounded(high, 3),
            "unit": "visible pixels",
        },
        "made": {"date": date, "version": __version__, "command": command, "sources": list(sources)},
    }


def _scaling(side: str, known: Sequence[int], wanted: Sequence[int]) -> NDArray[np.float64]:
    across, down = wanted[0] / known[0], wanted[1] / known[1]
    # One pixel of rounding is no other aspect.
    rounding = max(1 / wanted[0], 1 / wanted[1])
    if abs(math.log(across / down)) > max(SAME_ASPECT, rounding):
        raise SizeError(
            f"the rig is for {side} pictures of {known[0]}x{known[1]} pixels, and these have {wanted[0]}x{wanted[1]}, "
            "another aspect; align these two cameras anew, or bring the pictures to the rig's aspect"
        )
    return scaling(across, down)


def _matrix(document: loading.Document, values: Mapping[str, Any]) -> Matrix:
    rows = values.get("matrix")
    wanted = "matrix must be three rows of three numbers"
    if not isinstance(rows, list) or len(rows) != 3 or any(not isinstance(row, list) or len(row) != 3 for row in rows):
        raise InputError(f"{document.where('matrix')}: {wanted}")
    try:
        return tuple(loading.numbers(word for row in rows for word in row))
    except (ValueError, OverflowError) as error:
        raise InputError(f"{document.where('matrix')}: {wanted}, and holds {error.args[0]!r}") from error


def _size(document: loading.Document, values: Mapping[str, Any], side: str) -> tuple[int, int]:
    size = values.get(side)
    width, height = (size.get("width"), size.get("height")) if isinstance(size, dict) else (None, None)
    if type(width) is int and type(height) is int and 0 < min(width, height) <= max(width, height) <= MAX_PIXELS:
        return width, height
    raise InputError(f"{document.where(side)}: {side} must be {{width: W, height: H}}, in pixels")


def _row_by_row(matrix: NDArray[np.float64]) -> Matrix:
    if matrix.shape not in ((3, 3), (9,)):
        raise InputError(f"a rig needs a 3x3 matrix, not an array of shape {matrix.shape}")
    return tuple(float(value) for value in matrix.ravel())


def _flow(value: Any) -> str:  # noqa: ANN401 (text, numbers, None, lists and mappings of them)
    """Return a value as YAML in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), digits)
