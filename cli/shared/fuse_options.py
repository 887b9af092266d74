"""The options of ``mmdrfuse fuse``, and the choices that they make."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.console import warn, wrong_usage

if TYPE_CHECKING:
    from mmdrfuse.images import Levels
    from mmdrfuse.pair import Preparation
    from mmdrfuse.pipeline.fuse.choices import Choices
    from mmdrfuse.system.workers import Workers

FORMAT = "png"


@dataclass(frozen=True)
class Options:
    """The options of the command, under the names that click passes."""

    weights: str
    range_: str
    color: str
    format_: str | None
    quality: int | None
    levels: "Levels"
    size_policy: str
    rig: Path | None
    transform: Path | None
    outside: str | None
    pair_shift: bool
    page: int | None
    raw: str | None
    overwrite: bool
    resume: bool
    dry_run: bool
    workers: "Workers"
    engine: str
    device: str

    @property
    def threads(self) -> int:
        """Return the number of threads for a single picture or a video, which a cluster cannot share out.

        Raises:
            UsageError: The work is to go to a cluster.
        """
        if not isinstance(self.workers, int):
            raise click.UsageError("--cluster is for many pictures; name a folder as OUT, or leave it out")
        return self.workers

    def choices(self, *, threads: int = 1) -> "Choices":
        """Return the choices that hold for all pictures and frames.

        Args:
            threads: Threads for one picture; more than 1 is for a single picture or a video.
        """
        from mmdrfuse.pipeline.fuse.from_names import choices_for

        choices = choices_for(
            self.weights, range_=self.range_, color=self.color, engine=self.engine, device=self.device,
            threads=threads, warn=warn,
        )  # fmt: skip
        return replace(
            choices,
            infrared_range=self.levels,
            preparation=self._preparation(),
            pair_shift=self.pair_shift,
            suffix=f".{(self.format_ or FORMAT).lower().lstrip('.')}",
            quality=self.quality,
        )

    def _preparation(self) -> "Preparation":
        from mmdrfuse.pair import Preparation
        from mmdrfuse.registration.geometry import read_matrix
        from mmdrfuse.registration.rig import read

        if self.rig and self.transform:
            raise click.UsageError("--rig and --transform both say where the infrared lies; give one of them")
        if self.outside and not (self.rig or self.transform):
            raise click.UsageError("--outside goes with --rig or --transform")
        preparation = Preparation(self.size_policy, page=self.page or 0, outside=self.outside or "visible")
        if self.rig:
            return preparation.onto(read(self.rig))
        return replace(preparation, transform=read_matrix(self.transform)) if self.transform else preparation


def parse_range(_: click.Context, __: click.Parameter, value: str) -> str:
    """Return ``--range`` as it was given; one that does not exist is wrong usage."""
    from mmdrfuse.images import constant_limits

    with wrong_usage():
        constant_limits("clip" if value == "auto" else value)
    return value


def parse_levels(_: click.Context, __: click.Parameter, value: str) -> Any:  # noqa: ANN401
    """Return ``--ir-range`` as levels; what is none is wrong usage."""
    from mmdrfuse.images import Levels

    with wrong_usage():
        return Levels.parse(value)
