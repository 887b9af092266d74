"""The public names of ``mmdrfuse.datasets``, and what importing costs."""

import subprocess
import sys

import pytest

from mmdrfuse import datasets


@pytest.mark.parametrize("name", datasets.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(datasets, name) is not None
    assert name in dir(datasets)
    assert getattr(datasets, name).__doc__


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match=r"module 'mmdrfuse\.datasets' has no attribute 'nothing'"):
        datasets.nothing  # noqa: B018


def test_pairing_imports_neither_hdf5_nor_torch_nor_scipy():
    code = "import sys, mmdrfuse.datasets as d; d.pair_key; print({'h5py', 'torch', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
