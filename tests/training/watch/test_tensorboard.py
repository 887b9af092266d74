"""TensorBoard: all values of every record, and no duplicates after a resume."""

import pytest

from mmdrfuse.errors import DiskFullError, MissingExtraError
from mmdrfuse.training import Record, write_tensorboard
from mmdrfuse.training.watch.validation import Scores


def record(step, value=1.0, validation=None):
    return Record(step, 0, {"total": value}, 0.1, 1.0, 4, {"detail_gap": 0.5}, validation)


def read(folder):
    """Return name → [(step, value)] as TensorBoard reads it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return {name: [(event.step, event.value) for event in events.Scalars(name)] for name in events.Tags()["scalars"]}


def test_losses_refresh_rate_and_scores_are_written_while_records_pass(tmp_path):
    records = [record(0), record(1, 2.0, Scores({"SSIM": 0.5, "CE": None}, {"TNO": {"SSIM": 0.5}}))]
    assert list(write_tensorboard(iter(records), tmp_path)) == records
    assert read(tmp_path) == {
        "losses/total": [(0, 1.0), (1, 2.0)],
        "refresh/detail_gap": [(0, 0.5), (1, 0.5)],
        "rate": [(0, pytest.approx(0.1)), (1, pytest.approx(0.1))],
        "overall/SSIM": [(1, 0.5)],
        "TNO/SSIM": [(1, 0.5)],
    }


def test_a_resumed_run_replaces_repeated_steps(tmp_path):
    list(write_tensorboard(iter([record(0), record(1, 7.0), record(2, 7.0)]), tmp_path))
    list(write_tensorboard(iter([record(1), record(2)]), tmp_path))
    assert read(tmp_path)["losses/total"] == [(0, 1.0), (1, 1.0), (2, 1.0)]


def test_a_missing_tensorboard_is_named_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs tensorboard: .* extra \[tensorboard\]"):
        write_tensorboard(iter([]), tmp_path)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_full_disk_is_reported_once(tmp_path, monkeypatch):
    from tensorboard.summary.writer import record_writer

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(record_writer.RecordWriter, "write", full)
    with pytest.raises(DiskFullError, match=f"{tmp_path}: the disk is full"):
        list(write_tensorboard(map(record, range(5000)), tmp_path))
