"""Ctrl-C, once and twice."""

import math
import signal
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from types import FrameType
from typing import Any, Self

# What one that raised has to end workers in, without another: they took 1.2 s at most
# in 13 runs of a build that hangs.
UNWIND_SECONDS = 10.0
# How often a wait looks whether it was interrupted.
POLL_SECONDS = 0.2


class Interrupt:
    """While it is entered, and once `defer` was called, a first Ctrl-C is only noted.

    A second one raises; before, all go where they went. Where one has raised, those of
    the next seconds are dropped: workers end meanwhile, and stay where one cuts in. In
    another thread than the main one, which gets no signals, nothing changes.

    Attributes
    ----------
    requested : bool
        Whether there was one.
    """

    def __init__(self) -> None:
        self.requested = False
        self._defers = False
        self._raised_at = -math.inf
        self._before: Any = None

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        # A program may ignore Ctrl-C, or handle it outside of Python.
        if is_main and callable(signal.getsignal(signal.SIGINT)):
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def defer(self) -> None:
        """From now on, note the first one."""
        self._defers = True

    def wait(self, futures: Iterable[Future], seconds: float) -> set[Future]:
        """Wait until all are done, the time is up, or it was requested.

        Returns
        -------
        set of Future
            Those that are not done.
        """
        ends, running = time.monotonic() + seconds, set(futures)
        while running and time.monotonic() < ends and not self.requested:
            _, running = wait_for(running, POLL_SECONDS)
        return {future for future in running if not future.done()}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if time.monotonic() - self._raised_at < UNWIND_SECONDS:
            return
        try:
            if not self._defers:
                self._before(number, frame)  # Python's, or a program's own
                return
            if self.requested:
                raise KeyboardInterrupt
        except BaseException:
            self._raised_at = time.monotonic()
            raise
        self.requested = True
