"""Recipes: all values that decide the result of a training or of a refinement, as dataclasses and as YAML files.

No module here needs torch or NumPy. `recipe` and `refine_recipe` load a recipe by its name or file, with changes.
`dump` writes it as YAML. :mod:`mmdrfuse.recipes.loading` is the only reader of YAML, also of goals and matrices.
"""

from mmdrfuse.recipes.files import DEFAULT, Plan, names, plan, read_goals, read_table
from mmdrfuse.recipes.recipe import GOALS, Goals, Recipe, RefineRecipe, Weights
from mmdrfuse.recipes.resolving import Resolved, recipe, refine_recipe, resolve_refining, resolve_training
from mmdrfuse.recipes.writing import FILE, dump, markdown_table

__all__ = [
    "DEFAULT",
    "FILE",
    "GOALS",
    "Goals",
    "Plan",
    "Recipe",
    "RefineRecipe",
    "Resolved",
    "Weights",
    "dump",
    "markdown_table",
    "names",
    "plan",
    "read_goals",
    "read_table",
    "recipe",
    "refine_recipe",
    "resolve_refining",
    "resolve_training",
]
