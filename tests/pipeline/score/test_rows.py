import numpy as np
import pytest

from mmdrfuse.pipeline.score.rows import Rows


def test_rows_are_a_mapping_of_mappings_that_grows_while_columns_are_in_use():
    rows = Rows(("SD", "VIF"))
    rows["a"] = {"VIF": 0.5, "SD": 1.0}
    column = rows.column("VIF")
    rows["b"] = {"SD": 2.0, "VIF": 0.25}
    rows["a"] |= {"SD": 3.0}
    assert rows == {"a": {"SD": 3.0, "VIF": 0.5}, "b": {"SD": 2.0, "VIF": 0.25}}
    assert ([*rows], "b" in rows, "c" in rows, rows.get("c")) == (["a", "b"], True, False, None)
    np.testing.assert_array_equal(column, [0.5])
    np.testing.assert_array_equal(rows.column("SD", ["b", "a", "b"]), [2, 3, 2])
    with pytest.raises(KeyError):
        rows["c"]
