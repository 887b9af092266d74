"""Recipes as files: the shipped ones load, a written one reads back, and mistakes are named with their lines."""

import dataclasses
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdrfuse import recipes
from mmdrfuse.datasets.patches.exposures import ALL
from mmdrfuse.errors import InputError, TrainingError, UnknownNameError
from mmdrfuse.recipes import files, recipe
from mmdrfuse.recipes.fields import kinds
from mmdrfuse.recipes.recipe import GOALS


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a recipe and returns its path."""

    def write(text, name="mine.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.mark.parametrize("name", recipes.names())
def test_every_shipped_recipe_loads_and_comments_every_value(name):
    network = recipes.plan(name).network
    for made in (network,) if network else ("teacher", "student"):
        assert recipe(name, made).name == name
    if network != "teacher":
        assert recipes.refine_recipe(name).name == name
    lines = (files.SHIPPED / f"{name}.yaml").read_text().splitlines()
    values = [line for line in lines if line.strip() and line.strip()[0] != "#" and not line.strip().endswith(":")]
    bare = [line for line in values if "#" not in line and not line.lstrip().split(":")[1].startswith(" {")]
    assert bare == []


@pytest.mark.parametrize("command", files.FIELDS)
def test_the_default_recipe_has_every_field(command):
    given = recipes.plan("default").given[command]
    assert {place[0] for place in given} == set(files.FIELDS[command])
    assert {origin.split(",")[0] for _, origin in given.values()} == {"default.yaml"}


def test_the_paper_recipe_has_every_field():
    for command in ("teach", "distill"):
        origins = {origin.split(",")[0] for _, origin in recipes.plan("paper").given[command].values()}
        assert origins == {"paper.yaml"}


def test_the_shipped_students_are_made_as_before():
    medical, scenes = recipe("medical", "student"), recipes.refine_recipe("scenes")
    assert (medical.epochs, medical.batch, medical.features, medical.seed) == (6, 8, "none", 0)
    assert {name: weight for name, weight in dataclasses.asdict(medical.weights).items() if weight} == {
        "intensity": 1.0, "gradient": 0.1, "fidelity": 1.0,
    }  # fmt: skip
    assert (scenes.range, scenes.steps, scenes.rounds, scenes.hold_out) == ("minmax", 140, 0, 3)
    assert scenes.groups["warm"] == {"of": "LLVIP", "pictures": 20, "draw": 1, "light": "warm", "pieces": 576}
    assert (scenes.shares["SCD"], scenes.shares["VIF"]) == (0.97, 1.0)


def test_the_shipped_teacher_is_made_as_before():
    teacher = recipe("teacher", "teacher")
    assert (teacher.epochs, teacher.batch, teacher.rate, teacher.seed) == (8, 4, 1e-3, 0)
    assert teacher.weights == dataclasses.replace(recipe("default", "teacher").weights, fidelity=1.0)
    with pytest.raises(InputError, match="is for a teacher, not for a student"):
        recipe("teacher", "student")


NUMBERS = st.floats(1e-12, 1e12)


@pytest.mark.slow
@settings(max_examples=30)
@given(st.integers(1, 10**6), NUMBERS, NUMBERS, st.booleans(), st.text(st.characters(codec="utf-8"), max_size=8))
def test_a_written_recipe_reads_back(tmp_path_factory, epochs, rate, weight, flips, group):
    path = tmp_path_factory.mktemp("r") / "recipe.yaml"
    trained = recipe("paper", "student", epochs=epochs, rate=rate, flips=flips, weights={"detail": weight})
    refined = recipes.refine_recipe(hold_out=None, lights=["day"], goals={group: {"SD": rate}, "1e-3": {"CC": 2}})
    for made, again in ((trained, lambda: recipe(path, "student")), (refined, lambda: recipes.refine_recipe(path))):
        path.write_text(recipes.dump(made, {("epochs",): f"{group}\n#"}), encoding="utf-8")
        assert again() == made


def test_a_file_overrides_what_it_extends_and_the_command_line_overrides_all(written):
    written("batch: 2\ndistill: {epochs: 2, rate: 1e-2}\n", "base.yaml")
    mine = written("extends: base.yaml\nepochs: 3\nweights: {detail: 1}\nteach: {epochs: 9}\n")
    found = recipes.resolve_training(mine, "student", {"batch": 5, "seed": None}, by="command line")
    assert (found.recipe.epochs, found.recipe.batch, found.recipe.rate, found.recipe.seed) == (3, 5, 1e-2, 0)
    assert found.recipe.weights == dataclasses.replace(recipe("default", "student").weights, detail=1.0)
    assert found.recipe.name == "mine"
    assert recipe(mine, "teacher").epochs == 9
    shown = {".".join(place): origin.replace(str(mine.parent), "") for place, origin in found.origins.items()}
    assert (shown["epochs"], shown["weights.detail"]) == ("/mine.yaml, line 2", "/mine.yaml, line 3")
    assert (shown["rate"], shown["batch"]) == ("/base.yaml, line 2", "command line")
    assert shown["cache"].startswith("default.yaml, line ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("epoch: 3", "unknown key 'epoch': did you mean epochs"),
        ("epochs: 0", "epochs 0: must be a whole number of at least 1"),
        ("epochs: 1.5", "epochs 1.5: must be"),
        ("rate: '1e-3'", "rate '1e-3': must be a number"),
        ("rate: .nan", "rate nan: must be"),
        ("rate: 1e999", "rate inf: must be"),
        ("flips: yes", "flips 'yes': must be true or false"),
        ("batch: true", "batch True: must be"),
        ("features: vgg", "unknown features of a recipe 'vgg'"),
        ("weights: {detial: 1}", "unknown term of the loss 'detial': did you mean detail"),
        ("weights: 3", "weights 3: must be values by name, of intensity"),
        ("lights: night", "lights 'night': must be a list"),
        ("lights: [nigth]", "'nigth': did you mean night"),
        ("goals: {a: {SDD: 1}}", "unknown score 'SDD': did you mean SD"),
        ("goals: {a: {SD: high}}", "SD 'high': must be a number above 0"),
        ("hold_out: 1", "hold_out 1: must be a whole number of at least 2, or none"),
        ("quarter: 5", "quarter 5: must be a whole number of at least 1 and at most 4, or none"),
        ("teach: {lights: []}", "unknown key 'lights'"),
        ("distill: 5", "distill 5: must be values by name"),
        ("prepare: 5", "prepare 5: must be values by name"),
        ("network: stduent", "network 'stduent': must be teacher or student"),
        ("name: ../x", "name '../x': must be a name"),
        ("sets: LLVIP", "sets 'LLVIP': must be a list"),
        ("extends: papr", "unknown recipe 'papr': did you mean paper"),
        ("extends: mine.yaml", "extends 'mine.yaml': extends itself in a circle"),
        ("extends: gone.yaml", "gone.yaml: no such file"),
        ("extends: 3", "extends 3: must be the name"),
        ("seed: 1\nseed: 2", "'seed' comes twice, first in line 2; delete one"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(written, line, message):
    mine = written(f"# mine\n{line}\n")
    with pytest.raises(InputError) as caught:
        recipe(mine, "student")
    assert f"{mine}, line {2 + line.count(chr(10))}: " in str(caught.value)
    assert message in str(caught.value)


def test_one_message_has_all_mistakes_also_those_of_extended_files(written):
    written("rates: 1\n", "base.yaml")
    mine = written("extends: base.yaml\nepoch: 3\nrefine: {step: 1}\nbatch: 1\nbatch: 1\n")
    with pytest.raises(InputError, match="4 mistakes") as caught:
        recipe(mine, "student")
    assert [line.split(", line ")[1][0] for line in str(caught.value).splitlines()[1:]] == ["1", "2", "3", "5"]


@pytest.mark.parametrize("text", ["- 1", "epochs", "3"])
def test_a_file_without_values_by_name_is_refused(written, text):
    with pytest.raises(InputError, match="line 1: a recipe must be values by name"):
        recipe(written(text), "student")


def test_an_empty_file_is_the_default(written):
    assert dataclasses.replace(recipe(written(""), "student"), name="default") == recipe("default", "student")


def test_values_that_do_not_go_together_are_named_with_the_recipe(written):
    mine = written("features: none\nweights: {intensity: 0, gradient: 0, distillation: 0}\n")
    with pytest.raises(TrainingError, match=r"mine\.yaml: a student with features 'none' learns nothing"):
        recipe(mine, "student")


@pytest.mark.parametrize("source", ["gone.yaml", "runs/gone"])
def test_a_file_that_is_not_there_is_named(source):
    with pytest.raises(InputError, match=f"{source}: no such file; give a recipe in YAML, or one of clean, day, "):
        recipe(source, "student")


def test_an_unknown_network_is_named():
    with pytest.raises(UnknownNameError, match="unknown network 'studnet': did you mean student"):
        recipe("default", "studnet")


def test_the_lights_of_recipes_are_those_of_the_exposures():
    assert set(kinds(recipes.RefineRecipe)["lights"].names) == set(ALL)
    assert list(GOALS.other.kinds) == ["SD", "SCD", "VIF", "Qabf", "SSIM", "CC"]


def test_recipes_need_neither_torch_nor_numpy():
    code = "import sys; from mmdrfuse import recipes; recipes.recipe('paper', 'student'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"torch", "numpy", "scipy", "click"} & set(loaded)


@pytest.mark.parametrize("command", files.FIELDS)
def test_the_table_of_the_docs_has_every_field_with_its_default(command):
    rows = recipes.markdown_table(command).splitlines()[2:]
    fields = {row.split("`")[1].split(".")[0] for row in rows}
    assert fields == set(files.FIELDS[command])
    if command == "distill":
        assert "| `rate` | a number above 0 | `0.005` | Highest learning rate of Adam. |" in rows
        assert "| `weights.distillation` | a number of at least 0 | `5.0` | Distance from the teacher's" in "\n".join(
            rows
        )


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_files_of_other_editors_are_read(tmp_path, ends):
    (tmp_path / "m.yaml").write_bytes(b"\xef\xbb\xbf" + f"# ä{ends}epochs: 3{ends}rate: 1e-3{ends}".encode())
    found = recipes.resolve_training(tmp_path / "m.yaml", "teacher", {})
    assert (found.recipe.epochs, found.recipe.rate) == (3, 1e-3)
    assert found.origins["rate",].endswith("m.yaml, line 3")
