"""The report of a run over many items."""

import pytest

from mmdrfuse.cli.shared.console import Report
from mmdrfuse.errors import InputError


def said(capsys, results):
    report = Report()
    for result in results:
        report.add(result)
    with pytest.raises(SystemExit) as left:
        report.finish("pictures made")
    assert left.value.code == 1
    return capsys.readouterr().err.splitlines(), report


def test_a_reason_that_all_share_is_said_once_with_the_count(capsys):
    lines, report = said(capsys, [InputError(f"{number}.png: too dark") for number in range(1000)])
    assert lines == ["failed 0.png: too dark", "failed 999 more for the same reason", "0 pictures made, 1000 failed"]
    assert len(report.failures) == 1000


def test_every_name_is_said_where_some_went_well(capsys):
    failures = [InputError(message) for message in ("a.png: dark", "b.png: cut", "c.png: cut", "d.png: dark")]
    lines, _ = said(capsys, [*failures, "made"])
    assert lines == [
        "failed a.png: dark", "failed b.png: cut", "failed d.png: for the same reason as a.png",
        "failed c.png: for the same reason as b.png", "1 picture made, 4 failed",
    ]  # fmt: skip


@pytest.mark.parametrize("message", ["no colon", "a: b: c", ""])
def test_any_message_is_said(capsys, message):
    assert said(capsys, [InputError(message)])[0][0] == f"failed {message}"
