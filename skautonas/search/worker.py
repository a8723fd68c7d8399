"""One worker: a process of its own, that evaluates one task at a time."""

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any

from skautonas._compat import children_allowed, lift_worker_memory_limit, loky
from skautonas._files import temporary_folder
from skautonas._tensorflow import start_tensorflow
from skautonas.exceptions import NoWorkerError
from skautonas.search import fork_server
from skautonas.search.devices import Device
from skautonas.search.fork_client import when_ready
from skautonas.search.forked_process import ForkingContext
from skautonas.search.memory import own_bytes
from skautonas.search.preload import preload

if TYPE_CHECKING:
    from skautonas.estimation.task import TrialOutcome, TrialTask

# An idle worker ends after this many seconds.
IDLE_SECONDS = 300


class Worker:
    """One process that evaluates one task at a time.

    Parameters
    ----------
    n_threads : int, default=1
        Threads of its TensorFlow, fixed at its first operation.
    device : str or None, default=None
        The only GPU that it sees; None leaves it those that this process sees.

    Attributes
    ----------
    was_replaced : bool
        Whether its process was ended, and the next task starts another.
    """

    def __init__(self, n_threads: int = 1, device: Device = None) -> None:
        self.n_threads = n_threads
        self.device = device
        self._environment = environment(n_threads, device)
        self._pool: loky.ProcessPoolExecutor | None = None
        self._began = False
        self.was_replaced = False
        self._n_replaced = 0
        # A task may be submitted by the thread that waited for the server.
        self._lock = threading.RLock()

    def submit(self, function: Callable) -> Future:
        """Run a function in the process.

        The future holds what it returns, and the bytes that the process holds then.

        Raises
        ------
        NoWorkerError
            Where no process could be started. The future holds it where that waits for
            the server.
        """
        if self.was_replaced:
            # Not before: at the end of a search, others need the cores.
            self.warm_up()
        self._began = True
        task = partial(measured, function)
        return when_ready(partial(self._submit, task, self._n_replaced))

    def _submit(self, function: Callable, n_replaced: int) -> Future:
        with self._lock:
            if n_replaced != self._n_replaced:  # the process was ended meanwhile
                raise CancelledError
            try:
                with children_allowed():
                    return self._submit_now(function)
            except Exception as error:
                # The task may be queued there already, and must not run later.
                end_pool(self._drop(), wait=False)
                raise NoWorkerError(
                    "Expected another worker process; none could be started "
                    f"({type(error).__name__}: {error})."
                ) from error

    def _submit_now(self, function: Callable) -> Future:
        if self._pool is not None:
            with suppress(RuntimeError):  # it is broken, or ends
                return self._pool.submit(function)
        self._pool = self._start()
        return self._pool.submit(function)

    def replace(self) -> loky.ProcessPoolExecutor | None:
        """Return the pool of the process, to be ended; the next task starts another.

        That one is warmed up before it begins with the task.
        """
        with self._lock:
            self._n_replaced += 1
            return self._drop()

    def _drop(self) -> loky.ProcessPoolExecutor | None:
        pool, self._pool = self._pool, None
        self._began, self.was_replaced = False, True
        return pool

    def end(self) -> None:
        """End the process, and do not wait until it is gone."""
        end_pool(self.replace(), wait=False)

    def renew(self) -> None:
        """Start another process in place of one that has grown, and warm it up."""
        self.end()
        self.warm_up()

    def warm_up(self) -> Future:
        """Have the process import TensorFlow, and tell the seconds it took."""
        self.was_replaced = False
        return self.submit(partial(import_tensorflow, time.monotonic()))

    def rest(self) -> None:
        """Drop the data of the last search, where the process has any."""
        if self._began:
            self.submit(forget_data)
            self._began = False

    def _start(self) -> loky.ProcessPoolExecutor:
        return loky.ProcessPoolExecutor(
            max_workers=1,
            context=ForkingContext(),
            timeout=IDLE_SECONDS,
            initializer=prepare_worker,
            initargs=(os.getpid(),),
            env=self._environment,
        )


def end_pool(pool: loky.ProcessPoolExecutor | None, wait: bool) -> None:
    """End the process of a pool, if there is one, and perhaps wait until it is gone."""
    if pool is not None:
        pool.shutdown(wait=wait, kill_workers=True)


def environment(n_threads: int, device: Device) -> dict[str, str]:
    """Return the environment in which a worker starts."""
    variables = {
        "TF_NUM_INTRAOP_THREADS": str(n_threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": str(n_threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "KERAS_BACKEND": "tensorflow",
        # Several processes may share a GPU.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    if device is not None:
        variables["CUDA_VISIBLE_DEVICES"] = device
    return variables


def prepare_worker(parent: int) -> None:
    """Make this process a worker: deaf to Ctrl-C, gone when its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lift_worker_memory_limit()
    with suppress(OSError):  # as where the disk is full
        _have_own_folder()
    # One that was forked watches the server already, which ends with the parent.
    if fork_server.forked_by is None:
        fork_server.end_with_parent(parent)


def _have_own_folder() -> None:
    """Have this process put temporary files into a folder that goes with it.

    AutoGraph writes some, and deletes them at an end that a killed worker never has.
    """
    stack = ExitStack()
    tempfile.tempdir = str(stack.enter_context(temporary_folder()))
    Finalize(None, stack.close, exitpriority=1)


def measured(function: Callable) -> tuple[Any, int]:
    """Return what a function returns, and the bytes that this process holds then."""
    return function(), own_bytes()


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
    if "tensorflow" not in sys.modules:
        preload()
    start_tensorflow()
    return time.monotonic() - asked_at


def evaluate_task(task: "TrialTask") -> "TrialOutcome":
    """Train and score one configuration; only this import needs TensorFlow."""
    from skautonas.estimation.evaluate import evaluate

    return evaluate(task)


def forget_data() -> None:
    """Free what this process read of a study, and the models that it keeps."""
    study = sys.modules.get("skautonas.estimation.study")
    if study is not None:
        study.forget_study()
    compiled = sys.modules.get("skautonas.estimation.compiled")
    if compiled is not None:
        compiled.forget_compiled()
