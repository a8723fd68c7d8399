"""Ctrl-C, once and twice."""

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interrupt:
    """While it is entered, a first Ctrl-C is noted, and a second one raises.

    In another thread than the main one, which gets no signals, nothing changes.

    Parameters
    ----------
    requested : bool, default=False
        Whether there was a first one before.

    Attributes
    ----------
    requested : bool
        Whether there was one, now or before.
    """

    def __init__(self, requested: bool = False) -> None:
        self.requested = requested
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

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
