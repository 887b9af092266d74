"""Rows of the table: metrics of the statistics of windows."""

import math
from functools import partial

from mmdrfuse.metrics.mef_ssim import mef_ssim
from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.piella import qc, qe, qs, qw, qy
from mmdrfuse.metrics.ssim import ms_ssim, ssim
from mmdrfuse.metrics.ssim_float32 import ssim_float32
from mmdrfuse.metrics.vif import vif, viff

_INFINITY = math.inf
_NOISE = "rounding noise decides flat windows"

WINDOW_ROWS = (
    Metric(
        name="SSIM",
        title="structural similarity to the sources, sum",
        higher_is_better=True,
        range=(-2.0, 2.0),
        unit="",
        reference="Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 2004",
        protocols={
            "standard": Rule(ssim, smallest=11),
            "cddfuse": Rule(ssim_float32, "uniform 7×7 windows, C2 = 0.0036 on 0..255, float32", bug=True, smallest=7),
            "vifb": Rule(ssim, smallest=11, program_name="Ssim"),
            "tang": Rule(
                partial(ssim, peak=1.0, replicated=True, mean=True),
                "mean over the sources, C2 = 0.0009 on 0..255, border repeated",
                bug=True,
            ),
        },
    ),
    Metric(
        name="SSIM_mean",
        title="structural similarity to the sources, mean",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 2004",
        protocols={"standard": Rule(partial(ssim, mean=True), smallest=11)},
    ),
    Metric(
        name="MS_SSIM",
        title="multi-scale structural similarity to the sources, sum",
        higher_is_better=True,
        range=(0.0, 2.0),
        unit="",
        reference="Wang, Simoncelli, Bovik, Asilomar 2003",
        protocols={
            "standard": Rule(ms_ssim, smallest=176),
            "tang": Rule(mef_ssim, "MEF-SSIM (Ma, Zeng, Wang, IEEE TIP 2015) under this name", smallest=41),
        },
    ),
    Metric(
        name="MS_SSIM_mean",
        title="multi-scale structural similarity to the sources, mean",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Wang, Simoncelli, Bovik, Asilomar 2003",
        protocols={"standard": Rule(partial(ms_ssim, mean=True), smallest=176)},
    ),
    Metric(
        name="VIF",
        title="visual information fidelity to the sources, sum",
        higher_is_better=True,
        range=(0.0, _INFINITY),
        unit="",
        reference="Sheikh, Bovik, IEEE TIP 2006",
        protocols={
            **same("standard tang", Rule(vif, smallest=41)),
            "cddfuse": Rule(vif, smallest=41, program_name="VIFF"),
            "tang-table": Rule(
                partial(vif, saturated=True), "products of pixels stop at 255 at the first scale", bug=True, smallest=41
            ),
        },
    ),
    Metric(
        name="VIFF",
        title="visual information fidelity for fusion",
        higher_is_better=True,
        range=(0.0, _INFINITY),
        unit="",
        reference="Han, Cai, Cao, Xu, Inf. Fusion 2013",
        protocols={"standard": Rule(viff, smallest=41)},
    ),
    Metric(
        name="QS",
        title="similarity weighted by local variance",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Piella, Heijmans, ICIP 2003",
        protocols={
            "standard": Rule(qs, smallest=11),
            "liu": Rule(partial(qs, flat_tolerance=None), smallest=11),
        },
    ),
    Metric(
        name="QW",
        title="similarity weighted by saliency",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Piella, Heijmans, ICIP 2003",
        protocols={
            "standard": Rule(qw, smallest=11),
            "liu": Rule(partial(qw, flat_tolerance=None), smallest=11),
        },
    ),
    Metric(
        name="QE",
        title="QW of the images times QW of their edges",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Piella, Heijmans, ICIP 2003",
        protocols={
            "standard": Rule(qe, smallest=11),
            "liu": Rule(
                partial(qe, flat_tolerance=None),
                "as its program was meant: it stops with an error",
                smallest=11,
                program_name="QE_fixed",
            ),
        },
    ),
    Metric(
        name="QC",
        title="similarity weighted by local covariance",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Cvejic et al., Int. J. Signal Process. 2005",
        protocols={
            "standard": Rule(qc, smallest=7),
            "liu": Rule(partial(qc, flat_tolerance=None, forced_score=True), _NOISE, bug=True, smallest=7),
        },
    ),
    Metric(
        name="QY",
        title="similarity to both sources, or to the better one",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Yang et al., Inf. Fusion 2008",
        protocols={
            "standard": Rule(qy, smallest=7),
            "liu": Rule(partial(qy, flat_tolerance=None), _NOISE, bug=True, smallest=7),
        },
    ),
)
