"""Packing and unpacking patches."""

import zlib

import pytest

from mmdrfuse.datasets.patches import deflate


@pytest.mark.parametrize("size", [0, 1, 16384])
def test_what_is_packed_is_a_zlib_stream_and_comes_back(rng, size):
    content = rng.integers(0, 9, size, "u1").tobytes()
    assert deflate.unpack(deflate.pack(content)) == zlib.decompress(deflate.pack(content)) == content


@pytest.mark.parametrize(
    "damage", [lambda packed: packed[:-1], lambda packed: packed[:-1] + b"\0", lambda packed: b"x"]
)
@pytest.mark.parametrize("fast", [deflate._fast, zlib])
def test_a_damaged_stream_is_refused_by_either_reader(monkeypatch, damage, fast):
    monkeypatch.setattr(deflate, "_fast", fast)
    with pytest.raises(deflate.DamagedError, match=r".+"):
        deflate.unpack(damage(zlib.compress(bytes(range(200)))))
