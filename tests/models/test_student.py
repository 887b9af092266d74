"""The student's facts: 113 parameters, the authors' outputs, any size from 2×2."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdrfuse import models
from mmdrfuse.errors import SizeError
from mmdrfuse.models.student import Student


@pytest.fixture(scope="module")
def patches(shared):
    """Six real patches with what the authors' networks made of them."""
    arrays = np.load(shared / "oracle" / "losses.npz")
    return {name: torch.from_numpy(arrays[name]) for name in arrays}


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_it_has_113_parameters_76_and_37():
    student = Student()
    assert (parameters(student.conv1), parameters(student.conv2), parameters(student)) == (76, 37, 113)


def test_the_released_weights_give_the_authors_outputs(patches, shared):
    student = models.load(shared / "published" / "student.model")
    with torch.no_grad():
        output = student(patches["ir"][:, None] / 255, patches["vis"][:, None] / 255)
    torch.testing.assert_close(output.fused, patches["student"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(output.feature[:2], patches["student_feature"], rtol=1e-5, atol=1e-6)
    means = json.loads((shared / "oracle" / "losses.json").read_text())["student_forward_mean"]
    np.testing.assert_allclose(output.fused.mean(dim=(1, 2, 3)), means, rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(2, 40), width=st.integers(2, 40))
def test_the_output_has_the_inputs_size_and_lies_within_tanh(height, width):
    image = torch.rand(2, 1, height, width)
    fused, feature = Student()(image, image)
    assert fused.shape == image.shape
    assert feature.shape == (2, 4, height, width)
    assert fused.abs().max() < 1
    assert feature.min() >= 0


def test_one_pixel_reaches_no_further_than_two():
    student, image = Student(), torch.rand(1, 1, 15, 15)
    changed = image.clone()
    changed[..., 7, 7] += 1
    with torch.no_grad():
        difference = (student(changed, image).fused - student(image, image).fused)[0, 0]
    rows, columns = torch.nonzero(difference, as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 9, 5, 9)


@pytest.mark.parametrize(("height", "width"), [(1, 8), (8, 1), (1, 1)])
def test_below_two_pixels_the_error_names_the_size(height, width):
    image = torch.rand(1, 1, height, width)
    with pytest.raises(SizeError, match=f"{width}x{height} pixels are too small: both sides must be at least 2"):
        Student()(image, image)


def test_shapes_that_differ_are_named():
    with pytest.raises(SizeError, match=r"infrared is \(1, 1, 8, 8\) and visible \(1, 1, 8, 9\)"):
        Student()(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 9))
