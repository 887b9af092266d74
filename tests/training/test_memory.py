"""The refresh memory: it stores the best outputs of each patch, and saves and restores them exactly."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mmdrfuse.errors import OutputError, TrainingError
from mmdrfuse.training.memory import IN_MEMORY, RefreshMemory

CPU = torch.device("cpu")
ONE = torch.tensor([0])


@pytest.fixture
def memory(tmp_path):
    """Return a function that makes a memory of four patches."""

    def make(dtype=torch.float32, folder=tmp_path, **options):
        return RefreshMemory((4, 2, 3), dtype=dtype, device=CPU, folder=folder, **options)

    return make


def picture(value, count=1):
    return torch.full((count, 1, 2, 3), value)


def test_four_visits_of_one_patch_by_hand(memory):
    """Structure is stored, is worse twice, then better; detail is stored, is better, then worse twice."""
    remembered = memory()
    visits = [(1.2, -0.20), (1.0, -0.10), (1.1, -0.25), (1.3, -0.12)]
    gaps, labels = [], []
    for number, scores in enumerate(visits, start=1):
        gaps += remembered.update(
            ONE, picture(number / 10), torch.tensor(scores)[:, None], decision="sample"
        ).T.tolist()
        labels.append([label.unique().item() for label in remembered.labels(ONE)])
    np.testing.assert_allclose(gaps, [[0, 0], [0.2, 0], [0.1, 0.15], [0, 0.02]], atol=1e-6)
    np.testing.assert_allclose(labels, [[0.1, 0.1], [0.1, 0.2], [0.1, 0.2], [0.4, 0.2]], atol=1e-6)


def test_a_batch_is_refreshed_as_a_whole_if_its_mean_is_better(memory):
    remembered = memory()
    both = torch.tensor([2, 0])
    remembered.update(both, picture(0.1, 2), torch.tensor([[1.0, 0.5], [-0.1, -0.3]]), decision="batch")
    gaps = remembered.update(both, picture(0.9, 2), torch.tensor([[0.0, 1.6], [-0.2, -0.3]]), decision="batch")
    torch.testing.assert_close(gaps, torch.tensor([[0.0, 0.0], [0.05, 0.05]]))
    structure, detail = remembered.labels(both)
    assert structure.unique().item() == pytest.approx(0.9)
    assert detail.unique().item() == pytest.approx(0.1)


def test_each_patch_has_its_own_outputs(memory):
    remembered = memory()
    remembered.update(
        torch.tensor([3, 1]), torch.cat([picture(0.3), picture(0.1)]), torch.zeros(2, 2), decision="sample"
    )
    assert remembered.labels(torch.tensor([0, 1, 2, 3]))[0, :, 0, 0, 0].tolist() == pytest.approx([0, 0.1, 0, 0.3])


@pytest.mark.parametrize(("dtype", "size", "error"), [(torch.uint8, 1, 0.5 / 255), (torch.float16, 2, 5e-4)])
def test_outputs_are_rounded_to_the_type_of_the_memory(memory, dtype, size, error):
    remembered = memory(dtype)
    values = torch.rand(4, 1, 2, 3)
    remembered.update(torch.arange(4), values, torch.zeros(2, 4), decision="sample")
    assert (remembered.labels(torch.arange(4))[1] - values).abs().max() <= error
    assert remembered.images.element_size() * remembered.images.numel() == 2 * 4 * 2 * 3 * size


def test_uint8_clips_values_outside_zero_to_one(memory):
    remembered = memory(torch.uint8)
    remembered.update(
        torch.tensor([0, 1]), torch.cat([picture(-0.2), picture(1.2)]), torch.zeros(2, 2), decision="sample"
    )
    assert remembered.labels(torch.tensor([0, 1]))[0, :, 0, 0, 0].tolist() == [0, 1]


@pytest.fixture
def no_room(monkeypatch):
    """Map every memory from a file."""
    monkeypatch.setattr("mmdrfuse.training.memory.IN_MEMORY", 0)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float32])
def test_a_mapped_memory_equals_one_in_ram(memory, tmp_path, monkeypatch, dtype):
    remembered = memory(dtype)
    monkeypatch.setattr("mmdrfuse.training.memory.IN_MEMORY", 0)
    (tmp_path / "mapped").mkdir()
    other = memory(dtype, tmp_path / "mapped")
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        visit = torch.randperm(4, generator=generator)[:3]
        seen = (visit, torch.rand(3, 1, 2, 3, generator=generator), torch.rand(2, 3, generator=generator))
        assert torch.equal(remembered.update(*seen, decision="sample"), other.update(*seen, decision="sample"))
    assert torch.equal(remembered.images, other.images)
    assert (tmp_path / "mapped" / "memory.bin").stat().st_size == remembered.images.numel() * dtype.itemsize


def test_a_memory_stays_in_ram_up_to_its_limit(memory, monkeypatch, tmp_path):
    size = 2 * 4 * 2 * 3  # of four patches of 2x3, as bytes
    for limit, mapped in ((size, False), (size - 1, True)):
        monkeypatch.setattr("mmdrfuse.training.memory.IN_MEMORY", limit)
        assert memory(torch.uint8).mapped is (tmp_path / "memory.bin").exists() is mapped
    published, fourfold = (2 * count * 128 * 128 for count in (16_000, 64_000))
    assert published < IN_MEMORY < fourfold


def step(remembered, seed):
    generator = torch.Generator().manual_seed(seed)
    remembered.update(
        torch.arange(4), torch.rand(4, 1, 2, 3, generator=generator), torch.rand(2, 4, generator=generator),
        decision="sample",
    )  # fmt: skip


@pytest.mark.parametrize("mapped", [False, True])
def test_a_save_restores_exactly_and_deletes_earlier_saves(memory, tmp_path, monkeypatch, mapped):
    if mapped:
        monkeypatch.setattr("mmdrfuse.training.memory.IN_MEMORY", 0)
    remembered = memory(torch.uint8)
    for number in (1, 2):
        step(remembered, number)
        remembered.save(number)
    assert {path.name for path in tmp_path.glob("memory-*")} == {"memory-1.safetensors", "memory-2.safetensors"}
    remembered.commit(2)
    assert {path.name for path in tmp_path.glob("*memory-*")} == {"memory-2.safetensors"}
    other = memory(torch.uint8, resume=True)
    other.restore(2)
    assert torch.equal(other.images, remembered.images)
    assert torch.equal(other.scores, remembered.scores)


@pytest.mark.usefixtures("no_room")
def test_a_save_of_a_mapped_memory_writes_no_images(tmp_path):
    remembered = RefreshMemory((4, 64, 64), dtype=torch.uint8, device=CPU, folder=tmp_path)
    remembered.save(1)
    assert (tmp_path / "memory.bin").stat().st_size == 2 * 4 * 64 * 64
    assert (tmp_path / "memory-1.safetensors").stat().st_size < 1000


@pytest.mark.usefixtures("no_room")
def test_a_repeated_step_sees_the_same_labels_and_leaves_the_same_outputs(memory):
    """The mapped file is newer than the save; only labels with a gap must be the same as before."""
    remembered = memory(torch.uint8)
    step(remembered, 0)
    scores = remembered.scores.clone()
    counted, after = [], []
    for _ in range(2):
        remembered.scores.copy_(scores)
        labels = remembered.labels(torch.arange(4))
        generator = torch.Generator().manual_seed(7)
        fused = torch.rand(4, 1, 2, 3, generator=generator)
        quality = torch.rand(2, 4, generator=generator)
        gaps = remembered.update(torch.arange(4), fused, quality, decision="sample")
        counted.append(labels[gaps > 0])
        after.append(remembered.images.clone())
    assert 0 < len(counted[0]) < 8
    assert torch.equal(*counted)
    assert torch.equal(*after)


@pytest.mark.usefixtures("no_room", "full_disk")
def test_a_full_disk_is_reported_before_the_run(memory):
    with pytest.raises(OutputError, match=r"memory\.bin: .*No space left on device"):
        memory()


def test_a_missing_file_of_the_memory_is_named(memory, no_room):
    with pytest.raises(TrainingError, match=r"memory\.bin: ") as caught:
        memory(resume=True)
    assert caught.value.cure == "anew"


@pytest.mark.usefixtures("no_room")
@pytest.mark.parametrize("content", [None, {"images": torch.zeros(1)}])
def test_a_missing_or_foreign_save_is_named(memory, tmp_path, content):
    if content:
        save_file(content, tmp_path / "memory-3.safetensors")
    with pytest.raises(TrainingError, match=r"memory-3\.safetensors: ") as caught:
        memory().restore(3)
    assert caught.value.cure == "anew"
