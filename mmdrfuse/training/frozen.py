"""What a run asks of its frozen networks: the teacher's answers, and the backbone's features of the sources.

They, and the goals of fidelity, which no network gives, are asked once of every patch and kept as far as the recipe's
``cache`` reaches: the goals (12 bytes a patch), then in the order of what they save the answers and the features.
Measured on one core, batch 25×128×128, EfficientNet-Lite0, a step after the first epoch:

=====================  ===========  ==================
kept                   time         bytes a patch
=====================  ===========  ==================
nothing                2.48 s       0
answers                0.79 s       65,536
answers and features   0.56 s       65,536 + 1,552,384
=====================  ===========  ==================

The answers are worth their bytes: 1 GB for the published 16,000 patches. The features are 24 times as large and save a
quarter of what is left: the default of 4 GB has room for them up to 2,400 patches, and for the answers up to 61,000.
What remains is the backbone, forward and backward on the output and forward on the two labels, which change.
"""

from pathlib import Path

import torch
from torch import Tensor

from mmdrfuse.losses.backbones import Backbone
from mmdrfuse.losses.content import stronger
from mmdrfuse.losses.fidelity import goals
from mmdrfuse.models.teacher import Teacher
from mmdrfuse.recipes import Recipe
from mmdrfuse.training.frozen_cache import Ask, Kept

GOALS, ANSWERS, FEATURES = "fidelity-goals.bin", "teacher-answers.bin", "source-features.bin"


def frozen_answers(
    recipe: Recipe, folder: Path, shape: tuple[int, ...],
    *, teacher: Teacher | None, features: Backbone, device: torch.device, resume: bool,
) -> dict[str, Kept]:  # fmt: skip
    """Give what the terms that count ask of the frozen networks, by the name of the term.

    Args:
        recipe: Which terms count, and how much is kept.
        folder: Where the files go.
        shape: Number of patches, height and width.
        teacher: The student's teacher, on its device; it is frozen here.
        features: The backbone of the perceptual losses, on its device.
        device: Where the batches are.
        resume: Whether the files are there from the run's first part.

    Raises:
        OutputError: There is no room for a file.
        TrainingError: A file should be there and is not, or has another size.
    """
    asks: dict[str, tuple[str, Ask]] = {}
    if recipe.weights.fidelity:
        asks["fidelity"] = GOALS, of_maximum
    if teacher is not None and recipe.weights.distillation:
        asks["distillation"] = ANSWERS, of_teacher(teacher)
    if recipe.features != "none" and recipe.weights.perception:
        asks["perception"] = FEATURES, of_sources(features)
    found, room = {}, recipe.cache * 1e9
    for term, (file, ask) in asks.items():
        kept = found[term] = Kept(ask, shape, dtype=recipe.answers, device=device)
        if kept.size <= room:
            room -= kept.size
            kept.open(folder / file, resume=resume)
    return found


def of_teacher(teacher: Teacher) -> Ask:
    """Ask for the teacher's picture and the sum of its feature's channels, (B, 1, h, w) both.

    That is all that distillation looks at. The teacher is frozen: ``eval()``, and no gradient.
    """
    teacher.eval().requires_grad_(False)

    @torch.no_grad()
    def ask(infrared: Tensor, visible: Tensor) -> tuple[Tensor, ...]:
        fused, feature = teacher(infrared, visible)
        return fused, feature.sum(dim=1, keepdim=True)

    return ask


def of_maximum(infrared: Tensor, visible: Tensor) -> tuple[Tensor, ...]:
    """Ask for the goals of fidelity, (B, 6, 1, 1)."""
    return (goals(infrared, visible)[..., None, None],)


def of_sources(features: Backbone) -> Ask:
    """Ask for the stronger of both sources' features, which perception compares with."""

    @torch.no_grad()
    def ask(infrared: Tensor, visible: Tensor) -> tuple[Tensor, ...]:
        return stronger(features(infrared), features(visible))

    return ask
