"""One worker: a process of its own, that evaluates one task at a time."""

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from skautonas._compat import lift_worker_memory_limit, loky
from skautonas._tensorflow import start_tensorflow

# An idle worker ends after this many seconds.
IDLE_SECONDS = 300
# How often a worker looks whether its parent is still there.
WATCH_SECONDS = 0.5


class Worker:
    """One process that evaluates one task at a time.

    Its TensorFlow has one thread, fixed when it is imported.
    """

    def __init__(self) -> None:
        self._pool = self._start()
        self._began = False

    def submit(self, function: Callable) -> Future:
        """Run a function in the process."""
        self._began = True
        try:
            return self._pool.submit(function)
        except (loky.process_executor.BrokenProcessPool, RuntimeError):
            self._pool = self._start()
            return self._pool.submit(function)

    def replace(self) -> loky.ProcessPoolExecutor:
        """Return the pool of the process, to be ended; the next task starts another."""
        pool, self._pool = self._pool, self._start()
        self._began = False
        return pool

    def warm_up(self) -> Future:
        """Have the process import TensorFlow; the future holds the seconds it took."""
        return self.submit(partial(import_tensorflow, time.monotonic()))

    def rest(self) -> None:
        """Drop the data of the last search, where the process has any."""
        if self._began:
            self.submit(forget_data)

    def _start(self) -> loky.ProcessPoolExecutor:
        return loky.ProcessPoolExecutor(
            max_workers=1,
            timeout=IDLE_SECONDS,
            initializer=prepare_worker,
            initargs=(os.getpid(),),
            env={
                "TF_NUM_INTRAOP_THREADS": "1",
                "TF_NUM_INTEROP_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "KERAS_BACKEND": "tensorflow",
            },
        )


def prepare_worker(parent: int) -> None:
    """Make this process a worker: deaf to Ctrl-C, gone when its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lift_worker_memory_limit()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def import_tensorflow(asked_at: float) -> float:
    """Import what a trial needs, and run the first operation.

    Parameters
    ----------
    asked_at : float
        ``time.monotonic()``, one clock for all processes of a machine.

    Returns
    -------
    float
        Seconds since then.
    """
    is_cold = "tensorflow" not in sys.modules
    start_tensorflow()
    import skautonas.estimation.evaluate
    import skautonas.estimation.finish  # noqa: F401

    if is_cold:
        # A trial ends with a collection of garbage. It took 0.2 s where it went through
        # all that these imports made.
        gc.freeze()
    return time.monotonic() - asked_at


def forget_data() -> None:
    """Free what this process read of a study."""
    study = sys.modules.get("skautonas.estimation.study")
    if study is not None:
        study.forget_study()
