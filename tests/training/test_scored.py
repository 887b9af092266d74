"""A student's scores and their derivatives to its weights are those of autograd, under either policy."""

import pytest
import torch

from mmdrfuse.losses.fidelity import levels
from mmdrfuse.models.student import Student
from mmdrfuse.training.scored import ScoredPair


@pytest.mark.parametrize("policy", ["clip", "minmax"])
@pytest.mark.parametrize("keep", [True, False])
def test_the_slopes_are_those_of_autograd(policy, keep):
    torch.manual_seed(1)
    student = Student().double()
    infrared, visible = torch.rand(2, 1, 1, 48, 52, dtype=torch.float64)
    pair = ScoredPair(infrared, visible, keep=keep)
    reached, slopes = pair.slopes(student, policy)
    wanted = pair.scores(student(infrared, visible).fused, policy)
    torch.testing.assert_close(reached, wanted.detach())
    for number, score in enumerate(wanted):
        rows = torch.autograd.grad(score, list(student.parameters()), retain_graph=True)
        torch.testing.assert_close(slopes[number], torch.cat([row.flatten() for row in rows]))


def test_the_stretch_is_differentiated_through_the_smallest_and_the_largest_pixel():
    picture = torch.tensor([[[[0.2, 0.5], [0.6, 0.3]]]], dtype=torch.float64)
    for place in ((0, 0), (0, 1), (1, 0)):
        (slope,) = torch.autograd.grad(levels(seen := picture.clone().requires_grad_(), "minmax")[0, 0, 1, 1], seen)
        moved = picture.clone()
        moved[0, 0, *place] += 1e-6
        value = [(255 * (one - one.min()) / (one.max() - one.min()))[0, 0, 1, 1] for one in (picture, moved)]
        assert float(slope[0, 0, *place]) == pytest.approx(float((value[1] - value[0]) / 1e-6), rel=1e-4, abs=1e-3)
    assert levels(picture, "minmax").flatten().tolist() == [0.0, 191.0, 255.0, 64.0]
