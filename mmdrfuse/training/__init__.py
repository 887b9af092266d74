"""Training: one loop for teacher and student, recipes, the refresh memory, and runs that resume exactly.

`train` does a whole run in a folder; `recipe` gives its options, and `Watch` says what to look at on the way.
`refine_student` moves a student's weights until its scores reach their goals.
"""

from mmdrfuse.recipes import Recipe, recipe
from mmdrfuse.training.parallel import World, world
from mmdrfuse.training.patches import Patches
from mmdrfuse.training.records import Record
from mmdrfuse.training.refinement import refine_student
from mmdrfuse.training.refining import Round
from mmdrfuse.training.run import train
from mmdrfuse.training.watch.early_stopping import Stop
from mmdrfuse.training.watch.tensorboard import board
from mmdrfuse.training.watch.validation import Validation
from mmdrfuse.training.watch.watcher import Watch

__all__ = [
    "Patches", "Recipe", "Record", "Round", "Stop", "Validation", "Watch", "World", "board", "recipe", "refine_student",
    "train", "world",
]  # fmt: skip
