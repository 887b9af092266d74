"""Rows of the table: metrics of single pixels, their differences and their histograms."""

import math
from functools import partial

from mmdrfuse.metrics.distances import (
    correlation,
    mean_squared_error,
    norm_per_pixel,
    norm_to_noise,
    root_mean_squared_error,
    signal_to_noise,
    sum_of_correlations_of_differences,
)
from mmdrfuse.metrics.entropy import cross_entropy, entropy
from mmdrfuse.metrics.metric import Metric, Rule, same
from mmdrfuse.metrics.mutual_information import CVEJIC, mutual_information, qmi, qncie, qte
from mmdrfuse.metrics.statistics import average_gradient, edge_intensity, spatial_frequency, standard_deviation

_INFINITY = math.inf
_NATS = partial(mutual_information, base=math.e)
_AG_INNER = partial(average_gradient, inner_count=True)
_INNER = "sum over (H-1)(W-1), not mean"
_SWAPPED = "marginal histograms swapped, images stretched to 0..255"

PIXEL_ROWS = (
    Metric(
        name="EN",
        title="entropy of the fused image",
        higher_is_better=True,
        range=(0.0, 8.0),
        unit="bit",
        reference="Roberts, van Aardt, Ahmed, J. Appl. Remote Sensing 2008",
        protocols={
            **same("standard cddfuse tang tang-table", Rule(entropy)),
            "vifb": Rule(entropy, program_name="Entropy"),
        },
    ),
    Metric(
        name="SD",
        title="standard deviation of the fused image",
        higher_is_better=True,
        range=(0.0, 127.5),
        unit="level",
        reference="Rao, Meas. Sci. Technol. 1997",
        protocols={
            **same("standard cddfuse tang", Rule(standard_deviation)),
            "vifb": Rule(standard_deviation, program_name="Variance"),
            "tang-table": Rule(
                partial(standard_deviation, saturated=True), "in 8-bit arithmetic that stops at 0 and 255", bug=True
            ),
        },
    ),
    Metric(
        name="SF",
        title="spatial frequency: size of first differences",
        higher_is_better=True,
        range=(0.0, 360.63),
        unit="level",
        reference="Eskicioglu, Fisher, IEEE Trans. Commun. 1995",
        protocols={
            **same("standard cddfuse tang", Rule(spatial_frequency, smallest=2)),
            "vifb": Rule(
                partial(spatial_frequency, per_pixel=True),
                "sums over pixels, not differences; channels side by side as one image",
                bug=True,
                smallest=2,
                side_by_side=True,
                program_name="Spatial_frequency",
            ),
            "tang-table": Rule(partial(spatial_frequency, peak=1.0), "images in 0..1", smallest=2),
        },
    ),
    Metric(
        name="AG",
        title="average gradient of the fused image",
        higher_is_better=True,
        range=(0.0, 255.0),
        unit="level",
        reference="Cui et al., Opt. Commun. 2015",
        protocols={
            **same("standard cddfuse", Rule(average_gradient, smallest=2)),
            "vifb": Rule(_AG_INNER, _INNER, smallest=2, program_name="Avg_gradient"),
            **same("tang tang-table", Rule(_AG_INNER, _INNER, smallest=2)),
        },
    ),
    Metric(
        name="EI",
        title="edge intensity: mean Sobel magnitude of the fused image",
        higher_is_better=True,
        range=(0.0, 1443.0),
        unit="level",
        reference="Rajalingam, Priya, IJESI 2018",
        protocols={"standard": Rule(edge_intensity), "vifb": Rule(edge_intensity, program_name="Edge_intensity")},
    ),
    Metric(
        name="MSE",
        title="mean squared error, mean over the sources",
        higher_is_better=False,
        range=(0.0, 65025.0),
        unit="level²",
        reference="Gonzalez, Woods, Digital Image Processing",
        protocols={
            **same("standard cddfuse", Rule(mean_squared_error)),
            **same("tang tang-table", Rule(partial(mean_squared_error, peak=1.0), "images in 0..1")),
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
        range=(0.0, _INFINITY),
        unit="dB",
        reference="Gonzalez, Woods, Digital Image Processing",
        protocols={
            "standard": Rule(signal_to_noise),
            "cddfuse": Rule(partial(signal_to_noise, fused_peak=True), "peak is the fused maximum", bug=True),
            "vifb": Rule(norm_to_noise, "of its own RMSE", bug=True, program_name="Psnr"),
            **same(
                "tang tang-table",
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
        protocols=same("standard cddfuse tang tang-table", Rule(correlation)),
    ),
    Metric(
        name="SCD",
        title="sum of correlations of differences",
        higher_is_better=True,
        range=(-2.0, 2.0),
        unit="",
        reference="Aslantas, Bendes, AEU 2015",
        protocols=same("standard cddfuse tang tang-table", Rule(sum_of_correlations_of_differences)),
    ),
    Metric(
        name="MI",
        title="mutual information with the sources, sum",
        higher_is_better=True,
        range=(0.0, 16.0),
        unit="bit",
        reference="Qu, Zhang, Yan, Electron. Lett. 2002",
        protocols={
            "standard": Rule(mutual_information),
            "cddfuse": Rule(_NATS, "in nats"),
            "vifb": Rule(_NATS, "in nats", program_name="Mutinf"),
            **same(
                "tang tang-table",
                Rule(partial(mutual_information, joint_levels=255), "levels 254 and 255 share a joint bin", bug=True),
            ),
        },
    ),
    Metric(
        name="CE",
        title="cross entropy of the sources and the fused image, mean",
        higher_is_better=False,
        range=(-8.0, _INFINITY),
        unit="bit",
        reference="Bulanon, Burks, Alchanatis, Biosyst. Eng. 2009",
        protocols={"standard": Rule(cross_entropy), "vifb": Rule(cross_entropy, program_name="Cross_entropy")},
    ),
    Metric(
        name="QMI",
        title="mutual information, normalised",
        higher_is_better=True,
        range=(0.0, 2.0),
        unit="",
        reference="Hossny, Nahavandi, Creighton, Electron. Lett. 2008",
        protocols={
            "standard": Rule(qmi),
            "liu": Rule(partial(qmi, stretch=True), "images stretched to 0..255"),
        },
    ),
    Metric(
        name="QTE",
        title="mutual information by Tsallis entropy, normalised",
        higher_is_better=True,
        range=(0.0, _INFINITY),
        unit="",
        reference="Nava, Cristóbal, Escalante-Ramírez, SPIE Newsroom 2007",
        protocols={
            "standard": Rule(qte),
            "liu": Rule(partial(qte, swapped_marginals=True, stretch=True), _SWAPPED, bug=True),
        },
    ),
    Metric(
        name="QTE_cvejic",
        title="mutual information by Tsallis entropy of order 1.85",
        higher_is_better=True,
        range=(0.0, _INFINITY),
        unit="",
        reference="Cvejic, Canagarajah, Bull, Electron. Lett. 2006",
        protocols={
            "standard": Rule(partial(qte, order=CVEJIC, normalised=False)),
            "liu": Rule(
                partial(qte, order=CVEJIC, normalised=False, swapped_marginals=True, stretch=True), _SWAPPED, bug=True
            ),
        },
    ),
    Metric(
        name="QNCIE",
        title="nonlinear correlation information entropy",
        higher_is_better=True,
        range=(0.8018, 1.0),
        unit="",
        reference="Wang, Shen, Jin, in: Image Fusion, 2008",
        protocols={
            "standard": Rule(qncie),
            "liu": Rule(partial(qncie, stretch=True), "images stretched to 0..255"),
        },
    ),
)
