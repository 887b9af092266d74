"""Training: one loop for teacher and student, recipes, the refresh memory, and exact resuming of runs.

`train` does a whole run in a folder; `recipe` returns its options, and `Watch` chooses validation, early stopping and
previews.
`refine_student` moves a student's weights until its scores reach their goals.
"""

from mmdrfuse.recipes import Recipe, recipe
from mmdrfuse.training.parallel import World, world
from mmdrfuse.training.patches import Patches
from mmdrfuse.training.records import Record
from mmdrfuse.training.refinement import refine_student
from mmdrfuse.training.refining import Round
from mmdrfuse.training.run import train
from mmdrfuse.training.watch.early_stopping import EarlyStopping
from mmdrfuse.training.watch.tensorboard import write_tensorboard
from mmdrfuse.training.watch.validation import Validation
from mmdrfuse.training.watch.watcher import Watch

__all__ = [
    "EarlyStopping", "Patches", "Recipe", "Record", "Round", "Validation", "Watch", "World", "recipe", "refine_student",
    "train", "world", "write_tensorboard",
]  # fmt: skip
