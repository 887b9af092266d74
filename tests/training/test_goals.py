"""What is asked of a picture: multiples of the maximum's scores, or what references score."""

import numpy as np
import pytest
import torch

from mmdrfuse import metrics, models
from mmdrfuse.datasets import scene
from mmdrfuse.errors import UnknownNameError, WeightsError
from mmdrfuse.images import luminance
from mmdrfuse.losses.fidelity import NAMES
from mmdrfuse.pipeline.fuse.fuser import Fuser
from mmdrfuse.training.goals import OfReferences, goals_of, reference
from mmdrfuse.training.scored import ScoredPair


@pytest.fixture(scope="module")
def arrays():
    made = scene(4, height=72, width=80)
    return made.infrared, luminance(made.visible)


@pytest.fixture(scope="module")
def pair(arrays):
    return ScoredPair(*(torch.from_numpy(side.copy())[None, None] / 255 for side in arrays))


@pytest.mark.parametrize(("name", "policy"), [("affine", "clip"), ("medical", "clip"), ("medical:minmax", "minmax")])
def test_a_reference_scores_what_the_metrics_say_of_its_picture(arrays, pair, name, policy):
    found = reference(name, "clip")
    picture = Fuser(found.engine, policy)(*arrays).image
    wanted = metrics.evaluate(picture, *arrays, metrics=NAMES, protocol="cddfuse")
    assert found.policy == policy
    np.testing.assert_allclose(found.scores(pair), [wanted[name] for name in NAMES], rtol=5e-3)


def test_of_several_references_the_larger_score_counts_and_of_some_a_share(pair):
    both = [reference(name, "clip") for name in ("max", "mean")]
    one, other = (each.scores(pair) for each in both)
    assert (one > other).any()
    assert (other > one).any()
    found = OfReferences(both, {"CC": 0.97}).of(pair)
    torch.testing.assert_close(found, torch.maximum(one, other) * torch.tensor([1, 1, 1, 1, 1, 0.97]))


def test_the_policy_is_said_or_on_the_card_or_that_of_the_run(tmp_path):
    weights = models.read("medical")
    for name, card in (("plain", {}), ("own", {"range": "minmax"})):
        models.write(tmp_path / f"{name}.safetensors", weights.arrays, card)
    paths = [str(tmp_path / name) for name in ("plain.safetensors", "own.safetensors", "own.safetensors:clip")]
    assert [reference(path, "clip").policy for path in paths] == ["clip", "minmax", "clip"]
    assert reference(paths[0], "minmax").policy == "minmax"
    assert reference("max", "minmax").policy == "clip"


def test_names_of_nothing_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean medical"):
        reference("medicla", "clip")
    with pytest.raises(WeightsError, match="no such file"):
        goals_of("g", (str(tmp_path / "none.model"),), {}, "clip")
