"""Scores against the published programs' own, on real images.

`metrics.json` holds what the programs of the protocols printed for six fused images; `vifb_published.json` what the
benchmark's authors published, to five digits. Neither is part of the project; what each formula gives on made-up images
stands in the tests of its module.
"""

import json

import numpy as np
import pytest
from PIL import Image

from mmdrfuse.metrics import METRICS, PROTOCOLS, evaluate, find_metric

VIFB_PAIRS, TNO_PAIRS = ("fight", "peopleshadow", "walking"), ("05", "11", "37")
PAIRS = (*VIFB_PAIRS, *TNO_PAIRS)
CASES = [
    (program, pair) for program in ("cddfuse", "liu", "metricslab_f64", "tang", "tang_fmi_crop64") for pair in PAIRS
]
CASES += [("vifb", pair) for pair in VIFB_PAIRS] + [("tang_table", pair) for pair in TNO_PAIRS]
# Largest relative differences: of programs that compute in float64 and, these metrics, in float32
DOUBLE, SINGLE = 1e-9, 5e-7
IN_SINGLE = {("cddfuse", name) for name in ("SD", "SF", "AG", "MSE", "PSNR", "CC", "SCD", "Qabf")}
# Rounding noise in flat windows decides: the order of the additions would have to be the program's
NOISY = {("liu", "QC"): {"fight", "peopleshadow", "05"}, ("liu", "QY"): {"fight", "peopleshadow"}}
# Between two sources that are followed alike its program takes the second, ours the flatter one
TIED = {("metricslab_f64", "VIFF_vi_ir"): {"walking"}}
# Programs whose results are scored under a protocol of another name
PROTOCOL = {"tang_fmi_crop64": "tang", "metricslab_f64": "standard"}


@pytest.fixture(scope="module")
def cases(shared):
    return {case["pair"]: case for case in json.loads((shared / "oracle" / "metrics.json").read_text())}


@pytest.fixture(scope="module")
def stored(shared, cases):
    """Read fused image, infrared and visible image of a pair."""

    def read(pair):
        return tuple(
            np.asarray(Image.open(shared / "data" / cases[pair][key])) for key in ("fused", "infrared", "visible")
        )

    return read


def centre(image):
    y, x = ((side - 64) // 2 for side in image.shape[:2])
    return image[y : y + 64, x : x + 64]


def our_name(program, name):
    if program == "metricslab_f64":
        return "VIFF"
    if name == "VIFF":  # which is what these programs call VIF
        return "VIF"
    return find_metric(name, PROTOCOLS[PROTOCOL.get(program, program).replace("_", "-")]).name


@pytest.mark.slow
@pytest.mark.parametrize(("program", "pair"), CASES)
def test_scores_are_those_of_the_program(cases, stored, program, pair):
    images, protocol = stored(pair), PROTOCOL.get(program, program)
    if program == "tang_fmi_crop64":
        images = tuple(centre(image) for image in images)
    for theirs, value in cases[pair]["values"][program].items():
        if pair in NOISY.get((program, theirs), ()) or pair in TIED.get((program, theirs), ()):
            continue
        name = our_name(program, theirs)
        turned = images if theirs != "VIFF_vi_ir" else (images[0], images[2], images[1])
        tolerance = SINGLE if (program, name) in IN_SINGLE else DOUBLE
        assert evaluate(*turned, metrics=name, protocol=protocol)[name] == pytest.approx(value, rel=tolerance), theirs


def test_single_precision_similarity_is_matched_to_the_last_digit(cases, stored):
    for pair in PAIRS:
        ours = evaluate(*stored(pair), metrics="SSIM", protocol="mmdrfuse")["SSIM"]
        assert ours == pytest.approx(cases[pair]["values"]["mmdrfuse"]["SSIM"], rel=1e-14)


@pytest.fixture(scope="module")
def zoo_cases(shared):
    return json.loads((shared / "oracle" / "zoo.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("index", range(6))
def test_scores_are_those_of_ivif_zoo(shared, zoo_cases, index):
    case = zoo_cases[index]
    images = [np.asarray(Image.open(shared / "data" / case[side])) for side in ("fused", "infrared", "visible")]
    ours = evaluate(*images, metrics=list(case["zoo"]), protocol="zoo")
    for theirs, value in case["zoo"].items():
        # its program computes in float32, but for a few
        assert ours[find_metric(theirs, PROTOCOLS["zoo"]).name] == pytest.approx(value, rel=SINGLE), theirs


def test_every_rule_is_held_against_its_program(cases, zoo_cases):
    held = {("zoo", find_metric(theirs, PROTOCOLS["zoo"]).name) for case in zoo_cases for theirs in case["zoo"]}
    held |= {
        (PROTOCOL.get(program, program).replace("_", "-"), our_name(program, theirs))
        for case in cases.values()
        for program, values in case["values"].items()
        for theirs in values
        if program != "mmdrfuse"
    }
    ruled = {(protocol, name) for name, metric in METRICS.items() for protocol in metric.protocols}
    assert {pair for pair in ruled - held if pair[0] != "standard"} == {("tang", "FMI_w")}  # MATLAB's taps are its own


@pytest.mark.parametrize(("pair", "method"), [("walking", "ADF"), ("manCall", "MSVD")])
def test_vifbs_published_table_is_met_to_its_five_digits(shared, pair, method):
    folder = shared / "data" / "VIFB"
    names = (f"fused/{pair}_{method}", f"IR/{pair}", f"VI/{pair}")
    images = (np.asarray(Image.open(folder / f"{name}.jpg")) for name in names)
    published = json.loads((shared / "oracle" / "vifb_published.json").read_text())[pair][method]
    ours = evaluate(*images, metrics=published, protocol="vifb")
    for theirs, value in published.items():
        assert float(f"{ours[find_metric(theirs, PROTOCOLS['vifb']).name]:.5g}") == value, theirs
