"""Local worker processes behind the interface of `concurrent.futures`.

Every worker is a pool of its own: where one is killed, only its own trial is lost,
and it is clear whose it was. Idle workers stay warm between fits.
"""

import gc
import math
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures import wait as wait_for
from functools import partial
from typing import Any

from joblib import effective_n_jobs
from joblib.parallel import get_active_backend

from skautonas._compat import lift_worker_memory_limit, loky
from skautonas._tensorflow import start_tensorflow
from skautonas.exceptions import OverdueError

# An idle worker ends after this many seconds.
IDLE_SECONDS = 300
# How long the end of an executor waits for busy workers.
GRACE_SECONDS = 0.2
# How often a worker looks whether its parent is still there.
WATCH_SECONDS = 0.5

_idle: list["Worker"] = []
_idle_lock = threading.Lock()


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


class LocalExecutor(Executor):
    """Worker processes on this machine, each with one TensorFlow thread.

    Parameters
    ----------
    n_workers : int
        Number of processes.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._free = [_lease() for _ in range(n_workers)]
        self._busy: dict[Future, tuple[Worker, Future]] = {}
        self._waiting: deque[tuple[Future, Callable]] = deque()
        self._lock = threading.RLock()
        self._closed = False

    def warm_up(self) -> list[Future]:
        """Have every worker import TensorFlow; return the seconds each one takes."""
        now = time.monotonic()
        return [self.submit(import_tensorflow, now) for _ in range(self.n_workers)]

    def submit(self, fn: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """Run a function in the next free worker.

        Raises
        ------
        RuntimeError
            After `shutdown`.
        """
        outer: Future = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("Expected an executor that was not shut down.")
            self._waiting.append((outer, partial(fn, *args, **kwargs)))
            self._start_waiting()
        return outer

    def kill(self, future: Future) -> None:
        """End the worker that is busy with a task, and warm up a new one in its place.

        The task's future fails.
        """
        worker = self._end(future)
        if worker is not None:
            worker.warm_up()

    def _end(self, future: Future) -> Worker | None:
        """End the worker that is busy with a task; return it if that was needed."""
        with self._lock:
            busy = self._busy.get(future)
            if busy is None:
                return None
            worker, task = busy
            # A task that no process has begun yet needs no kill.
            if task.cancel() or task.done():
                return None
            pool = worker.replace()
        # Waits until the process is gone, and with it what it was writing.
        pool.shutdown(wait=True, kill_workers=True)
        return worker

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Give the workers back, warm, for the next fit; end the busy ones.

        Tasks that wait or run are cancelled in any case.
        """
        with self._lock:
            self._closed = True
            waiting, busy = list(self._waiting), list(self._busy)
            self._waiting.clear()
        for outer, _ in waiting:
            if outer.set_running_or_notify_cancel():
                outer.set_exception(CancelledError())
        # One that is about to be done, as the start of a warm worker is, needs no kill.
        wait_for(busy, GRACE_SECONDS)
        for outer in busy:
            self._end(outer)
        with self._lock:
            workers = [*self._free, *(worker for worker, _ in self._busy.values())]
            self._free, self._busy = [], {}
        for worker in workers:
            worker.rest()
            _give_back(worker)

    def _start_waiting(self) -> None:
        while self._waiting and self._free:
            outer, task = self._waiting.popleft()
            if not outer.set_running_or_notify_cancel():
                continue
            worker = self._free.pop()
            inner = worker.submit(task)
            self._busy[outer] = (worker, inner)
            inner.add_done_callback(partial(self._finish, outer))

    def _finish(self, outer: Future, inner: Future) -> None:
        error = CancelledError() if inner.cancelled() else inner.exception()
        with self._lock:
            worker, _ = self._busy.pop(outer, (None, None))
            if worker is not None:
                # A worker that died starts again when it is next used: warm ones
                # come first.
                self._free.insert(0 if error else len(self._free), worker)
                self._start_waiting()
        if error is not None:
            outer.set_exception(error)
        else:
            outer.set_result(inner.result())


def count_workers(n_jobs: int | None) -> int:
    """Return how many workers ``n_jobs`` stands for.

    Inside a parallel call of joblib, as in ``GridSearchCV(n_jobs=2)``, it is one: the
    cores are shared out already.
    """
    backend, _ = get_active_backend()
    return 1 if backend.nesting_level else effective_n_jobs(n_jobs)


def _lease() -> Worker:
    with _idle_lock:
        return _idle.pop() if _idle else Worker()


def _give_back(worker: Worker) -> None:
    with _idle_lock:
        _idle.append(worker)


def result_within(executor: LocalExecutor, future: Future, seconds: float) -> Any:
    """Return what a task returns, or end it when its time is up.

    Parameters
    ----------
    executor : LocalExecutor
        Where the task was submitted.
    future : concurrent.futures.Future
        The task.
    seconds : float
        How long to wait; infinite without a limit.

    Raises
    ------
    OverdueError
        Where the task did not end in time; its worker was killed.
    """
    done, _ = wait_for([future], None if math.isinf(seconds) else seconds)
    if not done:
        executor.kill(future)
        raise OverdueError(f"It was not done after {seconds:.1f} s, and was ended.")
    return future.result()


def _forget_workers() -> None:
    """Leave the workers to the parent: a forked child has none of their threads."""
    global _idle_lock
    _idle_lock = threading.Lock()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)


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
