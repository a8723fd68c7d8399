"""Local worker processes behind the interface of `concurrent.futures`.

Every worker is a pool of its own: where one is killed, only its own trial is lost,
and it is clear whose it was. Idle workers stay warm between fits.
"""

import math
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from concurrent.futures import wait as wait_for
from contextlib import suppress
from functools import partial
from typing import Any

from skautonas.exceptions import NoWorkerError, SearchFailedError
from skautonas.search.idle_workers import give_back, lease, most_bytes, rest
from skautonas.search.worker import Worker, end_pool, import_tensorflow

# How long the end of an executor waits for busy workers.
GRACE_SECONDS = 0.2


class LocalExecutor(Executor):
    """Worker processes on this machine, each with one GPU, where there are any.

    Parameters
    ----------
    n_workers : int
        Number of processes.
    n_threads : int, default=1
        TensorFlow's threads in each.
    rests : bool, default=True
        Whether its workers drop what they read of a study when it is shut down.

    Attributes
    ----------
    restarts : int
        How many workers have started anew: what is submitted next may wait for them.
    """

    def __init__(
        self, n_workers: int, n_threads: int = 1, *, rests: bool = True
    ) -> None:
        self.n_workers = n_workers
        self.n_threads = n_threads
        self._rests = rests
        self.restarts = 0
        self._free = [lease(n_threads) for _ in range(n_workers)]
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

    def keep_one_ready(self) -> None:
        """Have a worker start, where none is free and warm: if need be, another one."""
        with self._lock:
            if self._closed or any(not worker.was_replaced for worker in self._free):
                return
            worker = self._free.pop() if self._free else lease(self.n_threads)
            self._free.append(worker)
            with suppress(NoWorkerError):  # what runs may still end by itself
                worker.warm_up()

    def kill(self, future: Future) -> None:
        """End the worker that is busy with a task; the next task starts another.

        The task's future fails.
        """
        ended = self._end(future)
        with self._lock:
            self.restarts += ended

    def _end(self, future: Future) -> bool:
        """End the worker that is busy with a task; tell whether that was needed."""
        with self._lock:
            busy = self._busy.get(future)
            if busy is None:
                return False
            worker, task = busy
            # A task that no process has begun yet needs no kill.
            if task.cancel() or task.done():
                return False
            pool = worker.replace()
        # Waits until the process is gone, and with it what it was writing.
        end_pool(pool, wait=True)
        return True

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
        try:
            # One that is about to be done, as a warm worker's start is, needs no kill.
            wait_for(busy, GRACE_SECONDS)
            for outer in busy:
                self._end(outer)
        finally:
            self._give_all_back()

    def _give_all_back(self) -> None:
        with self._lock:
            free, busy = self._free, [worker for worker, _ in self._busy.values()]
            self._free, self._busy = [], {}
        for worker in busy:  # after another Ctrl-C
            worker.end()
        for worker in [*free, *busy]:
            if self._rests:
                rest(worker)
            give_back(worker)

    def _start_waiting(self) -> None:
        while self._waiting and self._free:
            outer, task = self._waiting.popleft()
            if not outer.set_running_or_notify_cancel():
                continue
            worker = self._free.pop()
            try:
                inner = worker.submit(task)
            except BaseException as error:
                worker.end()
                self._free.insert(0, worker)
                outer.set_exception(error)
                if not isinstance(error, NoWorkerError):
                    raise
                continue
            self._busy[outer] = (worker, inner)
            inner.add_done_callback(partial(self._finish, outer))

    def _renew(self, worker: Worker) -> None:
        """Start a worker anew; where that fails, it goes on as it is."""
        with suppress(NoWorkerError):
            worker.renew()
            self.restarts += 1

    def _finish(self, outer: Future, inner: Future) -> None:
        error = CancelledError() if inner.cancelled() else inner.exception()
        result, own_bytes = (None, 0) if error else inner.result()
        if error is not None and not isinstance(error, Exception):
            # As of sys.exit() in a user's code: it would end this process.
            error = RuntimeError(f"{type(error).__name__}: {error}")
        with self._lock:
            worker, _ = self._busy.pop(outer, (None, None))
            if worker is not None:
                if own_bytes > most_bytes():
                    self._renew(worker)
                died = isinstance(error, BrokenExecutor)
                self.restarts += died
                # A worker that died starts again when it is next used: warm ones
                # come first.
                is_warm = not (died or worker.was_replaced)
                self._free.insert(len(self._free) if is_warm else 0, worker)
                self._start_waiting()
        if error is not None:
            outer.set_exception(_told(error))
        else:
            outer.set_result(result)


def _told(error: Exception) -> Exception:
    """Return the error of a task: that it could not be read is no death of a worker."""
    if isinstance(error, BrokenExecutor) and "un-serialize" in str(error):
        reason = str(error.__cause__).strip().strip('"').strip().rpartition("\n")[2]
        return pickle.UnpicklingError(
            "Expected what a worker process can import and unpickle; it cannot "
            f"({reason}). Define classes and objects in a module, or make them in "
            "build(hp)."
        )
    return error


def result_within(
    executor: LocalExecutor, future: Future, seconds: float, overdue: str
) -> Any:
    """Return what a task returns, or end it when its time is up.

    Parameters
    ----------
    executor : LocalExecutor
        Where the task was submitted.
    future : concurrent.futures.Future
        The task.
    seconds : float
        How long to wait; infinite without a limit.
    overdue : str
        What to say where that was not long enough.

    Raises
    ------
    SearchFailedError
        Where the task did not end in time; its worker was killed.
    """
    done, _ = wait_for([future], None if math.isinf(seconds) else seconds)
    if not done:
        executor.kill(future)
        raise SearchFailedError(overdue)
    return future.result()
