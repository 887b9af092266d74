"""What a caller can choose about an export."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

from mmdrfuse.errors import ChoiceError, MMDRFuseError, UnknownNameError, WeightsError
from mmdrfuse.images.values.ranges import constant_limits
from mmdrfuse.images.values.tones import toned_over
from mmdrfuse.models import Checkpoint

Input = Literal["float", "uint8"]
INPUTS: tuple[str, ...] = get_args(Input)
"""``float``: planes in [0, 1], and the network's own output. ``uint8``: 8-bit planes in and out."""


@dataclass(frozen=True)
class Options:
    """The choices of an export; each target takes some of them."""

    input: str = "float"
    """One of `INPUTS`."""
    range: str | None = None
    """What becomes black and white: ``clip``, ``minmax`` or ``fixed:LO,HI``; ``auto`` or None for what the model card
    says. An ONNX model of float planes has no range if this is None."""

    def chosen(self) -> tuple[str, ...]:
        """Return the names of the choices that are not the default."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) != field.default)


def limits_of(checkpoint: Checkpoint, options: Options) -> tuple[float, float] | None:
    """Return the network's values that become black and white; None if they are each picture's own extremes.

    Raises:
        UnknownNameError: There is no such range or input.
        ChoiceError: The range depends on a whole set of pictures, or has a tone over each picture's own extremes.
        InputError: ``fixed`` without two numbers, the lower first; or a tone that is none.
        WeightsError: The model card names a range that does not exist.
    """
    if options.input not in INPUTS:
        raise UnknownNameError("input", options.input, INPUTS)
    policy = range_of(checkpoint, options)
    limits = constant_limits(policy)
    if limits is None and policy != "minmax":
        raise ChoiceError(
            f"range {policy!r} cannot be exported; choose clip, minmax or fixed:LO,HI, or clip with a tone "
            "(clip+tone:GAIN,OFFSET)"
        )
    return limits


def range_of(checkpoint: Checkpoint, options: Options) -> str:
    """Return the range that is chosen, else that of the model card; a card that names none means ``clip``.

    Raises:
        WeightsError: The model card names a range that does not exist.
        InputError: The tone that is asked for is none.
    """
    own = str(checkpoint.card.get("range", "clip"))
    try:
        constant_limits(own)
    except MMDRFuseError as error:
        raise WeightsError(f"{checkpoint.name}: its card asks for {error.message}") from error
    return own if options.range in (None, "auto") else toned_over(own, str(options.range))
