"""What ``mmdrfuse align`` shows and writes about a matrix."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mmdrfuse.cli.shared.options import command_line
from mmdrfuse.errors import MMDRFuseError

if TYPE_CHECKING:
    from mmdrfuse.pipeline.align import Check, PointFit
    from mmdrfuse.registration.result import Registration


def lines_of_registration(found: "Registration") -> Iterator[str]:
    """Yield what was found, for people: matrix, view, confidence, error."""
    import numpy as np

    matrix = found.matrix if found.matrix is not None else np.eye(3)
    for title, row in zip(("matrix", "", ""), matrix, strict=True):
        yield f"{title:<12}" + "  ".join(f"{value:>12.6g}" for value in row)
    yield f"{'model':<12}{found.model}, by {found.method.replace('-', ' ')}"
    yield f"{'view':<12}{found.view:.2f} of the visible's width"
    yield f"{'confidence':<12}{found.confidence:.1f}, of {found.needed:.1f} needed"
    if math.isfinite(found.halves):
        yield f"{'halves':<12}agree to {found.halves:.1f} px"
    clear = [pixels for pixels in found.residuals if pixels is not None]
    if len(found.residuals) > 1 and clear:
        median, high = np.percentile(clear, [50, 90])
        agreeing = _agreeing(found.residuals, found.disagreeing)
        yield f"{'pairs':<12}{agreeing}, off by {median:.1f} px (90 %: {high:.1f} px)"


def lines_of_check(names: Sequence[str], found: "Check") -> Iterator[str]:
    """Yield how well a rig fits, for people: the residual of each pair, and the drift."""
    width = max(map(len, names))
    for name, pixels in zip(names, found.residuals, strict=True):
        yield f"{name:<{width}}  {'unclear' if pixels is None else f'{pixels:.1f} px'}"
    drift = "unclear" if found.drift is None else f"{found.drift:.1f} px"
    yield f"{_agreeing(found.residuals, found.disagreeing)}; drift from the first third to the last: {drift}"


def lines_of_points(found: "PointFit") -> Iterator[str]:
    """Yield how well a matrix fits points that were marked by hand, for people."""
    import numpy as np

    apart = found.distances
    yield f"{'model':<12}{found.model}"
    yield f"{'view':<12}{found.view:.2f} of the visible's width"
    worst = f"at most {apart.max():.2f} px, at point {int(apart.argmax()) + 1}"
    yield f"{'points':<12}{len(apart)}, off by {np.median(apart):.2f} px (median), {worst}"


def document(found: "Registration", names: Sequence[str]) -> dict[str, Any]:
    """Return what was found as plain objects for JSON."""
    return {
        "accepted": found.accepted,
        "reason": found.reason or None,
        "matrix": None if found.matrix is None else found.matrix.tolist(),
        "model": found.model,
        "method": found.method,
        "view": found.view,
        "confidence": {"value": found.confidence, "needed": found.needed, "height": found.height},
        "halves": found.halves if math.isfinite(found.halves) else None,
        "infrared": dict(zip(("width", "height"), found.infrared, strict=True)),
        "visible": dict(zip(("width", "height"), found.visible, strict=True)),
        "pairs": [{"name": name, "residual": pixels} for name, pixels in zip(names, found.residuals, strict=True)],
        "disagree": [names[index] for index in found.disagreeing],
    }


def refusal(found: "Registration") -> MMDRFuseError:
    """Return the error that says why a matrix is not to be believed, and what to do."""
    from mmdrfuse.registration.result import REASONS

    evidence = f"confidence {found.confidence:.1f} of {found.needed:.1f} needed"
    return MMDRFuseError(f"not aligned [{found.reason}]: {REASONS[found.reason]} ({evidence})", cure="registration")


def provenance(ctx: click.Context) -> dict[str, Any]:
    """Return date, command and sources, as a rig file records them."""
    argument = next(param for param in ctx.command.params if isinstance(param, click.Argument))
    value = ctx.params[str(argument.name)]
    sources = [str(part) for part in (value if isinstance(value, tuple) else (value,))]
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return {"date": date, "command": command_line(ctx), "sources": sources}


def _agreeing(residuals: Sequence[float | None], disagreeing: Sequence[int]) -> str:
    clear = sum(pixels is not None for pixels in residuals)
    unclear = f", {len(residuals) - clear} unclear" if clear < len(residuals) else ""
    return f"{clear - len(disagreeing)} of {len(residuals)} agree{unclear}"
