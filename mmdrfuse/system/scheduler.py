"""The connection to a dask scheduler, whose every failure is one sentence."""

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from functools import lru_cache, partial
from typing import Any, TypeVar

from mmdrfuse.errors import ChoiceError, MissingExtraError, MMDRFuseError
from mmdrfuse.system.batches import dask_setup, version_error
from mmdrfuse.system.interrupts import patiently
from mmdrfuse.system.workers import prepare_to_spawn

Answer = TypeVar("Answer")

CONNECT_SECONDS = 10
"""How long to look for a scheduler."""
WORKER_SECONDS = 60
"""How long to wait for the first worker, and for another one when all are gone."""
_REFRESH_SECONDS = 2
"""How often the workers are counted: they come and go."""
_LOCAL = "local:"
_ADDRESS = re.compile(r"((tcp|tls|ws|wss)://)?(\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+):\d{1,5}")
_SAME = ("mmdrfuse", "distributed")
"""Packages of which all machines need the same version."""

_SETTINGS = {
    "logging": {"distributed": "critical", "distributed.client": "critical"},  # its messages would mix with ours
    "distributed.admin.large-graph-warning-threshold": "1GB",  # to which a teacher is large
    "distributed.admin.low-level-log-length": 10,  # it would keep the last thousand messages, with all that is in them
}

Future = Any
"""A future of distributed, which has no types."""


def local_count(address: str) -> int:
    """Return N of ``local:N``; 0 for the address of a scheduler.

    Raises:
        ChoiceError: It is neither.
    """
    number = address.removeprefix(_LOCAL)
    if address.startswith(_LOCAL) and number.isdecimal() and int(number):
        return int(number)
    if address.startswith(_LOCAL) or not _ADDRESS.fullmatch(address):
        raise ChoiceError(
            f"{address!r} is no cluster; give the address of a scheduler, such as tcp://10.0.0.5:8786, or local:4 for "
            "four processes of this machine"
        )
    return 0


class Scheduler:
    """A connected scheduler that has a worker.

    Args:
        address: As `mmdrfuse.system.cluster.Cluster` takes it.

    Raises:
        MMDRFuseError: There is no scheduler or no worker, or one has another version.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._threads = 0
        self._counted = 0.0
        with contextlib.ExitStack() as opened:
            self._client = self._connect(opened)
            self._opened = opened.pop_all()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future:  # noqa: ANN401
        """Send a call; return its future, which other calls can take as an argument."""
        return self._ask(partial(self._client.submit, function, *arguments, pure=False))

    def threads(self) -> int:
        """Return how many threads the workers have together."""
        if time.monotonic() - self._counted > _REFRESH_SECONDS:
            self._threads = sum(self._ask(self._client.nthreads).values())
            self._counted = time.monotonic()
        return self._threads

    def wait(self, future: Future) -> None:
        """Wait until a call is done, or has failed.

        Raises:
            MMDRFuseError: The scheduler or all workers are lost.
        """
        since = time.monotonic()
        while not future.done():
            try:
                with self._client.as_current():
                    distributed().wait([future], timeout=_REFRESH_SECONDS)
            except TimeoutError:
                since = time.monotonic() if self.threads() else since
                if time.monotonic() - since > WORKER_SECONDS:
                    raise self._no_workers() from None
            except CancelledError as error:
                raise self._lost() from error

    def result(self, future: Future) -> Any:  # noqa: ANN401 - what the call returns
        """Return what a call returns, or None if workers died with it.

        Raises:
            MMDRFuseError: The scheduler or all workers are lost, or the call raised it.
        """
        self.wait(future)
        try:
            return future.result()
        except CancelledError as error:
            raise self._lost() from error
        except OSError as error:
            if future.status == "error":  # the call raised it, not the connection
                raise
            raise self._lost() from error
        except distributed().KilledWorker:
            return None

    def close(self) -> None:
        """Leave the cluster; processes that were started for it end."""
        self._opened.close()

    def _connect(self, opened: contextlib.ExitStack) -> Any:  # noqa: ANN401 - an untyped client
        local = local_count(self.address)
        address = opened.enter_context(_started(local)) if local else self.address
        try:
            client = distributed().Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise MMDRFuseError(
                f"{self.address}: no scheduler answers there within {CONNECT_SECONDS} seconds; check the address, and "
                "that it runs:  dask scheduler"
            ) from error
        opened.callback(client.close, timeout=_REFRESH_SECONDS)
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError as error:
            raise self._no_workers() from error
        _compare_versions(client)
        return client

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        """Ask the scheduler, and turn the loss of the connection into one error."""
        try:
            if self._client.status != "running":
                raise self._lost()
            return question()
        except (OSError, CancelledError) as error:  # the connection's own errors are among these
            raise self._lost() from error

    def _lost(self) -> MMDRFuseError:
        return MMDRFuseError(
            f"{self.address}: the connection to the scheduler is lost; what was finished is kept", cure="resume"
        )

    def _no_workers(self) -> MMDRFuseError:
        return MMDRFuseError(
            f"{self.address}: the scheduler has had no worker for {WORKER_SECONDS} seconds; start some:  "
            f"dask worker {self.address}"
        )


def _compare_versions(client: Any) -> None:  # noqa: ANN401 - an untyped client
    found = client.get_versions(packages=["mmdrfuse"])
    own = found["client"]["packages"]
    machines = {f"the scheduler {client.scheduler.address}": found["scheduler"]}
    machines |= {f"the worker {address}": versions for address, versions in found["workers"].items()}
    for machine, versions in machines.items():
        for package in _SAME:
            other = versions["packages"].get(package)
            if other != own[package]:
                raise version_error(machine, package, other, own[package])


@contextlib.contextmanager
def _started(count: int) -> Iterator[Any]:
    """Yield a cluster of this machine, and close it."""
    with contextlib.ExitStack() as opened:
        prepare_to_spawn()
        with patiently():
            cluster = _local_cluster(count)
            opened.callback(_close, cluster)
        yield cluster


def _close(cluster: Any) -> None:  # noqa: ANN401 - an untyped object
    with patiently():
        cluster.close()


def _local_cluster(count: int) -> Any:  # noqa: ANN401 - an untyped object
    """Start processes on this machine, without limits of memory, as those of `mmdrfuse.system.workers` have none."""
    import dask

    # One death is an accident. A batch with two is tried item by item. A worker's profile would grow by 7 MB a minute.
    with dask.config.set({"distributed.scheduler.allowed-failures": 1, "distributed.worker.profile.enabled": False}):
        try:
            return distributed().LocalCluster(
                n_workers=count, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0",
                memory_limit=0, silence_logs=logging.CRITICAL, preload=[dask_setup.__module__],
            )  # fmt: skip
        except RuntimeError as error:
            raise MMDRFuseError(
                f"{_LOCAL}{count}: a process ended before it had started ({error}); try again; a script must do its "
                "work under if __name__ == '__main__'"
            ) from error


@lru_cache(maxsize=1)
def distributed() -> Any:  # noqa: ANN401 - an untyped module
    """Import distributed with `_SETTINGS`.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import dask

        dask.config.set(_SETTINGS)
        import distributed
    except ImportError as error:
        raise MissingExtraError("distributed", "cluster", "a cluster") from error
    return distributed
