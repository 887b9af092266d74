"""What the user chooses of an export."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmdrfuse.errors import ChoiceError, UnknownNameError
from mmdrfuse.images import SUFFIXES, Levels, Side
from mmdrfuse.pair import Preparation

FORMATS = ("yolo", "coco", "voc")
CHANNELS = ("rgbt",)


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a labelled set is exported.

    Args:
        formats: Of the labels: some of `FORMATS`.
        methods: Each becomes a folder: ``infrared``, ``visible``, a baseline, ``auto``, a shipped name or a file of
            weights.
        labels: The labels; None for those of the set.
        layout: Name of the set's layout; None recognises it.
        classes: Classes to keep, by any of their usual names; empty for all.
        split: ``official``, shares such as ``8:1:1``, or a table (CSV) of names and splits; None for the official one
            where there is one, or else 8:1:1.
        seed: Of the order of scenes in shares.
        channels: ``rgbt`` for pictures of four channels, the visible's colours and the infrared, in a folder of that
            name; None for none.
        suffix: Format of the fused pictures, as a file name ending.
        quality: Of lossy formats.
        preparation: How the sources are prepared; the boxes follow.
        infrared_range: Which infrared values become black and white.
        side: The side that the boxes were drawn on; None for the visible one, or the one of the labels' size.
    """

    formats: tuple[str, ...] = FORMATS
    methods: tuple[str, ...] = ("auto",)
    labels: Path | None = None
    layout: str | None = None
    classes: tuple[str, ...] = ()
    split: str | None = None
    seed: int = 0
    channels: str | None = None
    suffix: str = ".png"
    quality: int | None = None
    preparation: Preparation = field(default_factory=Preparation)
    infrared_range: Levels = field(default_factory=lambda: Levels.parse("auto"))
    side: Side | None = None

    def __post_init__(self) -> None:
        """Check the choices.

        Raises:
            UnknownNameError: There is no such format of labels, or no such channels.
            ChoiceError: There is no format or method, or none of that picture format.
        """
        for kind, names, known in (
            ("format", self.formats, FORMATS),
            ("channels", (self.channels,), (*CHANNELS, None)),
        ):
            unknown = [name for name in names if name not in known]
            if unknown:
                raise UnknownNameError(kind, str(unknown[0]), [name for name in known if name])
        if not self.formats or not (self.methods or self.channels):
            raise ChoiceError("an export needs at least one format and one method")
        if self.suffix not in SUFFIXES:
            raise ChoiceError(f"{self.suffix}: cannot be written; use one of {', '.join(sorted(SUFFIXES))}")

    def recorded(self) -> dict[str, Any]:
        """Return what decides on the exported files, as JSON."""
        values = asdict(self)
        for name in ("labels", "layout"):  # the record has what they led to
            del values[name]
        del values["preparation"]["rig"]  # the name of a file, whose hash stays
        return values
