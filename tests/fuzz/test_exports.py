"""Damaged tables of splits and records of exports: they are read, or one error names them."""

import json

import pytest
from mutations import TRIES, blamed, mutated

from mmdrfuse.datasets.export import record
from mmdrfuse.datasets.export.splits import SPLITS, from_file

TABLE = (
    "name,split,scene,pair,infrared_sha256,visible_sha256\n010001,train,0100,train/010001,ab,cd\nü,Validation,b,c,,\n"
)
SETTINGS = {"layout": "llvip", "labels": {"sha256": "ab"}, "classes": ["person"]}


def test_damaged_table_of_splits_is_read_or_named(tmp_path):
    path = tmp_path / "splits.csv"
    for seed in range(TRIES):
        path.write_bytes(mutated(TABLE.encode(), seed))
        with blamed(path):
            assert set(from_file(path).values()) <= set(SPLITS)


def test_damaged_record_removes_nothing_outside_of_the_export(tmp_path):
    beside = tmp_path / "mine"
    beside.mkdir()
    out = tmp_path / "out"
    path = out / record.NAME
    for folders in (["max", "../mine"], ["..", "max"], ["/"], [""], "max", 3, None, [["max"]]):
        out.mkdir(exist_ok=True)
        path.write_text(json.dumps({"settings": SETTINGS, "folders": folders}))
        with blamed(path):
            record.clear(out)
        assert beside.is_dir()
        assert out.is_dir()


@pytest.mark.parametrize("resume", [False, True])
def test_damaged_record_is_read_or_named(tmp_path, resume):
    record.write_record(tmp_path, SETTINGS, ["max"], {})
    path = tmp_path / record.NAME
    content = path.read_bytes()
    for seed in range(TRIES):
        path.write_bytes(mutated(content, seed))
        with blamed(tmp_path):
            record.refuse_target(tmp_path, SETTINGS, resume=resume, overwrite=True)
            record.clear(tmp_path)
