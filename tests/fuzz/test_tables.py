"""Damaged tables of pairs: they are read, or one error names them."""

import pytest
from mutations import TRIES, blamed, mutated

from mmdrfuse.datasets.sets.sources import read_table
from mmdrfuse.pipeline import Pair

TABLE = 'infrared, visible,output\nir/1.png,vi/7.png,night/x.jpg\n"a,b.png","c""d.png",\nir/2.png,vi/ü.png,y.png\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_damaged_table_is_read_or_named(tmp_path, encoding):
    path = tmp_path / "pairs.csv"
    for seed in range(TRIES):
        path.write_bytes(mutated(TABLE.encode(encoding), seed))
        with blamed(path):
            pairs = read_table(path).pairs
            assert pairs
            assert all(isinstance(pair, Pair) and str(pair.infrared) for pair in pairs)
