"""Distances and correlations between the fused image and its sources: MSE, RMSE, PSNR, CC, SCD."""

import math
from functools import partial

from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.shared.moments import moments, pearson
from mmdrfuse.metrics.shared.triple import Triple


def mean_squared_error(t: Triple, *, peak: float = 255.0) -> float:
    """Compute the mean over both sources of ``mean (x - f)^2``.

    Args:
        t: Images 0..255.
        peak: The value that 255 stands for: 1 for images in 0..1.

    Returns:
        0 (fused equals both sources) to ``peak^2``; lower is better.
    """
    return sum(_squared_errors(t)) / 2.0 * (peak / 255.0) ** 2


def root_mean_squared_error(t: Triple) -> float:
    """Compute the square root of the mean squared error, ``sqrt(MSE)``.

    Args:
        t: Images 0..255.

    Returns:
        0 (fused equals both sources) to 255; lower is better.
    """
    return math.sqrt(mean_squared_error(t))


def signal_to_noise(t: Triple, *, fused_peak: bool = False, peak: float = 255.0) -> float:
    """Compute the peak signal-to-noise ratio, ``10 log10(255^2 / MSE)``.

    Args:
        t: Images 0..255.
        fused_peak: Take the fused image's own maximum as the peak instead of 255.
        peak: The value that 255 stands for in the MSE while the peak stays 255: 1 adds 48.13 dB, an error of
            published programs, for their protocols only.

    Returns:
        Decibels, higher is better; infinite where the fused image equals both sources; with `fused_peak`, minus
        infinity for a black image.
    """
    error = mean_squared_error(t, peak=peak)
    top = float(t.fused.max()) if fused_peak else 255.0
    if error == 0.0:
        return math.inf
    if top == 0.0:
        return -math.inf
    return 20.0 * math.log10(top / math.sqrt(error))


def norm_per_pixel(t: Triple) -> float:
    """Compute VIFB's "RMSE", ``(|a-f| + |b-f|) / 2HW``, norms of the differences over twice the *number* of pixels.

    No root mean square: it falls with the size of the image. For the protocol `vifb` alone.

    Args:
        t: Images 0..255.

    Returns:
        0 (fused equals both sources) to ``255 / sqrt(HW)``; lower is better.
    """
    norms = [math.sqrt(error * t.fused.size) for error in _squared_errors(t)]
    return sum(norms) / (2.0 * t.fused.size)


def norm_to_noise(t: Triple) -> float:
    """Compute VIFB's "PSNR", ``20 log10(255 / sqrt(r))`` with `r` of `norm_per_pixel`. For the protocol `vifb` alone.

    Args:
        t: Images 0..255.

    Returns:
        Decibels, higher is better; infinite where the fused image equals both sources.
    """
    norm = norm_per_pixel(t)
    return 20.0 * math.log10(255.0 / math.sqrt(norm)) if norm else math.inf


def correlation(t: Triple) -> float:
    """Compute the mean over both sources of Pearson's correlation with the fused image, ``(r(a, f) + r(b, f)) / 2``.

    Args:
        t: Images 0..255.

    Returns:
        -1..1. Two constant images count as fully correlated, a constant and a varying one as uncorrelated.

    References:
        Deshmukh, Bhosale, "Image fusion and image quality assessment of fused images", Int. J. Image Processing, 2010.
    """
    m = moments(t)
    pixels = t.fused.size
    return (pearson(m.a, m.f, m.f_and_a, pixels) + pearson(m.b, m.f, m.f_and_b, pixels)) / 2.0


def sum_of_correlations_of_differences(t: Triple) -> float:
    """Compute how what the fused image adds to one source correlates with the other, ``r(f - b, a) + r(f - a, b)``.

    Args:
        t: Images 0..255.

    Returns:
        -2..2. Two constant images count as fully correlated, a constant and a varying one as uncorrelated.

    References:
        Aslantas, Bendes, "A new image quality metric for image fusion: the sum of the correlations of differences",
        AEU - Int. J. Electronics and Communications, 2015.
    """
    m = moments(t)
    pixels = t.fused.size
    to_a = pearson(m.f_without_b, m.a, m.f_without_b_and_a, pixels)
    return to_a + pearson(m.f_without_a, m.b, m.f_without_a_and_b, pixels)


def _squared_errors(t: Triple) -> tuple[float, float]:
    m = moments(t)
    return m.error_a / t.fused.size, m.error_b / t.fused.size


ROWS = (
    Metric(
        name="MSE",
        title="mean squared error, mean over the sources",
        higher_is_better=False,
        range=(0.0, 65025.0),
        unit="level²",
        reference="Gonzalez, Woods, Digital Image Processing",
        protocols={
            **same("standard cddfuse", Rule(mean_squared_error)),
            **same("tang tang-table zoo", Rule(partial(mean_squared_error, peak=1.0), "images in 0..1")),
        },
    ),
    Metric(
        name="RMSE",
        title="root of MSE",
        higher_is_better=False,
        range=(0.0, 255.0),
        unit="level",
        reference="Gonzalez, Woods, Digital Image Processing",
        protocols={
            "standard": Rule(root_mean_squared_error),
            "vifb": Rule(
                norm_per_pixel, "norm over the number of pixels, no root mean square", bug=True, program_name="Rmse"
            ),
        },
    ),
    Metric(
        name="PSNR",
        title="peak signal-to-noise ratio of MSE",
        higher_is_better=True,
        range=(0.0, math.inf),
        unit="dB",
        reference="Gonzalez, Woods, Digital Image Processing",
        protocols={
            "standard": Rule(signal_to_noise),
            "cddfuse": Rule(partial(signal_to_noise, fused_peak=True), "peak is the fused maximum", bug=True),
            "vifb": Rule(norm_to_noise, "of its own RMSE", bug=True, program_name="Psnr"),
            **same(
                "tang tang-table zoo",
                Rule(partial(signal_to_noise, peak=1.0), "peak 255 for images in 0..1: 48.13 dB too high", bug=True),
            ),
        },
    ),
    Metric(
        name="CC",
        title="correlation with the sources, mean",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Deshmukh, Bhosale, IJIP 2010",
        protocols=same("standard cddfuse tang tang-table zoo", Rule(correlation)),
    ),
    Metric(
        name="SCD",
        title="sum of correlations of differences",
        higher_is_better=True,
        range=(-2.0, 2.0),
        unit="",
        reference="Aslantas, Bendes, AEU 2015",
        protocols=same("standard cddfuse tang tang-table zoo", Rule(sum_of_correlations_of_differences)),
    ),
)
