"""Many items side by side."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice

import pytest

from mmdrfuse.errors import InputError
from mmdrfuse.pipeline.ordered import ordered, unfailing


def half(number):
    if number % 2:
        raise InputError(f"{number} is odd")
    return number // 2


def test_results_come_in_order_and_failures_in_their_place():
    with ThreadPoolExecutor(3) as pool:
        found = list(ordered(pool, half, range(20), ahead=4))
    assert [item for item, _ in found] == list(range(20))
    assert [str(result) for _, result in found] == [str(n // 2) if n % 2 == 0 else f"{n} is odd" for n in range(20)]


def test_only_a_few_items_are_taken_ahead():
    source = count()
    with ThreadPoolExecutor(2) as pool:
        assert len(list(islice(ordered(pool, half, source, ahead=4), 10))) == 10
    assert next(source) <= 10 + 4


def test_a_bug_is_not_taken_for_an_expected_failure():
    with ThreadPoolExecutor(1) as pool, pytest.raises(TypeError):
        list(ordered(pool, half, ["text"], ahead=1))


def test_unfailing_run_raises_the_first_failure():
    results = unfailing([(1, "good"), (2, InputError("bad")), (3, "good")])
    assert next(results) == (1, "good")
    with pytest.raises(InputError, match="bad"):
        next(results)
