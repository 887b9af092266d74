"""`refine_student`: what the command does, for those who call it."""

import numpy as np
import pytest
import torch

from mmdrfuse import images, models, training
from mmdrfuse.datasets import scene
from mmdrfuse.errors import InputError, OutputError, SizeError, TrainingError, UnknownNameError, WeightsError
from mmdrfuse.losses.fidelity import NAMES
from mmdrfuse.pair import Pair
from mmdrfuse.recipes import refine_recipe
from mmdrfuse.training.refining import Group, refine

QUICK = {"steps": 2, "rounds": 1}


@pytest.fixture(scope="module")
def night():
    """Two streets as pairs of arrays, the visible side in colour."""
    return [(one.infrared, one.visible) for one in (scene(seed, height=64, width=64) for seed in (0, 1))]


def test_it_is_the_walk_over_the_luminance_of_every_pair(night):
    shown = []
    refined = training.refine_student("ivif", {"night": night}, {"night": {"SD": 1.2}}, progress=shown.append, **QUICK)
    network = models.load("ivif").train().requires_grad_(True)
    sides = [[torch.from_numpy(images.luminance(side))[None, None] / 255 for side in pair] for pair in night]
    group = Group(*zip(*sides, strict=True), {"SD": 1.2})
    assert list(refine(network, {"night": group}, seed=0, **QUICK)) == shown
    for name, value in network.state_dict().items():
        np.testing.assert_array_equal(refined.arrays[name], value.numpy())
    assert refined.card["refined"]["ahead"] == shown[-1].ahead
    assert set(refined.card["refined"]["ahead"]["night"]) == set(NAMES)


def test_files_arrays_and_all_depths_are_the_same_pictures(night, tmp_path):
    pairs = []
    for number, sides in enumerate(night):
        paths = [tmp_path / f"{side}{number}.png" for side in ("ir", "vi")]
        for path, side in zip(paths, sides, strict=True):
            images.write(path, side)
        pairs.append(Pair(str(number), *paths))
    deep = [tuple(images.luminance(side).astype(np.uint16) * 257 for side in pair) for pair in night]
    unit = [tuple(images.luminance(side).astype(np.float32) / np.float32(255) for side in pair) for pair in night]
    found = [training.refine_student("ivif", {"g": given}, **QUICK).arrays for given in (night, pairs, unit, deep)]
    for other in found[1:]:
        for name in other:
            np.testing.assert_allclose(other[name], found[0][name], atol=2e-3)
    assert all((found[0][name] == found[1][name]).all() for name in found[0])


def test_the_weights_and_the_card_are_written_and_say_by_which_recipe(night, tmp_path):
    chosen, out = refine_recipe("medical", goals={}, **QUICK), tmp_path / "mine.safetensors"
    refined = training.refine_student(models.read("ivif"), {"g": night}, recipe=chosen, seed=3, out=out)
    card = models.read(out).card["refined"]
    assert (card["name"], card["steps"], card["seed"], card["from"]["name"]) == (
        "medical",
        2,
        3,
        "scenes",
    )
    assert not {"scores", "seeds", "title"} & models.read(out).card.keys()
    assert "licences" in models.read(out).card
    assert (card["groups"], refined.sha256) == ({"g": 2}, models.read(out).sha256)
    with pytest.raises(OutputError, match=r"mine\.safetensors: exists already"):
        training.refine_student("ivif", {"g": night}, out=out)


BLACK = [(np.zeros((48, 48), np.uint8),) * 2]


@pytest.mark.parametrize(
    ("groups", "options", "error", "message"),
    [
        ({}, {}, TrainingError, "needs groups of pictures"),
        ({"g": []}, {}, TrainingError, "at least one picture in each"),
        ({"black": BLACK}, {}, TrainingError, "group 'black': .* nothing in SCD, VIF, CC"),
        ({"g": BLACK}, {"goals": {"h": {"SD": 1.0}}}, TrainingError, "goals for 'h', but the groups are g"),
        ({"g": BLACK}, {"goals": {"g": {"PSNR": 1.0}}}, UnknownNameError, "unknown score 'PSNR'"),
        ({"g": BLACK}, {"steps": -1}, TrainingError, "steps -1: must be a whole number of at least 0"),
        ({"g": BLACK}, {"recipe": "scnes"}, UnknownNameError, "did you mean scenes"),
        ({"g": [(BLACK[0][0], np.zeros((48, 49), np.uint8))]}, {}, SizeError, "pair 1 of group g.* 48x48 and 49x48"),
        ({"g": [(np.zeros((48, 48), int),) * 2]}, {}, InputError, "pair 1 of group g: .*int64"),
        ({"g": [(np.zeros((40, 40), np.uint8),) * 2]}, {}, SizeError, "40x40"),
    ],
)
def test_what_cannot_be_refined_is_refused(groups, options, error, message):
    with pytest.raises(error, match=message):
        training.refine_student("ivif", groups, **options)


def test_only_students_are_refined(night):
    with pytest.raises(WeightsError, match="teacher: is a teacher; only students are refined"):
        training.refine_student("teacher", {"g": night})
