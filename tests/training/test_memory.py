"""The refresh memory: remember, relapse, improve; a patch's own, in few bytes."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmdrfuse.errors import OutputError, TrainingError
from mmdrfuse.training.memory import IN_MEMORY, Memory

CPU = torch.device("cpu")
ONE = torch.tensor([0])


@pytest.fixture
def memory(tmp_path):
    """Make a memory of four patches; where there is no room in memory, it is mapped."""

    def make(dtype=torch.float32, folder=tmp_path, **options):
        return Memory((4, 2, 3), dtype=dtype, device=CPU, folder=folder, **options)

    return make


def picture(value, count=1):
    return torch.full((count, 1, 2, 3), value)


def test_four_visits_of_one_patch_by_hand(memory):
    """Structure is remembered, relapses twice and improves; detail is remembered, improves and relapses twice."""
    kept, visits = memory(), [(1.2, -0.20), (1.0, -0.10), (1.1, -0.25), (1.3, -0.12)]
    gaps, labels = [], []
    for number, scores in enumerate(visits, start=1):
        gaps += kept.update(ONE, picture(number / 10), torch.tensor(scores)[:, None], decision="sample").T.tolist()
        labels.append([label.unique().item() for label in kept.labels(ONE)])
    np.testing.assert_allclose(gaps, [[0, 0], [0.2, 0], [0.1, 0.15], [0, 0.02]], atol=1e-6)
    np.testing.assert_allclose(labels, [[0.1, 0.1], [0.1, 0.2], [0.1, 0.2], [0.4, 0.2]], atol=1e-6)


def test_a_batch_is_refreshed_as_a_whole_where_its_mean_got_better(memory):
    kept, both = memory(), torch.tensor([2, 0])
    kept.update(both, picture(0.1, 2), torch.tensor([[1.0, 0.5], [-0.1, -0.3]]), decision="batch")
    gaps = kept.update(both, picture(0.9, 2), torch.tensor([[0.0, 1.6], [-0.2, -0.3]]), decision="batch")
    torch.testing.assert_close(gaps, torch.tensor([[0.0, 0.0], [0.05, 0.05]]))
    structure, detail = kept.labels(both)
    assert structure.unique().item() == pytest.approx(0.9)
    assert detail.unique().item() == pytest.approx(0.1)


def test_patches_are_kept_apart(memory):
    kept = memory()
    kept.update(torch.tensor([3, 1]), torch.cat([picture(0.3), picture(0.1)]), torch.zeros(2, 2), decision="sample")
    assert kept.labels(torch.tensor([0, 1, 2, 3]))[0, :, 0, 0, 0].tolist() == pytest.approx([0, 0.1, 0, 0.3])


@pytest.mark.parametrize(("dtype", "size", "error"), [(torch.uint8, 1, 0.5 / 255), (torch.float16, 2, 5e-4)])
def test_what_is_remembered_is_rounded_to_the_type(memory, dtype, size, error):
    kept = memory(dtype)
    values = torch.rand(4, 1, 2, 3)
    kept.update(torch.arange(4), values, torch.zeros(2, 4), decision="sample")
    assert (kept.labels(torch.arange(4))[1] - values).abs().max() <= error
    assert kept.images.element_size() * kept.images.numel() == 2 * 4 * 2 * 3 * size


def test_bytes_cut_off_what_is_beyond_black_and_white(memory):
    kept = memory(torch.uint8)
    kept.update(torch.tensor([0, 1]), torch.cat([picture(-0.2), picture(1.2)]), torch.zeros(2, 2), decision="sample")
    assert kept.labels(torch.tensor([0, 1]))[0, :, 0, 0, 0].tolist() == [0, 1]


@pytest.fixture
def no_room(monkeypatch):
    """Let no output stay in memory."""
    monkeypatch.setattr("mmdrfuse.training.memory.IN_MEMORY", 0)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32])
def test_a_mapped_memory_remembers_what_one_in_memory_does(memory, tmp_path, monkeypatch, dtype):
    kept = memory(dtype)
    monkeypatch.setattr("mmdrfuse.training.memory.IN_MEMORY", 0)
    (tmp_path / "mapped").mkdir()
    other = memory(dtype, tmp_path / "mapped")
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        visit = torch.randperm(4, generator=generator)[:3]
        seen = (visit, torch.rand(3, 1, 2, 3, generator=generator), torch.rand(2, 3, generator=generator))
        assert torch.equal(kept.update(*seen, decision="sample"), other.update(*seen, decision="sample"))
    assert torch.equal(kept.images, other.images)
    assert (tmp_path / "mapped" / "memory.bin").stat().st_size == kept.images.numel() * dtype.itemsize


def test_memory_stays_in_memory_up_to_its_bound_and_no_further(memory, monkeypatch, tmp_path):
    size = 2 * 4 * 2 * 3  # of four patches of 2x3, as bytes
    for bound, mapped in ((size, False), (size - 1, True)):
        monkeypatch.setattr("mmdrfuse.training.memory.IN_MEMORY", bound)
        assert memory(torch.uint8).mapped is (tmp_path / "memory.bin").exists() is mapped
    published, fourfold = (2 * count * 128 * 128 for count in (16_000, 64_000))
    assert published < IN_MEMORY < fourfold


def step(kept, seed):
    generator = torch.Generator().manual_seed(seed)
    kept.update(
        torch.arange(4), torch.rand(4, 1, 2, 3, generator=generator), torch.rand(2, 4, generator=generator),
        decision="sample",
    )  # fmt: skip


@pytest.mark.parametrize("mapped", [False, True])
def test_a_save_comes_back_exactly_and_earlier_ones_go(memory, tmp_path, monkeypatch, mapped):
    if mapped:
        monkeypatch.setattr("mmdrfuse.training.memory.IN_MEMORY", 0)
    kept = memory(torch.uint8)
    for number in (1, 2):
        step(kept, number)
        kept.save(number)
    assert {path.name for path in tmp_path.glob("memory-*")} == {"memory-1.safetensors", "memory-2.safetensors"}
    kept.commit(2)
    assert {path.name for path in tmp_path.glob("*memory-*")} == {"memory-2.safetensors"}
    other = memory(torch.uint8, resume=True)
    other.restore(2)
    assert torch.equal(other.images, kept.images)
    assert torch.equal(other.scores, kept.scores)


@pytest.mark.usefixtures("no_room")
def test_a_save_of_a_mapped_memory_writes_no_images(tmp_path):
    kept = Memory((4, 64, 64), dtype=torch.uint8, device=CPU, folder=tmp_path)
    kept.save(1)
    assert (tmp_path / "memory.bin").stat().st_size == 2 * 4 * 64 * 64
    assert (tmp_path / "memory-1.safetensors").stat().st_size < 1000


@pytest.mark.usefixtures("no_room")
def test_a_step_done_again_finds_the_labels_it_found_and_leaves_what_it_left(memory):
    """The file ran ahead of the save; only labels that count, those with a gap, have to be as they were."""
    kept = memory(torch.uint8)
    step(kept, 0)
    scores = kept.scores.clone()
    counted, after = [], []
    for _ in range(2):
        kept.scores.copy_(scores)
        labels, generator = kept.labels(torch.arange(4)), torch.Generator().manual_seed(7)
        fused, quality = torch.rand(4, 1, 2, 3, generator=generator), torch.rand(2, 4, generator=generator)
        gaps = kept.update(torch.arange(4), fused, quality, decision="sample")
        counted.append(labels[gaps > 0])
        after.append(kept.images.clone())
    assert 0 < len(counted[0]) < 8
    assert torch.equal(*counted)
    assert torch.equal(*after)


@pytest.mark.usefixtures("no_room", "full_disk")
def test_a_full_disk_is_said_before_the_run(memory):
    with pytest.raises(OutputError, match=r"memory\.bin: the disk is full \(No space left on device\)"):
        memory()


def test_a_memory_that_is_gone_or_another_is_named(memory, tmp_path, no_room):
    with pytest.raises(TrainingError, match=r"memory\.bin: .* is gone; begin anew with overwrite=True"):
        memory(resume=True)
    kept = memory()
    with pytest.raises(TrainingError, match=r"memory-3\.safetensors: not what the run remembered .*anew with overw"):
        kept.restore(3)
    save_file({"images": torch.zeros(1)}, tmp_path / "memory-3.safetensors")
    with pytest.raises(TrainingError, match=r"not what the run remembered \('scores'\)"):
        kept.restore(3)
