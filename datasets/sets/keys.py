"""What the names of a pair's pictures have in common: all but words for the modality, or what a pattern finds."""

import re
import unicodedata
from collections.abc import Callable

from mmdrfuse.errors import PairingError

INFRARED_WORDS = ("infrared", "ir", "lwir", "mwir", "swir", "nir", "thermal", "t", "ct", "pet", "spect")
"""Words for the infrared side in the names of folders and files; in medicine it is the functional image or the CT."""
VISIBLE_WORDS = ("visible", "visual", "vis", "vi", "v", "rgb", "mri", "mr")
"""Words for the visible side in the names of folders and files; in medicine it is the MRI."""

Key = Callable[[str], str | None]
"""Return the part of a name without ending that a pair's pictures share; None for a name without such a part."""

_WORD = re.compile(rf"(?<![^\W\d_])(?:{'|'.join(INFRARED_WORDS + VISIBLE_WORDS)})(?![^\W\d_])", re.IGNORECASE)
_CHANNEL = re.compile(r"[_\-. ][gr]$", re.IGNORECASE)  # TNO appends the colour channel that a picture is of: _g, _r
_GAPS = re.compile(r"[_\-. ]+")


def pair_key(name: str) -> str:
    """Return the part of a name that is equal in both pictures of a pair.

    It cuts words for the modality if no letter touches them, replaces each gap (``_``, ``-``, ``.``, space) by one
    ``_``, and drops case.

    Example:
        >>> pair_key("IR_meting003_g"), pair_key("VIS_meting003_r"), pair_key("Iris-01")
        ('meting003', 'meting003', 'iris_01')
    """
    return bare_name(name).casefold()


def regex_key(pattern: str) -> Key:
    r"""Return a key that searches a name with a regular expression.

    The key is the group ``key`` of the match, or its first group, or the whole match.

    Args:
        pattern: Regular expression, with regard to case; it may match anywhere in a name.

    Raises:
        PairingError: The pattern is no regular expression.

    Example:
        >>> regex_key(r"frame(\d+)")("left-frame0007_8bit")
        '0007'
    """
    try:
        search = re.compile(pattern)
    except re.error as error:
        raise PairingError(
            f"{pattern!r} is no regular expression ({error}); write one whose group is equal in both names, such as "
            "'(\\d+)'"
        ) from error
    group = "key" if "key" in search.groupindex else min(search.groups, 1)

    def key(name: str) -> str | None:
        match = search.search(whole_name(name))
        return match and match[group]

    return key


def whole_name(name: str) -> str:
    """Return the name with each accented letter as one code point; file systems differ in this."""
    return unicodedata.normalize("NFC", name)


def bare_name(name: str) -> str:
    """Return the name without words for the modality."""
    name = whole_name(name)
    bare = _WORD.sub("_", name)
    if bare != name:
        bare = _CHANNEL.sub("", bare)
    return _GAPS.sub("_", bare).strip("_")
