"""Every failure that a user can cause and cure, in one tree.

::

    MMDRFuseError            expected: one clear sentence, exit code 1, no traceback
    ├── InputError           a file or folder that cannot be used: missing, truncated, of the wrong kind
    │   ├── PairingError     no pairs, or names that do not single out a partner
    │   ├── PatchFileError   a training file that is foreign, truncated or of another format version
    │   └── ManifestError    a manifest that cannot be read
    ├── SizeError            shapes that do not fit each other or are too small
    ├── WeightsError         a checkpoint that cannot be loaded safely or is of no known network
    ├── OutputError          a place that cannot be written, or holds something that must not be lost
    │   └── DiskFullError    no room left: nothing that follows could be written either
    ├── UnknownNameError     a name (metric, protocol, weights, layout) that does not exist, with near misses
    ├── MissingExtraError    an optional dependency that is not installed
    └── TrainingError        a run that cannot go on: not a number, or a resume that does not fit

Messages say what was expected, what came, where, and what to do next.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class MMDRFuseError(Exception):
    """Base of all expected failures."""


class InputError(MMDRFuseError):
    """A file or folder cannot be used as input."""


class PairingError(InputError):
    """Files could not be matched to pairs."""


class PatchFileError(InputError):
    """A file of training patches cannot be used."""


class ManifestError(InputError):
    """A manifest cannot be used."""


class SizeError(MMDRFuseError):
    """Array shapes do not fit each other, or are too small."""


class WeightsError(MMDRFuseError):
    """A checkpoint cannot be loaded."""


class OutputError(MMDRFuseError):
    """Something cannot be written where it was asked for."""


class DiskFullError(OutputError):
    """There is no room left on the disk."""


class TrainingError(MMDRFuseError):
    """A training run cannot start or go on."""


class UnknownNameError(MMDRFuseError):
    """A name is not in its table.

    Args:
        kind: What the name should name, such as ``"metric"``.
        name: What was given.
        known: All names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        lowered = {entry.lower(): entry for entry in self.known}
        near = [lowered[hit] for hit in get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)]
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(self.known)}."
        super().__init__(f"unknown {kind} {name!r}: {hint}")


class MissingExtraError(MMDRFuseError):
    """An optional dependency is missing.

    Args:
        package: The package that could not be imported.
        extra: The extra of this project that brings it.
        purpose: What it is needed for.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"{purpose} needs {package}: pip install {package}  (the extra [{extra}] of mmdrfuse)")
