"""Recipes: what decides what training makes of its patches. As Python they are dataclasses, as files YAML.

Nothing here needs torch or NumPy. `recipe` and `refine_recipe` give what a name or a file says, with changes; `dump`
writes it down again, and :mod:`mmdrfuse.recipes.loading` is the one reader of YAML, for goals and matrices too.
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
