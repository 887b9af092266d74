"""The weighted sum of a loss's terms."""

import torch

from mmdrfuse.losses.terms import total
from mmdrfuse.recipes import Weights


def test_total_is_the_weighted_sum_beside_unchanged_terms():
    weights = Weights(intensity=2, gradient=0.5, perception=0)
    terms = {"intensity": torch.tensor(3.0), "gradient": torch.tensor(4.0)}
    assert total(terms, weights) == {**terms, "total": torch.tensor(8.0)}
