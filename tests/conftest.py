"""What several test files share: real data where it is, made-up scenes and weights elsewhere."""

import os
from pathlib import Path

import numpy as np
import pytest

# Before torch is loaded, here and in the processes that tests start: with one thread sums have one order.
os.environ["OMP_NUM_THREADS"] = "1"

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared():
    """The folder of real pairs, oracle values and released checkpoints."""
    if not SHARED.is_dir():
        pytest.skip("needs the real data in ../shared, which is not part of the project")
    return SHARED


@pytest.fixture
def rng():
    return np.random.default_rng(20240815)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    """Three synthetic pairs of 96×128 in folders ir and vi."""
    from mmdrfuse.datasets.scenes.synthetic import write_scenes

    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, 3, 7, height=96, width=128)
    return folder
