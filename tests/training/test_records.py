"""Reading losses: several at once, never across an epoch's end, and never past what is no number."""

import numpy as np
import pytest
import torch

from mmdrfuse.errors import TrainingError
from mmdrfuse.training.loop import Step
from mmdrfuse.training.records import read


def steps(count, wrong=()):
    for number in range(count):
        total = torch.tensor(torch.nan if number in wrong else number / 2)
        terms = {"intensity": torch.tensor(1.0), "total": total}
        yield Step(number, number // 4, np.array([number, 9]), terms, 0.1, {"detail_gap": torch.tensor(number / 4)})


@pytest.mark.parametrize(("read_every", "lengths"), [(1, [1] * 8), (3, [3, 1, 3, 1]), (20, [4, 4])])
def test_losses_are_read_so_many_at_once_and_at_an_epochs_end(read_every, lengths):
    bursts = list(read(steps(8), per_epoch=4, read_every=read_every))
    assert [len(burst) for burst in bursts] == lengths
    assert [record.losses["total"] for burst in bursts for record in burst] == [n / 2 for n in range(8)]
    assert [record.refresh["detail_gap"] for burst in bursts for record in burst] == [n / 4 for n in range(8)]
    assert all(record.patches == 2 and record.seconds >= 0 for burst in bursts for record in burst)


@pytest.mark.parametrize("read_every", [1, 20])
def test_the_first_step_that_is_no_number_is_named_however_late_it_is_read(read_every):
    with pytest.raises(TrainingError, match=r"step 2: no finite number for total, on patches 2, 9; .* lower rate"):
        list(read(steps(4, wrong=(2, 3)), per_epoch=4, read_every=read_every))
