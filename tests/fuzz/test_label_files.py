"""Damaged labels: they are read, or one error names them."""

import numpy as np
import pytest
from label_files import WRITERS
from mutations import TRIES, blamed, mutated

from mmdrfuse.datasets import labels


@pytest.mark.parametrize(("form", "name"), [*((form, "*.*") for form in WRITERS), ("YOLO", "a02.txt")])
def test_damaged_labels_are_read_or_named(tmp_path, form, name):
    WRITERS[form](tmp_path)
    path = sorted(tmp_path.rglob(name))[0]
    content = path.read_bytes()
    for seed in range(TRIES):
        path.write_bytes(mutated(content, seed))
        with blamed(path):
            for picture in labels.read(path).pictures.values():
                assert np.isfinite(picture.boxes).all()
                assert (picture.areas > 0).all()
