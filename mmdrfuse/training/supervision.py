"""What a network learns from: its sources, its teacher and its own past.

Deng et al.: "MMDRFuse", ACM Multimedia 2024, section 3, https://arxiv.org/abs/2408.15641.
"""

import torch
from torch import Tensor

from mmdrfuse.losses import content, refresh
from mmdrfuse.losses.content import Maps
from mmdrfuse.losses.distillation import distillation
from mmdrfuse.losses.features import Backbone
from mmdrfuse.losses.similarity import quality
from mmdrfuse.losses.terms import Terms, total
from mmdrfuse.models.student import Output
from mmdrfuse.training.answers import Answers
from mmdrfuse.training.memory import Memory
from mmdrfuse.training.patches import Batch
from mmdrfuse.training.recipes import Recipe


class Supervision:
    """The three supervisions of one run.

    Args:
        recipe: Weights and choices.
        features: The frozen backbone of the perceptual losses.
        memory: The run's refresh memory.
        answers: The teacher's, where there is distillation.
    """

    def __init__(self, recipe: Recipe, *, features: Backbone, memory: Memory, answers: Answers | None) -> None:
        self.recipe, self.features, self.memory, self.answers = recipe, features, memory, answers
        self.wanted = recipe.weights.wanted()

    def __call__(self, batch: Batch, output: Output, *, first_visit: bool) -> Terms:
        """Give every term that counts by name, and their weighted sum as ``total``.

        Without features (backbone ``none``) there is no term ``perception``.

        Args:
            batch: What the network saw.
            output: What it made of it.
            first_visit: Whether nothing is remembered yet of these patches.
        """
        maps = self.features(output.fused)
        terms = self._content(batch, output.fused, maps)
        if self.wanted & {"structure", "detail"}:
            terms |= self._refresh(batch, output.fused, maps, first_visit=first_visit)
        if self.answers is not None and "distillation" in self.wanted:
            answer = self.answers(batch, first_visit=first_visit)
            terms["distillation"] = distillation(output, answer, norm=self.recipe.norm)
        return total({name: term for name, term in terms.items() if name in self.wanted}, self.recipe.weights)

    def _content(self, batch: Batch, fused: Tensor, maps: Maps) -> Terms:
        target = torch.maximum(batch.infrared, batch.visible)
        terms = {
            "intensity": content.intensity(fused, target).mean(),
            "gradient": content.gradient(fused, target).mean(),
        }
        if maps:
            with torch.no_grad():
                target_maps = content.stronger(self.features(batch.infrared), self.features(batch.visible))
            terms["perception"] = content.perception(maps, target_maps).mean()
        return terms

    def _refresh(self, batch: Batch, fused: Tensor, maps: Maps, *, first_visit: bool) -> Terms:
        with torch.no_grad():
            scores = quality(fused, batch.infrared, batch.visible)
            labels = self.memory.labels(batch.positions).flip(batch.flip)
            gaps = self.memory.update(batch.positions, fused.flip(batch.flip), scores, decision=self.recipe.refresh)
        if first_visit:  # no gap anywhere: spare the backbone the labels
            return {"structure": gaps[0].sum(), "detail": gaps[1].sum()}
        with torch.no_grad():
            structure_maps = self.features(labels[0])
            detail_maps = self.features(labels[1], maps=refresh.SHALLOW)
        return {
            "structure": (gaps[0] * refresh.structure(fused, labels[0], maps, structure_maps)).mean(),
            "detail": (gaps[1] * refresh.detail(fused, labels[1], maps, detail_maps)).mean(),
        }
