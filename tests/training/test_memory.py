"""The refresh memory: remember, relapse, improve; a patch's own, in few bytes."""

import numpy as np
import pytest
import torch

from mmdrfuse.training.memory import Memory

CPU = torch.device("cpu")
ONE = torch.tensor([0])


def memory(dtype=torch.float32, count=4):
    return Memory((count, 2, 3), dtype=dtype, device=CPU)


def picture(value, count=1):
    return torch.full((count, 1, 2, 3), value)


def test_four_visits_of_one_patch_by_hand():
    """Structure is remembered, relapses twice and improves; detail is remembered, improves and relapses twice."""
    kept, visits = memory(), [(1.2, -0.20), (1.0, -0.10), (1.1, -0.25), (1.3, -0.12)]
    gaps, labels = [], []
    for number, scores in enumerate(visits, start=1):
        gaps += kept.update(ONE, picture(number / 10), torch.tensor(scores)[:, None], decision="sample").T.tolist()
        labels.append([label.unique().item() for label in kept.labels(ONE)])
    np.testing.assert_allclose(gaps, [[0, 0], [0.2, 0], [0.1, 0.15], [0, 0.02]], atol=1e-6)
    np.testing.assert_allclose(labels, [[0.1, 0.1], [0.1, 0.2], [0.1, 0.2], [0.4, 0.2]], atol=1e-6)


def test_a_batch_is_refreshed_as_a_whole_where_its_mean_got_better():
    kept, both = memory(), torch.tensor([2, 0])
    kept.update(both, picture(0.1, 2), torch.tensor([[1.0, 0.5], [-0.1, -0.3]]), decision="batch")
    gaps = kept.update(both, picture(0.9, 2), torch.tensor([[0.0, 1.6], [-0.2, -0.3]]), decision="batch")
    torch.testing.assert_close(gaps, torch.tensor([[0.0, 0.0], [0.05, 0.05]]))
    structure, detail = kept.labels(both)
    assert structure.unique().item() == pytest.approx(0.9)
    assert detail.unique().item() == pytest.approx(0.1)


def test_patches_are_kept_apart():
    kept = memory()
    kept.update(torch.tensor([3, 1]), torch.cat([picture(0.3), picture(0.1)]), torch.zeros(2, 2), decision="sample")
    assert kept.labels(torch.tensor([0, 1, 2, 3]))[0, :, 0, 0, 0].tolist() == pytest.approx([0, 0.1, 0, 0.3])


@pytest.mark.parametrize(("dtype", "size", "error"), [(torch.uint8, 1, 0.5 / 255), (torch.float16, 2, 5e-4)])
def test_what_is_remembered_is_rounded_to_the_type(dtype, size, error):
    kept = memory(dtype)
    values = torch.rand(4, 1, 2, 3)
    kept.update(torch.arange(4), values, torch.zeros(2, 4), decision="sample")
    assert (kept.labels(torch.arange(4))[1] - values).abs().max() <= error
    assert kept.images.element_size() * kept.images.numel() == 2 * 4 * 2 * 3 * size


def test_bytes_cut_off_what_is_beyond_black_and_white():
    kept = memory(torch.uint8)
    kept.update(torch.tensor([0, 1]), torch.cat([picture(-0.2), picture(1.2)]), torch.zeros(2, 2), decision="sample")
    assert kept.labels(torch.tensor([0, 1]))[0, :, 0, 0, 0].tolist() == [0, 1]


def test_a_state_comes_back_exactly():
    kept, other = memory(torch.uint8), memory(torch.uint8)
    kept.update(torch.arange(4), torch.rand(4, 1, 2, 3), torch.rand(2, 4), decision="sample")
    other.load_state_dict(kept.state_dict())
    assert torch.equal(other.images, kept.images)
    assert torch.equal(other.scores, kept.scores)
