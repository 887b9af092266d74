"""Rows of the table: metrics of edges, contrast, frequencies and features."""

import math
from functools import partial

from mmdrfuse.metrics.contrast_sensitivity import qcb, qcv
from mmdrfuse.metrics.edge_preservation import labf, nabf, qabf, qg
from mmdrfuse.metrics.fmi import fmi
from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.multiscale_details import qm, qsf
from mmdrfuse.metrics.phase_congruency import qp

_INFINITY = math.inf
_HONG = "no wrap-around of angles; where gradients tie, the gradient counts as their ratio"
_STRETCHED = "images stretched to 0..255"

EDGE_ROWS = (
    Metric(
        name="Qabf",
        title="share of the sources' edges kept",
        higher_is_better=True,
        range=(0.0, 0.975),
        unit="",
        reference="Xydeas, Petrovic, Electron. Lett. 2000",
        protocols={
            "standard": Rule(qabf),
            **same("cddfuse tang", Rule(partial(qabf, wrapped=False, tie_gain=1.0), _HONG, bug=True)),
            "vifb": Rule(partial(qabf, wrapped=False, tie_gain=255.0), _HONG, bug=True),
            "tang-table": Rule(
                partial(qabf, wrapped=False, tie_gain=1.0, peak=1.0), "as tang, on images in 0..1", bug=True
            ),
        },
    ),
    Metric(
        name="Nabf",
        title="share of edges that no source has",
        higher_is_better=False,
        range=(0.0, 1.0),
        unit="",
        reference="Shreyamsha Kumar, Signal Image Video Process. 2013",
        protocols={
            "standard": Rule(nabf),
            "tang": Rule(
                partial(nabf, directed=True, fused="a"),
                "scores the first source, with the fused image as one of its sources",
                bug=True,
            ),
        },
    ),
    Metric(
        name="Nabf_std_order",
        title="Nabf by the program of tang, its images in the right order",
        higher_is_better=False,
        range=(0.0, 1.0),
        unit="",
        reference="Shreyamsha Kumar, Signal Image Video Process. 2013",
        protocols={"tang": Rule(partial(nabf, directed=True))},
    ),
    Metric(
        name="Labf",
        title="share of the sources' edges lost",
        higher_is_better=False,
        range=(0.0, 1.0),
        unit="",
        reference="Shreyamsha Kumar, Signal Image Video Process. 2013",
        protocols={"standard": Rule(labf)},
    ),
    Metric(
        name="QG",
        title="share of the sources' edges kept, constants of Liu",
        higher_is_better=True,
        range=(0.0, 0.987),
        unit="",
        reference="Xydeas, Petrovic, Electron. Lett. 2000; Liu et al., IEEE TPAMI 2012",
        protocols={"standard": Rule(qg), "liu": Rule(partial(qg, per_pixel=True), "mean of the ratios of the pixels")},
    ),
    Metric(
        name="Qcb",
        title="visible contrast kept",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Chen, Blum, Image Vis. Comput. 2009",
        protocols={
            "standard": Rule(qcb),
            **same("vifb liu", Rule(partial(qcb, stretch=True, blank_is_nan=True), _STRETCHED)),
        },
    ),
    Metric(
        name="Qcv",
        title="visible difference where the sources have edges",
        higher_is_better=False,
        range=(0.0, _INFINITY),
        unit="level²",
        reference="Chen, Varshney, Inf. Fusion 2007",
        protocols={
            "standard": Rule(qcv),
            **same("vifb liu", Rule(partial(qcv, stretch=True), _STRETCHED)),
        },
    ),
    Metric(
        name="QSF",
        title="spatial frequency against the sources, 0 is ideal",
        higher_is_better=True,
        range=(-1.0, _INFINITY),
        unit="",
        reference="Zheng et al., Inf. Fusion 2007",
        protocols=same("standard liu", Rule(qsf, smallest=2)),
    ),
    Metric(
        name="QM",
        title="wavelet details kept over two scales",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Wang, Liu, ICSP 2008",
        protocols={
            "standard": Rule(qm, smallest=4),
            "liu": Rule(partial(qm, summed_bands=True), "three times as large: sum of the bands, not mean", smallest=4),
        },
    ),
    Metric(
        name="QP",
        title="phase congruency kept",
        higher_is_better=True,
        range=(-1.0, 1.0),
        unit="",
        reference="Zhao, Laganière, Liu, IJICIC 2007",
        protocols={
            "standard": Rule(qp, smallest=3),
            "liu": Rule(partial(qp, published=True), "grids, moments and masks of its program", bug=True, smallest=3),
        },
    ),
    Metric(
        name="FMI_pixel",
        title="feature mutual information of pixels",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Haghighat, Razian, AICT 2014",
        protocols={
            "standard": Rule(fmi, smallest=3),
            "tang": Rule(partial(fmi, feature="edge"), "edges, not pixels", bug=True, smallest=3),
        },
    ),
    Metric(
        name="FMI_dct",
        title="feature mutual information of cosine transforms",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Haghighat, Razian, AICT 2014",
        protocols=same("standard tang", Rule(partial(fmi, feature="dct"), smallest=3)),
    ),
    Metric(
        name="FMI_w",
        title="feature mutual information of wavelet transforms",
        higher_is_better=True,
        range=(0.0, 1.0),
        unit="",
        reference="Haghighat, Razian, AICT 2014",
        protocols={
            "standard": Rule(partial(fmi, feature="wavelet"), smallest=3),
            "tang": Rule(
                partial(fmi, feature="wavelet"),
                "62 taps of the Meyer wavelet; MATLAB has 102, its numbers differ",
                smallest=3,
            ),
        },
    ),
)
