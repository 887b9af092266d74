"""Many gradients at once are those that autograd gives one by one."""

import pytest
import torch

from mmdrfuse.models.slopes import pull_back
from mmdrfuse.models.student import Student


@pytest.mark.parametrize("size", [(2, 3), (9, 12)])
def test_pull_back_equals_autograd(size):
    torch.manual_seed(0)
    student = Student().double()
    infrared, visible = torch.rand(2, 1, 1, *size, dtype=torch.float64)
    slopes = torch.randn(3, *size, dtype=torch.float64)
    found = pull_back(student, infrared, visible, slopes)
    picture = student(infrared, visible).fused[0, 0]
    for row, slope in zip(found, slopes, strict=True):
        wanted = torch.autograd.grad((picture * slope).sum(), list(student.parameters()), retain_graph=True)
        torch.testing.assert_close(row, torch.cat([part.flatten() for part in wanted]))
