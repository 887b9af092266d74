"""Damaged recipes, goals and matrices are read or named."""

import pytest
from mutations import TRIES, blamed, mutated

from mmdrfuse.recipes import names, read_goals, recipe, refine_recipe
from mmdrfuse.recipes.files import SHIPPED
from mmdrfuse.registration.geometry import read_matrix
from mmdrfuse.registration.rig import Rig, text_of
from mmdrfuse.registration.rig import read as read_rig

MATRICES = {
    "csv": "1,0,5\n0,1e0,-3.5\n0,0,1\n",
    "yaml": "# of the rig\nmatrix:\n  - [1, 0, 5]\n  - [0, 1, -3.5]\n  - [0.0, 0, 1e0]\n",
    "json": "[[1, 0, 5], [0, 1, -3.5], [0, 0, 1]]",
}


@pytest.mark.parametrize("kind", MATRICES)
def test_a_damaged_matrix_is_read_or_named(kind, tmp_path):
    path = tmp_path / "rig"
    for seed in range(TRIES):
        path.write_bytes(mutated(MATRICES[kind].encode(), seed))
        with blamed(path):
            assert len(read_matrix(path)) == 9


def test_a_damaged_rig_is_read_or_named(tmp_path):
    path = tmp_path / "rig"
    rig = Rig((1.0, 0.0, 5.0, 0.0, 1.0, -3.5, 0.0, 0.0, 1.0), (640, 512), (1280, 720))
    content = text_of(rig, {"model": "shift", "pairs": {"used": 9, "of": 9}}).encode()
    for seed in range(TRIES):
        path.write_bytes(mutated(content, seed))
        with blamed(path):
            assert len(read_rig(path).matrix) == 9


@pytest.mark.parametrize("name", names())
def test_a_damaged_recipe_is_read_or_named(name, tmp_path):
    path, content = tmp_path / "mine.yaml", (SHIPPED / f"{name}.yaml").read_bytes()
    for seed in range(TRIES // 4):
        path.write_bytes(mutated(content, seed))
        for read in (lambda: recipe(path, "teacher"), lambda: recipe(path, "student"), lambda: refine_recipe(path)):
            with blamed(path):
                read()


@pytest.mark.parametrize(
    "text", ['{"LLVIP": {"SD": 1.06, "SCD": 1e0},\n "night": {"VIF": 0.9}}', "LLVIP:\n  SD: 1.06\n"]
)
def test_damaged_goals_are_read_or_named(text, tmp_path):
    path = tmp_path / "goals"
    for seed in range(TRIES):
        path.write_bytes(mutated(text.encode(), seed))
        with blamed(path):
            read_goals(path)
