"""Reading TIFF in blocks, from one file that stays open."""

import hashlib
import os

import numpy as np
import pytest
import tifffile

from mmdrfuse.errors import InputError
from mmdrfuse.images.formats.tiff_blocks import BlockReader


@pytest.fixture
def tiled(tmp_path, rng):
    image = rng.integers(0, 256, (40, 50)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", image, tile=(16, 16))
    return tmp_path / "a.tif", image


def test_blocks_and_hash_are_of_the_file_that_was_opened(tiled):
    path, image = tiled
    expected = hashlib.sha256(path.read_bytes()).hexdigest()
    with BlockReader(path) as reader:
        tifffile.imwrite(path.with_name("b.tif"), 255 - image, tile=(16, 16))
        path.with_name("b.tif").replace(path)
        np.testing.assert_array_equal(reader.block(0, 40, 0, 50), image)
        assert reader.sha256 == expected
        reader.check_unchanged()


def test_a_change_of_the_open_file_is_an_error(tiled):
    path, _ = tiled
    with BlockReader(path) as reader:
        assert reader.sha256
        os.utime(path, ns=(1, 1))
        with pytest.raises(InputError, match=r"a\.tif: was changed while it was read"):
            reader.check_unchanged()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.tif: no such file"):
        BlockReader(tmp_path / "gone.tif")
