"""The supervision of a network: by its sources, its teacher and its own earlier outputs.

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
from mmdrfuse.training.frozen_cache import FrozenCache
from mmdrfuse.training.memory import RefreshMemory
from mmdrfuse.training.patches import Batch


class Supervision:
    """The three supervisions of one run.

    Args:
        recipe: Weights and choices.
        features: The frozen backbone of the perceptual losses.
        memory: The run's refresh memory.
        frozen: Outputs of the frozen networks, by the term that needs them: the teacher's for ``distillation``, the
            sources' features for ``perception``, and the goals of ``fidelity``. A term without an entry is left out.
    """

    def __init__(
        self, recipe: Recipe, *, features: Backbone, memory: RefreshMemory, frozen: Mapping[str, FrozenCache]
    ) -> None:
        self.recipe = recipe
        self.features = features
        self.memory = memory
        self.frozen = frozen
        self.active = recipe.weights.active()
        self.refreshed: Terms = {}
        """Of the last batch: the share of samples that are no worse than their stored outputs, and the mean gap."""
        if self.active & {"perception", "structure"}:
            self.depth = DEPTH
        elif "detail" in self.active:
            self.depth = refresh.SHALLOW
        else:
            self.depth = 0

    def __call__(self, batch: Batch, output: Output, *, first_visit: bool) -> Terms:
        """Compute every active term, by name, and their weighted sum as ``total``.

        Without features (backbone ``none``) there is no term ``perception``.

        Args:
            batch: The patches, not mirrored.
            output: What the network made of them, in the same orientation.
            first_visit: Whether memory and caches do not have these patches yet.
        """
        fused = output.fused
        maps = self.features(fused, maps=self.depth) if self.depth else ()
        targets = {term: cache(batch, first_visit=first_visit) for term, cache in self.frozen.items()}
        terms = self._content(batch, fused)
        if "perception" in targets:
            terms["perception"] = content.perception(maps, targets["perception"]).mean()
        if self.active & {"structure", "detail"}:
            terms |= self._refresh(batch, fused, maps, first_visit=first_visit)
        if "distillation" in targets:
            picture, feature = targets["distillation"]
            terms["distillation"] = distillation(output, (picture, feature), norm=self.recipe.norm)
        if "fidelity" in targets:
            goals = targets["fidelity"][0].flatten(1)
            terms["fidelity"] = fidelity(fused, batch.infrared, batch.visible, goals).mean()
        active = {name: term for name, term in terms.items() if name in self.active}
        return total(active, self.recipe.weights)

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
        if first_visit:  # every gap is 0, so the backbone need not see the labels
            return {"structure": gaps[0].sum(), "detail": gaps[1].sum()}
        terms = {}
        if "structure" in self.active:
            label_maps = self._label_maps(labels[0], DEPTH)
            terms["structure"] = (gaps[0] * refresh.structure(fused, labels[0], maps, label_maps)).mean()
        if "detail" in self.active:
            label_maps = self._label_maps(labels[1], refresh.SHALLOW)
            terms["detail"] = (gaps[1] * refresh.detail(fused, labels[1], maps, label_maps)).mean()
        return terms

    @torch.no_grad()
    def _label_maps(self, images: Tensor, depth: int) -> Maps:
        return self.features(images, maps=depth)


def _summary(gaps: Tensor) -> Terms:
    """Reduce the gaps, (2, B), to scalars on their device."""
    columns = {"refreshed": (gaps == 0).float().mean(dim=1), "gap": gaps.mean(dim=1)}
    return {
        f"{score}_{what}": column[index]
        for index, score in enumerate(("structure", "detail"))
        for what, column in columns.items()
    }
