"""Recipes: the published numbers, what departs from them, and what is refused."""

import dataclasses
import math

import pytest

from mmdrfuse import recipes
from mmdrfuse.errors import TrainingError, UnknownNameError
from mmdrfuse.losses import refresh
from mmdrfuse.losses.backbones import vgg19
from mmdrfuse.recipes import Weights
from mmdrfuse.recipes.files import SHIPPED

PUBLISHED = {
    "epochs": 10, "batch": 25, "rate": 1e-4, "schedule": "constant", "refresh": "batch", "norm": "batch",
    "flips": False, "features": "vgg19", "memory_dtype": "float32", "cache_dtype": "float32",
    "amp": False, "compile": False,
}  # fmt: skip
TEACHER = {"intensity": 2, "gradient": 0.1, "perception": 1, "structure": 10, "detail": 10}
STUDENT = {"intensity": 1, "gradient": 0.1, "perception": 2, "structure": 10, "detail": 10, "distillation": 5}


@pytest.mark.parametrize(
    ("network", "start", "weights"), [("teacher", "random", TEACHER), ("student", "teacher", STUDENT)]
)
def test_the_paper_recipe_is_the_papers(network, start, weights):
    recipe = dataclasses.asdict(recipes.recipe("paper", network))
    assert {term: value for term, value in recipe.pop("weights").items() if value} == weights
    ours = {"name": "paper", "network": network, "start": start, "seed": 0, "cache": 4.0}  # and nothing else
    assert recipe == PUBLISHED | ours


def test_the_published_losses_look_at_the_papers_slices_of_vgg19():
    assert (vgg19.ENDS, len(vgg19.CHANNELS)) == ((4, 9, 18, 27, 36), 16)
    assert refresh.SHALLOW == 3  # maps of detail; the other two are of structure


def test_every_departure_of_the_default_recipe_is_documented():
    text = (SHIPPED / "default.yaml").read_text()
    lines = {line.split(":")[0].strip(): line for line in text.splitlines() if ":" in line}
    for network in ("teacher", "student"):
        default, paper = (recipes.recipe(name, network) for name in ("default", "paper"))
        departures = {f.name for f in dataclasses.fields(paper) if getattr(default, f.name) != getattr(paper, f.name)}
        assert all("# paper: " in lines[name] for name in departures - {"name", "weights"})
    assert text.count("paper: 1 with VGG-19's maps") == text.count("paper: 2 with VGG-19's maps") == 1


def test_an_epoch_visits_every_patch_and_the_last_batch_may_be_smaller():
    recipe = recipes.recipe("paper", "student")
    assert (recipe.steps_per_epoch(16_000), recipe.steps(16_000)) == (640, 6400)  # of the paper
    assert recipe.steps_per_epoch(26) == 2


def test_the_cosine_falls_from_the_rate_to_nothing():
    recipe = recipes.recipe("default", "student", rate=0.2)
    assert recipe.rate_at(0, 100) == 0.2
    assert recipe.rate_at(50, 100) == pytest.approx(0.1)
    assert recipe.rate_at(99, 100) == pytest.approx(0.1 * (1 + math.cos(math.pi * 0.99)))
    assert recipes.recipe("paper", "student").rate_at(99, 100) == 1e-4


def test_changes_apply_and_none_keeps_the_recipes_value():
    recipe = recipes.recipe("default", "teacher", epochs=3, rate=None)
    assert (recipe.epochs, recipe.rate) == (3, recipes.recipe("default", "teacher").rate)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("papr", {}, "unknown recipe 'papr': did you mean paper"),
        ("paper", {"epoch": 3}, "unknown option of a recipe 'epoch': did you mean epochs"),
        ("paper", {"schedule": "cosin"}, "unknown schedule of a recipe 'cosin': did you mean cosine"),
        ("paper", {"features": "vgg"}, "unknown features of a recipe 'vgg'"),
        ("paper", {"cache_dtype": "uint8"}, "unknown cache_dtype of a recipe 'uint8'"),
    ],
)
def test_an_unknown_name_is_an_error_with_near_names(name, changes, message):
    with pytest.raises(UnknownNameError, match=message):
        recipes.recipe(name, "student", **changes)


@pytest.mark.parametrize("cache", [-1.0, math.nan])
def test_a_cache_of_negative_size_is_refused(cache):
    with pytest.raises(TrainingError, match=f"cache {cache}: must be a number of at least 0"):
        recipes.recipe("default", "student", cache=cache)


@pytest.mark.parametrize(
    ("network", "features", "alone"),
    [
        ("student", "none", {"perception"}),
        ("student", "none", {"perception", "structure"}),
        ("student", "vgg19", {"structure", "detail"}),
        ("teacher", "vgg19", {"distillation"}),
    ],
)
def test_terms_that_teach_nothing_by_themselves_are_refused(network, features, alone):
    weights = Weights(**{field.name: float(field.name in alone) for field in dataclasses.fields(Weights)})
    names = ", ".join(sorted(alone))
    message = f"a {network} with features '{features}' learns nothing from {names} alone"
    with pytest.raises(TrainingError, match=message):
        recipes.recipe("default", network, weights=weights, features=features)


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"batch": 0.5}, {"rate": 0.0}, {"seed": -1}, {"flips": 1}])
def test_a_number_out_of_range_is_named(changes):
    ((name, value),) = changes.items()
    with pytest.raises(TrainingError, match=rf"{name} {value}: must be"):
        recipes.recipe("default", "student", **changes)


def test_several_processes_have_a_common_batch():
    assert recipes.recipe("default", "student", batch=8).for_processes(3).batch == 24


def test_single_weights_can_be_changed():
    recipe = recipes.recipe("default", "student", weights={"distillation": 0, "detail": 3.0})
    plain = recipes.recipe("default", "student").weights
    assert recipe.weights == dataclasses.replace(plain, distillation=0, detail=3.0)
    with pytest.raises(UnknownNameError, match="unknown term of the loss 'detial': did you mean detail"):
        recipes.recipe("default", "student", weights={"detial": 1.0})


@pytest.mark.parametrize("changes", [{"intensity": -1.0}, {}, {"detail": math.nan}, {"gradient": True}])
def test_invalid_weights_are_refused(changes):
    with pytest.raises(TrainingError, match=r"weights .*at least one must be above 0|must be a number of at least 0"):
        Weights(**changes)


def test_terms_of_weight_zero_are_not_active():
    teacher, student = (recipes.recipe("paper", network).weights for network in ("teacher", "student"))
    assert teacher.active() == student.active() - {"distillation"}
