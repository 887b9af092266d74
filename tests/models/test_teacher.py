"""The teacher's facts: 556,489 parameters, the authors' outputs, odd sizes."""

import json

import numpy as np
import pytest
import torch

from mmdrfuse import models
from mmdrfuse.errors import SizeError
from mmdrfuse.models.student import Student
from mmdrfuse.models.teacher import Teacher


def test_it_has_556489_parameters_and_ends_in_the_students_shape():
    teacher = Teacher()
    assert sum(parameter.numel() for parameter in teacher.parameters()) == 556_489
    assert teacher.d0.weight.shape == Student().conv2.weight.shape


def test_the_released_weights_give_the_authors_outputs(shared):
    arrays = np.load(shared / "oracle" / "losses.npz")
    infrared, visible = (torch.from_numpy(arrays[name])[:, None] / 255 for name in ("ir", "vis"))
    with torch.no_grad():
        output = models.load(shared / "published" / "teacher.model")(infrared, visible)
    np.testing.assert_allclose(output.fused, arrays["teacher"], rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(output.feature[:2], arrays["teacher_feature"], rtol=1e-5, atol=1e-5)
    means = json.loads((shared / "oracle" / "losses.json").read_text())["teacher_forward_mean"]
    np.testing.assert_allclose(output.fused.mean(dim=(1, 2, 3)), means, rtol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(2, 2), (2, 9), (3, 3), (5, 4), (16, 16), (17, 30), (33, 31)])
def test_any_size_from_two_pixels_keeps_its_size(height, width):
    image = torch.rand(1, 1, height, width)
    with torch.no_grad():
        fused, feature = Teacher()(image, image)
    assert fused.shape == image.shape
    assert feature.shape == (1, 4, height, width)
    assert torch.isfinite(fused).all()


def test_an_odd_picture_is_the_even_one_with_its_last_row_and_column_repeated():
    teacher, odd = Teacher(), torch.rand(1, 1, 13, 11, generator=torch.Generator().manual_seed(0))
    even = torch.nn.functional.pad(odd, (0, 1, 0, 1), mode="replicate")
    with torch.no_grad():
        torch.testing.assert_close(teacher(odd, odd).fused, teacher(even, even).fused[..., :13, :11])


def test_below_two_pixels_the_error_names_the_size():
    image = torch.rand(1, 1, 1, 4)
    with pytest.raises(SizeError, match="4x1 pixels are too small"):
        Teacher()(image, image)
