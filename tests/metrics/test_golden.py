"""Scores are still those of the commit at which they agreed with every program's own (see `golden.py`)."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from mmdrfuse.metrics import PROTOCOLS, evaluate, names

HERE = Path(__file__).parent
GOLDEN = runpy.run_path(str(HERE / "golden.py"))
STORED = json.loads((HERE / "golden.json").read_text())
TRIPLES = GOLDEN["triples"]()
# Largest relative difference by the precision that a rule computes in
TOLERANCES = {"float64": 1e-10, "quotients": 1e-8, "float32": 1e-7, "torch": 1e-6}
IN_SINGLE = {("cddfuse", "SSIM")}
# It divides by numbers next to 0 in black areas: 80 bits give 0.36127970850781
IN_QUOTIENTS = {("zoo", "Qcb")}
# In float32 by a library that adds up in another order on another processor, or with other threads
BY_TORCH = {("zoo", metric) for metric in ("SSIM", "MS_SSIM", "VIF", "CE")}
# Rounding noise in flat windows decides, and with it the processor
NOISY = {("hard", "liu", "QC"), ("hard", "liu", "QY")}
CASES = [(triple, protocol, metric) for triple in TRIPLES for protocol in PROTOCOLS for metric in names(protocol)]


@pytest.mark.parametrize("name", TRIPLES)
def test_the_pictures_are_those_that_were_scored(name):
    assert GOLDEN["digest"](TRIPLES[name]) == STORED["pixels"][name]


def test_every_metric_of_every_protocol_has_a_golden_score():
    stored = STORED["scores"]
    assert {(triple, protocol, metric) for triple in stored for protocol in stored[triple]
            for metric in stored[triple][protocol]} == set(CASES)  # fmt: skip


@pytest.mark.parametrize(("triple", "protocol", "metric"), [case for case in CASES if case not in NOISY])
def test_a_score_is_the_golden_one(triple, protocol, metric):
    expected = float(STORED["scores"][triple][protocol][metric])
    kinds = {"quotients": IN_QUOTIENTS, "float32": IN_SINGLE, "torch": BY_TORCH}
    precision = next((kind for kind, rules in kinds.items() if (protocol, metric) in rules), "float64")
    tolerance = TOLERANCES[precision]
    score = evaluate(*TRIPLES[triple], metrics=metric, protocol=protocol)[metric]
    assert score == pytest.approx(expected, rel=tolerance, nan_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_type_that_levels_are_stored_in_does_not_matter(protocol, dtype):
    whole, floats = TRIPLES["textured"], [image.astype(dtype) for image in TRIPLES["textured"]]
    metrics = names(protocol)
    assert evaluate(*floats, metrics=metrics, protocol=protocol) == evaluate(*whole, metrics=metrics, protocol=protocol)
