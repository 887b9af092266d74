"""Digestible distillation: the student matches the last two spatial maps of the teacher, and no earlier ones.

Deng et al.: "MMDRFuse", ACM Multimedia 2024, section 3.2, https://arxiv.org/abs/2408.15641.
"""

from torch import Tensor

from mmdrfuse.recipes.recipe import Norm

MIN_LENGTH = 1e-12
"""Lower bound of a map's length, which avoids division by zero for black patches."""


def distillation(student: tuple[Tensor, Tensor], teacher: tuple[Tensor, Tensor], *, norm: Norm) -> Tensor:
    """Compute the distance of the student's feature and picture from the teacher's, regardless of scale.

    ``1/2 Σ_{m ∈ {Φ, F}} Σ (s_m/|s_m| - t_m/|t_m|)²`` with maps summed over channels. With ``norm="sample"``,
    it is the mean over the batch of this expression for each sample.

    Args:
        student: Two maps, (N, C, H, W): the picture and the feature before the last convolution.
        teacher: The same of the teacher, without gradient.
        norm: Whether the lengths are those of each sample or of the whole batch.

    Returns:
        A scalar in [0, 4], 0 where all maps agree up to a factor.

    References:
        MMDRFuse (Deng et al. 2024), digestible distillation loss.
    """
    axes = (0, 1, 2) if norm == "batch" else (1, 2)
    picture, feature = (_distance(s, t, axes) for s, t in zip(student, teacher, strict=True))
    return (picture + feature) / 2


def _distance(student: Tensor, teacher: Tensor, axes: tuple[int, ...]) -> Tensor:
    difference = _unit(student.sum(1), axes) - _unit(teacher.sum(1), axes)
    return difference.square().sum(dim=axes).mean()


def _unit(maps: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Divide by the L2 norm over the axes."""
    norm = maps.square().sum(dim=axes, keepdim=True).clamp(min=MIN_LENGTH**2).sqrt()
    return maps / norm
