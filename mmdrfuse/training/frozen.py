"""The outputs of the frozen networks of a run: the teacher's, and the backbone's features of the sources.

They do not change during a run, and neither do the goals of fidelity, which no network computes. So a run computes
them once for each patch and caches them as far as the recipe's ``cache`` allows: first the goals (12 bytes a patch),
then the teacher's outputs, then the features, in the order of the time that they save for each byte. Measured on one
core, batch 25×128×128, EfficientNet-Lite0, a step after the first epoch:

==============================  ===========  ==================
cached                          time         bytes a patch
==============================  ===========  ==================
nothing                         2.48 s       0
teacher's outputs               0.79 s       65,536
teacher's outputs and features  0.56 s       65,536 + 1,552,384
==============================  ===========  ==================

The teacher's outputs of the published 16,000 patches take 1 GB. The features take 24 times as much and save a quarter
of the remaining time. The default of 4 GB has space for the features of up to 2,400 patches, and for the teacher's
outputs of up to 61,000. The remaining time goes to the backbone: forward and backward on the output, and forward on the
two labels, which change.
"""

from pathlib import Path

import torch
from torch import Tensor

from mmdrfuse.losses.backbones import Backbone
from mmdrfuse.losses.content import stronger
from mmdrfuse.losses.fidelity import goals
from mmdrfuse.models.teacher import Teacher
from mmdrfuse.recipes import Recipe
from mmdrfuse.training.frozen_cache import FrozenCache, FrozenFunction

GOALS, TEACHER_OUTPUTS, SOURCE_FEATURES = "fidelity-goals.bin", "teacher-outputs.bin", "source-features.bin"


def frozen_outputs(
    recipe: Recipe, folder: Path, shape: tuple[int, ...],
    *, teacher: Teacher | None, features: Backbone, device: torch.device, resume: bool,
) -> dict[str, FrozenCache]:  # fmt: skip
    """Return the caches of the frozen outputs that the active terms of the loss need, by the name of the term.

    Args:
        recipe: The active terms, and the space for the cache.
        folder: Where the files go.
        shape: Number of patches, height and width.
        teacher: The student's teacher, on its device; it is frozen here.
        features: The backbone of the perceptual losses, on its device.
        device: Where the batches are.
        resume: Whether the files of the run's first part exist.

    Raises:
        OutputError: There is no room for a file.
        TrainingError: A file of the run's first part is missing, or has another size.
    """
    functions: dict[str, tuple[str, FrozenFunction]] = {}
    if recipe.weights.fidelity:
        functions["fidelity"] = GOALS, fidelity_goals
    if teacher is not None and recipe.weights.distillation:
        functions["distillation"] = TEACHER_OUTPUTS, teacher_outputs(teacher)
    if recipe.features != "none" and recipe.weights.perception:
        functions["perception"] = SOURCE_FEATURES, source_features(features)

    caches = {}
    free_bytes = recipe.cache * 1e9
    for term, (file, function) in functions.items():
        cache = FrozenCache(function, shape, dtype=recipe.cache_dtype, device=device)
        if cache.size <= free_bytes:
            free_bytes -= cache.size
            cache.open(folder / file, resume=resume)
        caches[term] = cache
    return caches


def teacher_outputs(teacher: Teacher) -> FrozenFunction:
    """Return a function that computes the teacher's picture and the sum of its feature's channels, (B, 1, h, w) both.

    Distillation needs nothing else of the teacher. The teacher is frozen: ``eval()``, and no gradient.
    """
    teacher.eval().requires_grad_(False)

    @torch.no_grad()
    def compute(infrared: Tensor, visible: Tensor) -> tuple[Tensor, ...]:
        fused, feature = teacher(infrared, visible)
        return fused, feature.sum(dim=1, keepdim=True)

    return compute


def fidelity_goals(infrared: Tensor, visible: Tensor) -> tuple[Tensor, ...]:
    """Compute the goals of fidelity, (B, 6, 1, 1)."""
    return (goals(infrared, visible)[..., None, None],)


def source_features(features: Backbone) -> FrozenFunction:
    """Return a function that computes the stronger of both sources' features, the target of perception."""

    @torch.no_grad()
    def compute(infrared: Tensor, visible: Tensor) -> tuple[Tensor, ...]:
        return stronger(features(infrared), features(visible))

    return compute
