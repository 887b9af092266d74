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
    ├── ChoiceError          choices that do not go together, or not with such an input: exit code 2
    ├── UnknownNameError     a name (metric, protocol, weights, layout) that does not exist, with near misses
    ├── MissingExtraError    an optional dependency that is not installed
    └── TrainingError        a run that cannot go on: not a number, or a resume that does not fit

Messages say what was expected, what came, where, and what to do next. What to do next is a *cure*: the name of a choice
(`CURES`), so that Python's callers read of an argument and the command line of a flag.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, Self

CURES = {
    "anew": "begin anew with overwrite=True",
    "compile": "train without compile",
    "depth": "make the pictures 8 bits deep first",
    "device": "choose device 'cpu'",
    "engine": "choose engine 'torch'",
    "features": "choose other features, or none",
    "goals": "name the groups as the goals do, or give other goals",
    "hold_out": "leave whole pairs out instead",
    "infrared_range": "give the two stored values that become black and white",
    "layout": "name the layout, or the two folders",
    "overwrite": "choose another place, or allow replacing with overwrite=True",
    "page": "choose one page",
    "rate": "choose a lower rate",
    "patch": "cut larger patches",
    "resume": "go on with resume=True, or begin anew with overwrite=True",
    "size_policy": "if both show the same scene edge to edge, choose a size policy: fit-ir, fit-vis or crop-common",
    "sources": "name the folders of the infrared and the visible sources",
    "teacher": "train one, and give its weights as teacher",
    "validation": "choose a share for validation between 0 and 1",
    "workers": "use fewer workers",
}
"""What to do about an error, by the name of the choice that does it, in the words of a Python caller."""


class MMDRFuseError(Exception):
    """Base of all expected failures. They survive a process boundary.

    Args:
        message: What was expected, what came, and where.
        cure: One of `CURES`, if a choice of the caller helps.
    """

    exit_code = 1
    """Of a command that ends with this error."""

    def __init__(self, message: str, *, cure: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        """Return the message, and what to do next in the words of a Python caller."""
        return f"{self.message}; {CURES[self.cure]}" if self.cure else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle any subclass, whatever its constructor takes."""
        return _restored, (type(self), self.args, self.__dict__)

    def at(self, where: object) -> Self:
        """Return the same error with the place where it happened before its message."""
        placed: Self = _restored(type(self), (), self.__dict__)
        placed.message = f"{where}: {self.message}"
        placed.args = (placed.message,)
        return placed


def _restored(kind: type[Any], args: tuple[Any, ...], attributes: dict[str, Any]) -> Any:  # noqa: ANN401
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


@contextmanager
def reading(
    name: object, what: str = "picture", *, error: type[MMDRFuseError] | None = None, cure: str = "replace or remove it"
) -> Iterator[None]:
    """Turn any failure of a decoder or loader into one error that names the file; the rest of a run goes on.

    Decoders meet damage with almost any exception: `IndexError`, `struct.error`, `MemoryError`, `NotImplementedError`.
    A list of them is never complete, so every `Exception` counts.

    Args:
        name: The file, as the user knows it.
        what: What it should hold.
        error: What to raise; `InputError` if None.
        cure: What to do about it.

    Raises:
        MMDRFuseError: The block failed. Expected failures pass unchanged.
    """
    kind = InputError if error is None else error
    try:
        yield
    except MMDRFuseError:
        raise
    except MemoryError as failure:
        raise kind(f"{name}: needs more memory than there is; {cure}") from failure
    except Exception as failure:
        reason = " ".join(str(failure).split()) or type(failure).__name__
        raise kind(f"{name}: damaged or unreadable {what} ({reason}); {cure}") from failure


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


class ChoiceError(MMDRFuseError):
    """Choices that do not go together, or not with what they are asked of: nothing was done."""

    exit_code = 2


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
