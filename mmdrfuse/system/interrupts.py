"""Make Ctrl-C wait while processes start and end."""

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def patiently() -> Iterator[None]:
    """Make Ctrl-C wait for the end of the block: what has half started or ended cannot be closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[bool] = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        with uninterrupted():
            yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Make Ctrl-C wait for the end of the block; processes that start in it are blind to it until they ignore it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
