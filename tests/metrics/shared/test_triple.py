import numpy as np

from mmdrfuse.metrics.shared.triple import Triple, forget, once


def test_a_result_is_computed_once_for_each_triple_and_argument():
    calls = []

    @once
    def scaled(t, factor, *, offset=0):
        calls.append((factor, offset))
        return t.fused * factor + offset

    one, other = (Triple(*np.ones((3, 2, 2))) for _ in range(2))
    assert scaled(one, 2) is scaled(one, 2)
    scaled(one, 3)
    scaled(one, 2, offset=1)
    scaled(other, 2)
    assert calls == [(2, 0), (3, 0), (2, 1), (2, 0)]


def test_images_become_contiguous_float64():
    t = Triple(*np.arange(24, dtype=np.uint8).reshape(3, 2, 4)[:, :, ::2])
    assert all(image.flags.c_contiguous and image.dtype == np.float64 for image in t.images)
    assert t.images == (t.fused, t.a, t.b)
    assert t.a.tolist() == [[8.0, 10.0], [12.0, 14.0]]


def test_images_that_cannot_be_written_or_lie_at_odd_addresses_are_copied_and_others_are_not():
    plain = np.arange(6.0).reshape(2, 3)
    locked = plain.copy()
    locked.setflags(write=False)
    shifted = np.frombuffer(bytearray(b"-" + plain.tobytes()), np.float64, offset=1).reshape(2, 3)
    t = Triple(plain, locked, shifted)
    assert all(image.flags.carray and image.tolist() == plain.tolist() for image in t.images)
    assert np.shares_memory(t.fused, plain)


def test_a_forgotten_result_is_computed_anew_and_others_stay():
    calls = []

    @once
    def scaled(t, factor):
        calls.append(factor)
        return t.fused * factor

    t = Triple(*np.ones((3, 2, 2)))
    for factor in (2, 3):
        scaled(t, factor)
    forget(t, scaled, 2)
    forget(t, scaled, 9)
    for factor in (2, 3):
        scaled(t, factor)
    assert calls == [2, 3, 2]
