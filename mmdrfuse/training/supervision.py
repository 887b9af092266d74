"""What a network learns from: its sources, its teacher and its own past.

Deng et al.: "MMDRFuse", ACM Multimedia 2024, section 3, https://arxiv.org/abs/2408.15641.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from mmdrfuse.losses import content, refresh
from mmdrfuse.losses.backbones import DEPTH, Backbone
from mmdrfuse.losses.content import Maps
from mmdrfuse.losses.distillation import distillation
from mmdrfuse.losses.fidelity import fidelity
from mmdrfuse.losses.similarity import quality
from mmdrfuse.losses.terms import Terms, total
from mmdrfuse.models.student import Output
from mmdrfuse.recipes import Recipe
from mmdrfuse.training.frozen_cache import Kept
from mmdrfuse.training.memory import Memory
from mmdrfuse.training.patches import Batch


class Supervision:
    """The three supervisions of one run.

    Args:
        recipe: Weights and choices.
        features: The frozen backbone of the perceptual losses.
        memory: The run's refresh memory.
        frozen: What the frozen networks say, by the term that asks: the teacher for ``distillation``, the
            sources' features for ``perception``, and the goals of ``fidelity``. A term that is not there has no loss.
    """

    def __init__(self, recipe: Recipe, *, features: Backbone, memory: Memory, frozen: Mapping[str, Kept]) -> None:
        self.recipe, self.features, self.memory, self.frozen = recipe, features, memory, frozen
        self.wanted = recipe.weights.wanted()
        self.refreshed: Terms = {}
        """What the last batch did to the memory: the share of samples no worse than their past, and the mean gap."""
        deep, shallow = self.wanted & {"perception", "structure"}, "detail" in self.wanted
        self.depth = DEPTH if deep else refresh.SHALLOW if shallow else 0

    def __call__(self, batch: Batch, output: Output, *, first_visit: bool) -> Terms:
        """Give every term that counts by name, and their weighted sum as ``total``.

        Without features (backbone ``none``) there is no term ``perception``.

        Args:
            batch: What the network saw.
            output: What it made of it.
            first_visit: Whether nothing is remembered yet of these patches.
        """
        fused = output.fused
        maps = self.features(fused, maps=self.depth) if self.depth else ()
        said = {term: kept(batch, first_visit=first_visit) for term, kept in self.frozen.items()}
        terms = self._content(batch, fused)
        if "perception" in said:
            terms["perception"] = content.perception(maps, said["perception"]).mean()
        if self.wanted & {"structure", "detail"}:
            terms |= self._refresh(batch, fused, maps, first_visit=first_visit)
        if "distillation" in said:
            picture, feature = said["distillation"]
            terms["distillation"] = distillation(output, (picture, feature), norm=self.recipe.norm)
        if "fidelity" in said:
            asked = said["fidelity"][0].flatten(1)
            terms["fidelity"] = fidelity(fused, batch.infrared, batch.visible, asked).mean()
        return total({name: term for name, term in terms.items() if name in self.wanted}, self.recipe.weights)

    def _content(self, batch: Batch, fused: Tensor) -> Terms:
        target = torch.maximum(batch.infrared, batch.visible)
        return {
            "intensity": content.intensity(fused, target).mean(),
            "gradient": content.gradient(fused, target).mean(),
        }

    def _refresh(self, batch: Batch, fused: Tensor, maps: Maps, *, first_visit: bool) -> Terms:
        with torch.no_grad():
            scores = quality(fused, batch.infrared, batch.visible)
            labels = self.memory.labels(batch.positions)
            gaps = self.memory.update(batch.positions, fused, scores, decision=self.recipe.refresh)
            self.refreshed = _summary(gaps)
        if first_visit:  # no gap anywhere: spare the backbone the labels
            return {"structure": gaps[0].sum(), "detail": gaps[1].sum()}
        terms = {}
        if "structure" in self.wanted:
            known = self._known(labels[0], DEPTH)
            terms["structure"] = (gaps[0] * refresh.structure(fused, labels[0], maps, known)).mean()
        if "detail" in self.wanted:
            known = self._known(labels[1], refresh.SHALLOW)
            terms["detail"] = (gaps[1] * refresh.detail(fused, labels[1], maps, known)).mean()
        return terms

    @torch.no_grad()
    def _known(self, images: Tensor, depth: int) -> Maps:
        return self.features(images, maps=depth)


def _summary(gaps: Tensor) -> Terms:
    """Reduce the gaps, (2, B), to scalars, where they are."""
    columns = {"refreshed": (gaps == 0).float().mean(dim=1), "gap": gaps.mean(dim=1)}
    return {
        f"{name}_{what}": column[place]
        for place, name in enumerate(("structure", "detail"))
        for what, column in columns.items()
    }
