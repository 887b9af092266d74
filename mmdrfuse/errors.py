"""All failures that a user can cause and cure, in one tree.

::

    MMDRFuseError            an expected failure: one clear sentence, exit code 1, no traceback
    ├── InputError           a file or folder that cannot be used: missing, truncated, or of the wrong kind
    │   ├── PairingError     no pairs, or file names with several possible partners
    │   ├── PatchFileError   a training file that is truncated, of another format, or of another version
    │   └── ManifestError    a manifest that cannot be read
    ├── SizeError            shapes that do not fit each other or are too small
    ├── WeightsError         a checkpoint that cannot be loaded safely, or is not of the student or teacher
    ├── OutputError          a target that cannot be written, or that exists and must not be replaced
    │   └── DiskFullError    no space left: later files could not be written either
    ├── ChoiceError          choices that do not fit each other or the input: exit code 2
    ├── UnknownNameError     a name (metric, protocol, weights, layout) that does not exist, with near misses
    ├── MissingExtraError    an optional dependency that is not installed
    └── TrainingError        a run that cannot continue: a loss that is NaN, or a checkpoint that does not fit

Messages say what was expected, what came, where, and what to do next. What to do next is a *cure*, the name of a choice
in `CURES`. So a Python caller reads the name of an argument, and the command line shows that of a flag.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice
from typing import Any, Self

CURES = {
    "anew": "begin anew with overwrite=True",
    "classes": "name its classes, in its order",
    "compile": "train without compile",
    "depth": "make the pictures 8 bits deep first",
    "device": "choose device 'cpu'",
    "each": "align each pair by itself",
    "engine": "choose engine 'torch'",
    "features": "choose other features, or none",
    "goals": "name the groups as the goals do, or give other goals",
    "hold_out": "leave whole pairs out instead",
    "infrared_range": "give the two stored values that become black and white",
    "labels": "name the file or folder of the labels",
    "layout": "name the layout, or the two folders",
    "overwrite": "choose another place, or allow replacing with overwrite=True",
    "page": "choose one page",
    "rate": "choose a lower rate",
    "patch": "cut larger patches",
    "registered": "resize or crop one of them, or give the rig of the two cameras",
    "registration": "give more pairs of the two cameras, or search another view",
    "resume": "go on with resume=True, or begin anew with overwrite=True",
    "rig": "name the rig of the two cameras",
    "size_policy": "if both show the same scene edge to edge, choose a size policy: fit-ir, fit-vis or crop-common",
    "sources": "name the folders of the infrared and the visible sources",
    "split": "give shares such as '8:1:1', or a table of names and splits",
    "teacher": "train one, and give its weights as teacher",
    "validation": "choose a share for validation between 0 and 1",
    "workers": "use fewer workers",
}
"""Name of a choice → how a Python caller cures an error with it."""


class MMDRFuseError(Exception):
    """Base of all expected failures. They can be pickled, so that worker processes can raise them.

    Args:
        message: What was expected, what came, and where.
        cure: A key of `CURES`, if a choice of the caller helps.
    """

    exit_code = 1
    """Exit code of a command that ends with this error."""

    def __init__(self, message: str, *, cure: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        """Return the message with its cure, in the words of a Python caller."""
        return f"{self.message}; {CURES[self.cure]}" if self.cure else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle any subclass, whatever arguments its constructor has."""
        return _unpickled, (type(self), self.args, self.__dict__)

    def at(self, where: object) -> Self:
        """Return a copy of the error whose message begins with the place where it happened."""
        copy: Self = _unpickled(type(self), (), self.__dict__)
        copy.message = f"{where}: {self.message}"
        copy.args = (copy.message,)
        return copy


def _unpickled(kind: type[Any], args: tuple[Any, ...], attributes: dict[str, Any]) -> Any:  # noqa: ANN401
    error = kind.__new__(kind, *args)
    error.__dict__.update(attributes)
    return error


@contextmanager
def reading(
    name: object, what: str = "picture", *, error: type[MMDRFuseError] | None = None, cure: str = "replace or remove it"
) -> Iterator[None]:
    """Convert any failure of a decoder or loader to one error that names the file, so that a run over files goes on.

    Decoders raise almost any exception for a damaged file: `IndexError`, `struct.error`, `MemoryError`,
    `NotImplementedError`. A list of them is never complete, so every `Exception` is converted.

    Args:
        name: The file, as the user knows it.
        what: What the file should hold.
        error: The class to raise; `InputError` if None.
        cure: What to do next.

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
    except FileNotFoundError as failure:
        missing = "" if failure.filename is None or str(failure.filename) == str(name) else f" {failure.filename}"
        raise kind(f"{name}: no such file{missing}; {cure}") from failure
    except Exception as failure:
        raise kind(f"{name}: damaged or unreadable {what} ({reason(failure)}); {cure}") from failure


def reason(failure: BaseException) -> str:
    """Return in one line what an exception says; a key that is missing is said to be missing."""
    if isinstance(failure, KeyError) and failure.args:
        return f"has no {failure.args[0]!r:.80}"
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror
    return " ".join(str(failure).split()) or type(failure).__name__


def abbreviated(names: Collection[object], shown: int = 3) -> str:
    """Return a list of names for a message: the first ones, and how many more there are.

    Example:
        >>> abbreviated(["a", "b", "c", "d", "e"])
        'a, b, c and 2 more'
    """
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(map(str, islice(names, shown))) + more


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
    """A target cannot be written."""


class DiskFullError(OutputError):
    """There is no space left on the disk."""


class ChoiceError(MMDRFuseError):
    """Choices do not fit each other or the input; nothing was done."""

    exit_code = 2


class TrainingError(MMDRFuseError):
    """A training run cannot start or continue."""


class UnknownNameError(MMDRFuseError):
    """A name does not exist.

    Args:
        kind: What the name stands for, such as ``"metric"``.
        name: The unknown name.
        valid_names: All names that exist.
    """

    def __init__(self, kind: str, name: str, valid_names: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.valid_names = tuple(valid_names)
        lowered = {valid.lower(): valid for valid in self.valid_names}
        matches = [lowered[match] for match in get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)]
        hint = f"did you mean {' or '.join(matches)}?" if matches else f"known: {', '.join(self.valid_names)}."
        super().__init__(f"unknown {kind} {name!r}: {hint}")


class MissingExtraError(MMDRFuseError):
    """An optional dependency is missing.

    Args:
        package: The package that could not be imported.
        extra: The extra of this project that brings it.
        purpose: What needs it.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        self.package = package
        self.extra = extra
        whole = f"the extra [{extra}]: pip install 'mmdrfuse[{extra}]'"
        super().__init__(f"{purpose} needs {package}: pip install {package}  ({whole})")
