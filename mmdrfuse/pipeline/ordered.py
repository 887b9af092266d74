"""Work on many items side by side, in order, with only a few of them alive."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

from mmdrfuse.errors import MMDRFuseError

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered(
    executor: Executor, work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int
) -> Iterator[tuple[Item, Result | MMDRFuseError]]:
    """Map ``work`` over ``items``, giving each item with its result, or with the failure it met.

    At most ``ahead`` items are submitted beyond the one that is waited for, which bounds memory however
    many there are. When the consumer stops early, what has not started is cancelled.

    Args:
        executor: Threads or processes.
        work: Called with each item; expected failures (`MMDRFuseError`) become results, others are raised.
        items: Taken lazily.
        ahead: How many may wait.
    """
    pending: deque[tuple[Item, Future[Result]]] = deque()
    try:
        for item in items:
            pending.append((item, executor.submit(work, item)))
            if len(pending) > ahead:
                done, future = pending.popleft()
                result = _outcome(future)
                yield done, result
        while pending:
            done, future = pending.popleft()
            result = _outcome(future)
            yield done, result
    finally:
        for _, future in pending:
            future.cancel()


def unfailing(results: Iterable[tuple[Item, Result | MMDRFuseError]]) -> Iterator[tuple[Item, Result]]:
    """Pass results on, raising the first failure: for runs whose items are all meant to work."""
    for item, result in results:
        if isinstance(result, MMDRFuseError):
            raise result
        yield item, result


def _outcome(future: "Future[Result]") -> Result | MMDRFuseError:
    try:
        return future.result()
    except MMDRFuseError as error:
        return error
