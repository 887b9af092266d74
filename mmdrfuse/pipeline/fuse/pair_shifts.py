"""Measure by how much each pair of a set is off its rig, before any of it is fused."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmdrfuse.errors import ChoiceError, MMDRFuseError
from mmdrfuse.pair import Pair, Preparation
from mmdrfuse.pairs import prepared
from mmdrfuse.system.workers import Workers, ordered, pool, queue_length


def with_shifts(
    pairs: Sequence[Pair], *, workers: Workers = 1, advance: Callable[[str], object] = str
) -> Sequence[Pair]:
    """Return the pairs of a rig, each with its own shift in its preparation.

    A pair that cannot be read stays as it is; it fails when its turn comes.

    Args:
        pairs: With the preparation that the set shares.
        workers: How many to measure side by side.
        advance: Called with the name of each finished pair.

    Raises:
        ChoiceError: There is no rig that pairs could be off.
    """
    for pair in pairs:
        _check_rig(pair.preparation)
    found: list[Preparation] = []
    with pool(workers) as executor:
        for pair, result in ordered(executor, _shifted, pairs, buffer_size=queue_length(workers)):
            found.append(pair.preparation if isinstance(result, MMDRFuseError) else result)
            advance(pair.name)
    return prepared(pairs, found)


def shifted(preparation: Preparation, infrared: NDArray[Any], visible: NDArray[Any]) -> Preparation:
    """Return a preparation with the shift by which a pair agrees best, as far as the pair shows one clearly.

    Args:
        preparation: With the matrix of a rig.
        infrared: The stored side, H×W or H×W×3.
        visible: The same.

    Raises:
        ChoiceError: There is no rig that the pair could be off.
        InputError: A side holds values that are not numbers.
        SizeError: The pictures have another aspect than the rig's.
    """
    from mmdrfuse.registration.pair_shift import pair_shift  # it needs SciPy

    _check_rig(preparation)
    matrix = replace(preparation, pair_shift=()).matrix(infrared.shape[:2], visible.shape[:2])
    found = pair_shift(infrared, visible, np.reshape(matrix, (3, 3)))
    return replace(preparation, pair_shift=(found.right, found.down), pair_shift_evidence=found.evidence)


def _shifted(pair: Pair) -> Preparation:
    infrared, visible = (picture.image for picture in pair.load(wide=True, gray=True))
    return shifted(pair.preparation, infrared, visible)


def _check_rig(preparation: Preparation) -> None:
    if not preparation.transform:
        raise ChoiceError("a shift of each pair goes after the matrix of a rig, and there is none", cure="rig")
