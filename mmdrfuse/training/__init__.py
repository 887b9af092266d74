"""Training: one loop for teacher and student, recipes, the refresh memory, and runs that resume exactly.

`train` does a whole run in a folder; `recipe` gives its options.
"""

from mmdrfuse.training.patches import Patches
from mmdrfuse.training.recipes import Recipe, recipe
from mmdrfuse.training.records import Record
from mmdrfuse.training.run import train

__all__ = ["Patches", "Recipe", "Record", "recipe", "train"]
