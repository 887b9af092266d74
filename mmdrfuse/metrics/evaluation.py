"""Scores of one fused image: from stored pixels and names to numbers."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from mmdrfuse.errors import InputError, MMDRFuseError, SizeError, UnknownNameError
from mmdrfuse.metrics.metric import Metric
from mmdrfuse.metrics.protocols import PROTOCOLS, Protocol
from mmdrfuse.metrics.shared.gray import StoredImage
from mmdrfuse.metrics.shared.triple import Boxes
from mmdrfuse.metrics.table import METRICS


def evaluate(
    fused: StoredImage,
    a: StoredImage,
    b: StoredImage,
    *,
    metrics: str | Iterable[str] = ("EN", "SD", "VIF"),
    protocol: str = "standard",
    boxes: ArrayLike | None = None,
) -> dict[str, float]:
    """Score one fused image against its two sources.

    Args:
        fused: Fused image as stored, (H, W) or (H, W, 3), uint8, or floats 0..255. The protocol makes its own gray.
        a: First source, usually infrared, in the same form.
        b: Second source, usually visible, in the same form.
        metrics: Names from `names`, in any case; a single one may stand by itself.
        protocol: A name from `PROTOCOLS`.
        boxes: Labelled targets for TBC, N×4: x0, y0, x1, y1 in pixels from the left and upper edge. None takes what
            is hot in the first source.

    Returns:
        Score by the metric's name as the table spells it, in the order of the names. The protocol ``standard`` has a
        score for every image: PSNR is infinite where the fused image equals both sources, and so is QSF where only
        the sources are constant. Other protocols have the NaN of their programs for constant images.

    Raises:
        UnknownNameError: If a metric or the protocol does not exist.
        MMDRFuseError: If the protocol does not have the metric.
        InputError: If an argument is no array, or has pixels of a kind that no protocol reads; if boxes are not N×4.
        SizeError: If an array has not the shape of an image, or the sizes differ or are too small for a metric.

    Example:
        >>> import numpy as np
        >>> ramp = np.arange(64, dtype=np.uint8).reshape(8, 8)
        >>> evaluate(ramp, ramp, ramp, metrics=("EN", "MI"))
        {'EN': 6.0, 'MI': 12.0}
    """
    convention = find_protocol(protocol)
    chosen = [find_metric(name, convention) for name in _listed(metrics)]
    images = {"fused": fused, "a": a, "b": b}
    check_images(images)
    targets = None if boxes is None else _checked_boxes(boxes)
    for metric in chosen:
        _check_smallest(metric, convention, fused.shape[:2])
    triples = convention.triples(fused, a, b)
    for triple in triples:
        triple.boxes = targets
    # the last of the table need the most memory: they come before the others fill the triples' caches
    position = {name: number for number, name in enumerate(METRICS)}
    order = sorted(chosen, key=lambda metric: position[metric.name], reverse=True)
    scores = {metric.name: metric.protocols[convention.name](triples) for metric in order}
    return {metric.name: scores[metric.name] for metric in chosen}


def names(protocol: str = "standard") -> tuple[str, ...]:
    """Return the names of all metrics that a protocol has, in the order of the table.

    Raises:
        UnknownNameError: If there is no such protocol.
    """
    convention = find_protocol(protocol)
    return tuple(name for name, metric in METRICS.items() if convention.name in metric.protocols)


def find_protocol(name: str) -> Protocol:
    """Return the protocol of a name or alias; case and the choice of `_` or `-` do not matter.

    Raises:
        UnknownNameError: If there is no such protocol.
    """
    spelled = {alias: protocol for protocol in PROTOCOLS.values() for alias in (protocol.name, *protocol.aliases)}
    protocol = spelled.get(str(name).lower().replace("_", "-"))
    if protocol is None:
        raise UnknownNameError("protocol", str(name), spelled)
    return protocol


def find_metric(name: str, protocol: Protocol) -> Metric:
    """Return the metric of a name under a protocol; case and the choice of `-` or `_` do not matter.

    The name in the protocol's own program is valid too, unless another metric has that name here.

    Raises:
        UnknownNameError: If there is no such metric.
        MMDRFuseError: If there is, but not under this protocol.
    """
    by_name = {_plain(metric): row for metric, row in METRICS.items()}
    by_program_name = {}
    for row in METRICS.values():
        rule = row.protocols.get(protocol.name)
        if rule is not None and rule.program_name:
            by_program_name[_plain(rule.program_name)] = row

    metric = by_name.get(_plain(name)) or by_program_name.get(_plain(name))
    if metric is None:
        raise UnknownNameError("metric", str(name), METRICS)
    if protocol.name not in metric.protocols:
        namesake = by_program_name.get(_plain(name))
        hint = f"; what its program calls {name} is {namesake.name} here" if namesake else ""
        protocols = ", ".join(metric.protocols)
        raise MMDRFuseError(f"{metric.name} is not defined under {protocol.name}, but under {protocols}{hint}")
    return metric


def _plain(name: str) -> str:
    return str(name).lower().replace("-", "_")


def _listed(metrics: str | Iterable[str]) -> list[str]:
    if isinstance(metrics, str):
        return [metrics]
    if not isinstance(metrics, Iterable):
        raise InputError(f"metrics must be a name or several, such as ('EN', 'SD'), not a {type(metrics).__name__}")
    return list(metrics)


def check_images(images: dict[str, StoredImage]) -> None:
    """Refuse images that no metric can score.

    Args:
        images: Name for the message → image.

    Raises:
        InputError: One is no array, or has pixels of a kind that no protocol reads.
        SizeError: One has not the shape of an image, or the sizes differ.
    """
    for name, image in images.items():
        _check_shape(name, image)
        _check_values(name, image)

    brightest = max(float(image.max()) for image in images.values())
    if 0.0 < brightest <= 1.0 and any(image.dtype != np.uint8 for image in images.values()):
        raise InputError(f"no value is above {brightest:g}; expected 0..255: multiply images in 0..1 by 255")

    sizes = {name: f"{image.shape[1]}x{image.shape[0]}" for name, image in images.items()}
    if len(set(sizes.values())) > 1:
        given = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise SizeError(f"the images differ in size: {given} pixels; register and crop or resize them first")


def _checked_boxes(boxes: ArrayLike) -> Boxes:
    try:
        checked = np.asarray(boxes, np.float64)
    except (TypeError, ValueError):
        raise InputError("boxes must be numbers, four a box: x0, y0, x1, y1") from None
    if checked.size == 0:
        return checked.reshape(0, 4)
    if checked.ndim != 2 or checked.shape[1] != 4 or not np.isfinite(checked).all():
        raise InputError(f"boxes have shape {checked.shape}; expected (N, 4), x0, y0, x1, y1 in finite numbers")
    return checked


def _check_shape(name: str, image: StoredImage) -> None:
    # what a caller without a type checker may hand over is no array, whatever the annotation says
    kind = type(image).__name__
    if not isinstance(image, np.ndarray):
        raise InputError(f"{name} must be a NumPy array, (height, width) or (height, width, 3), not a {kind}")
    if isinstance(image, np.ma.MaskedArray):
        raise InputError(f"{name} must be a NumPy array without a mask, not a {kind}; fill its masked pixels first")
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or image.size == 0:
        raise SizeError(f"{name} has shape {image.shape}; expected (height, width) or (height, width, 3)")


def _check_values(name: str, image: StoredImage) -> None:
    if image.dtype == np.uint8:
        return
    if not np.issubdtype(image.dtype, np.floating):
        raise InputError(f"{name} has {image.dtype} pixels; expected uint8, or floats scaled to 0..255")
    undefined = image.size - np.count_nonzero(np.isfinite(image))
    if undefined:
        raise InputError(f"{name} has {undefined} pixels that are NaN or infinite; expected floats within 0..255")
    low, high = float(image.min()), float(image.max())
    if low < 0.0 or high > 255.0:
        raise InputError(f"{name} has values {low:g}..{high:g}; expected floats within 0..255")


def _check_smallest(metric: Metric, protocol: Protocol, shape: tuple[int, ...]) -> None:
    height, width = shape
    smallest = metric.protocols[protocol.name].smallest
    if min(height, width) < smallest:
        raise SizeError(f"{metric.name} needs images of {smallest}x{smallest} pixels or more, got {width}x{height}")
