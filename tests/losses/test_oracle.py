"""Every number of the authors' own functions on six real patches, in one table."""

import numpy as np
import pytest
import torch

from mmdrfuse import models
from mmdrfuse.losses.content import gradient, intensity
from mmdrfuse.losses.distillation import distillation
from mmdrfuse.losses.similarity import gmsd, ssim


@pytest.fixture(scope="module")
def ours(oracle, shared):
    """Compute our losses, by the authors' names."""
    with torch.no_grad():
        outputs = {
            name: models.load(shared / "published" / f"{name}.model")(oracle.ir, oracle.vis)
            for name in ("student", "teacher")
        }
    brighter, found = torch.maximum(oracle.ir, oracle.vis), {}
    for name, output in outputs.items():
        found[f"{name}_forward_mean"] = output.fused.mean(dim=(1, 2, 3))
        found[f"intensity_{name}"] = intensity(getattr(oracle, name), brighter).mean()
        found[f"gradient_{name}"] = gradient(getattr(oracle, name), brighter).mean()
    for name, score in (("ssim", ssim), ("gmsd", gmsd)):
        for source in ("ir", "vis"):
            found[f"{name}_student_{source}"] = score(oracle.student, getattr(oracle, source)).mean()
        found[f"{name}_student_ir_per_sample"] = score(oracle.student, oracle.ir)
    (fused, feature), (taught, taught_feature) = outputs["student"], outputs["teacher"]
    both = distillation((fused, feature), (taught, taught_feature), norm="batch")
    found["distillation_student_teacher"] = both
    # The authors halve a pair that is alone as well: the same as both places taken by it, and halved once more
    found["distillation_feature_only"] = distillation((feature,) * 2, (taught_feature,) * 2, norm="batch") / 2
    found["distillation_response_only"] = distillation((fused,) * 2, (taught,) * 2, norm="batch") / 2
    return found


def test_every_number_of_the_authors_is_compared(ours, oracle):
    assert ours.keys() == oracle.values.keys()


def test_our_losses_equal_the_authors(ours, oracle):
    for name, theirs in oracle.values.items():
        np.testing.assert_allclose(ours[name], theirs, rtol=1e-5, err_msg=name)
