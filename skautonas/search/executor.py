"""Local worker processes behind the interface of `concurrent.futures`.

Every worker is a pool of its own: where one is killed, only its own trial is lost,
and it is clear whose it was. Idle workers stay warm between fits.
"""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

from joblib.externals import loky

from skautonas import _compat

# An idle worker ends after this many seconds.
IDLE_SECONDS = 300
# How often a worker looks whether its parent is still there.
WATCH_SECONDS = 0.5

_idle: dict[int, list["Worker"]] = {}
_idle_lock = threading.Lock()


class Worker:
    """One process that evaluates one task at a time.

    Parameters
    ----------
    n_threads : int
        Threads of its TensorFlow, fixed when it is imported.
    """

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self.used_at = 0.0
        self._pool = self._start()

    @property
    def warm(self) -> bool:
        """Whether TensorFlow is imported, and the process not about to end."""
        return self.used_at > 0 and time.monotonic() - self.used_at < IDLE_SECONDS - 30

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Run a function in the process."""
        try:
            return self._pool.submit(function, *arguments)
        except (loky.process_executor.BrokenProcessPool, RuntimeError):
            self._pool = self._start()
            return self._pool.submit(function, *arguments)

    def kill(self) -> None:
        """End the process now; the next task starts a new one."""
        self.used_at = 0.0
        self._pool.shutdown(wait=False, kill_workers=True)
        self._pool = self._start()

    def _start(self) -> loky.ProcessPoolExecutor:
        threads = str(self.n_threads)
        return loky.ProcessPoolExecutor(
            max_workers=1,
            timeout=IDLE_SECONDS,
            initializer=prepare_worker,
            env={
                "TF_NUM_INTRAOP_THREADS": threads,
                "TF_NUM_INTEROP_THREADS": "1",
                "OMP_NUM_THREADS": threads,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "KERAS_BACKEND": "tensorflow",
            },
        )


class LocalExecutor(Executor):
    """Worker processes on this machine, each with one TensorFlow thread.

    Parameters
    ----------
    n_workers : int
        Number of processes.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._free = [_lease(1) for _ in range(n_workers)]
        self._busy: dict[Future, Worker] = {}
        self._waiting: deque[tuple[Future, Callable, tuple]] = deque()
        self._lock = threading.RLock()

    @property
    def warm(self) -> bool:
        """Whether all workers are ready to train at once."""
        return all(worker.warm for worker in self._free)

    def warm_up(self) -> list[Future]:
        """Have every worker import TensorFlow."""
        return [self.submit(import_tensorflow) for _ in range(self.n_workers)]

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Run a function in the next free worker."""
        outer: Future = Future()
        with self._lock:
            self._waiting.append((outer, fn, args))
            self._start_waiting()
        return outer

    def kill_running(self) -> None:
        """End the workers that are busy; their futures fail."""
        with self._lock:
            self._waiting.clear()
            for worker in list(self._busy.values()):
                worker.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Give the workers back, warm, for the next fit; end the busy ones."""
        self.kill_running()
        with self._lock:
            workers = [*self._free, *self._busy.values()]
            self._free, self._busy = [], {}
        for worker in workers:
            _give_back(worker)

    def _start_waiting(self) -> None:
        while self._waiting and self._free:
            outer, function, arguments = self._waiting.popleft()
            worker = self._free.pop()
            self._busy[outer] = worker
            inner = worker.submit(function, *arguments)
            inner.add_done_callback(partial(self._finish, outer))

    def _finish(self, outer: Future, inner: Future) -> None:
        with self._lock:
            worker = self._busy.pop(outer, None)
            if worker is not None:
                worker.used_at = 0.0 if inner.exception() else time.monotonic()
                self._free.append(worker)
                self._start_waiting()
        error = inner.exception()
        if error is not None:
            outer.set_exception(error)
        else:
            outer.set_result(inner.result())


def _lease(n_threads: int) -> Worker:
    with _idle_lock:
        idle = _idle.setdefault(n_threads, [])
        return idle.pop() if idle else Worker(n_threads)


def _give_back(worker: Worker) -> None:
    with _idle_lock:
        _idle.setdefault(worker.n_threads, []).append(worker)


def prepare_worker() -> None:
    """Make this process a worker: deaf to Ctrl-C, gone when its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _compat.lift_worker_memory_limit()
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def import_tensorflow() -> None:
    """Import what a trial needs, and run the first operation."""
    import keras

    keras.ops.ones(1)
    import skautonas.estimation.evaluate  # noqa: F401
