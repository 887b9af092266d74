import pytest

from mmdrfuse.metrics import METRICS, PROTOCOLS, markdown_table
from mmdrfuse.metrics.table import HEAD, rows

EVERY = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


@EVERY
def test_a_metric_is_of_known_protocols_and_has_room_for_its_scores(metric):
    low, high = metric.range
    assert low < high
    assert metric.title
    assert metric.reference
    assert metric.protocols
    assert set(metric.protocols) <= set(PROTOCOLS)


@EVERY
def test_standard_has_every_metric_without_an_error(metric):
    if metric.name not in ("Nabf_std_order", "TE", "NMI"):  # which check programs
        assert not metric.protocols["standard"].bug
        assert metric.protocols["standard"].note == ""


@EVERY
def test_an_error_of_a_program_is_described(metric):
    assert all(rule.note for rule in metric.protocols.values() if rule.bug)


@EVERY
def test_the_listing_shows_direction_and_protocols(metric):
    (line,) = (line for line in markdown_table().splitlines() if line.startswith(f"| {metric.name} "))
    assert f"| {metric.name} {'↑' if metric.higher_is_better else '↓'} |" in line
    cells = line.split(" | ")
    assert len(cells) == 7
    for protocol, rule in metric.protocols.items():
        assert f"{protocol}†" in cells[-1] if rule.bug else protocol in cells[-1]
        assert rule.note in cells[-1]


@pytest.mark.parametrize(
    ("metric", "column", "change"),
    [
        ("EN", "1×1", ""),
        ("VIF", "41×41", "from 1×1"),
        ("SSIM", "11×11", "from 7×7"),
        ("MS_SSIM", "176×176", "from 41×41"),
    ],
)
def test_the_listing_shows_the_smallest_size_and_where_a_protocol_has_another(metric, column, change):
    row = next(row for row in rows() if row[0].startswith(f"{metric} "))
    assert row[HEAD.index("smallest")] == column
    assert change in row[-1]
    assert ("from" in row[-1]) == bool(change)


def test_errors_losses_and_artefacts_are_better_when_lower():
    lower = {name for name, metric in METRICS.items() if not metric.higher_is_better}
    assert lower == {"MSE", "RMSE", "CE", "Qcv", "Nabf", "Nabf_std_order", "Labf"}


def test_no_two_names_differ_in_case_alone():
    plain = {name.lower().replace("-", "_") for name in METRICS}
    assert len(plain) == len(METRICS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_program_calls_two_metrics_alike(protocol):
    theirs = [m.protocols[protocol].program_name for m in METRICS.values() if protocol in m.protocols]
    theirs = [name for name in theirs if name]
    assert len(set(theirs)) == len(theirs)
