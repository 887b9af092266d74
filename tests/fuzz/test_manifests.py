"""Damaged manifests: they are read, or refused with the line's number."""

import dataclasses
import json
import re

import pytest
from mutations import TRIES, mutated

from mmdrfuse.errors import ManifestError
from mmdrfuse.pair import Preparation
from mmdrfuse.pipeline.fuse import manifest


@pytest.fixture(scope="module")
def content():
    """Two entries in the words of today, and one in those of earlier versions."""
    preparation = Preparation("fit-ir", (1.0, 0, 3, 0, 1, 0, 0, 0, 1), (7000.0, 9000.0), 2)
    entry = manifest.Entry(
        fused="a.png", infrared="../ir/a.png", visible="../vi/a.png", infrared_sha256="1" * 64,
        visible_sha256="2" * 64, width=4, height=3, range="clip", limits=(0.0, 1.0), color=False, weights="ivif",
        weights_sha256="3" * 64, version="0", seconds=0.1, preparation=preparation,
    )  # fmt: skip
    values = dataclasses.asdict(entry)
    earlier = {name: value for name, value in values.items() if name != "preparation"} | values["preparation"]
    lines = [values, values | {"fused": "caf\udce9.png"}, earlier]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def test_a_damaged_manifest_is_read_or_named_with_its_line(content, tmp_path):
    path, messages = tmp_path / manifest.NAME, []
    for seed in range(TRIES):
        path.write_bytes(mutated(content, seed))
        try:
            assert all(entry.pair(tmp_path).preparation.page >= 0 for entry in manifest.read(tmp_path))
        except ManifestError as error:
            messages.append(str(error))
    assert len(messages) > TRIES / 4
    assert [text for text in messages if not re.match(rf"{re.escape(str(path))}:\d+: not an entry", text)] == []
