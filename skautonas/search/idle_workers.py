"""The workers of this process: leased to executors, and idle and warm between fits."""

import os
import threading
from contextlib import suppress
from functools import lru_cache
from multiprocessing.util import Finalize

from skautonas._files import remove_orphans
from skautonas.exceptions import NoWorkerError
from skautonas.search.devices import visible_devices
from skautonas.search.fork_client import close_server
from skautonas.search.memory import machine_bytes
from skautonas.search.worker import Worker, end_pool

# A worker that holds more than this share of its part of the machine's memory, after a
# task, starts anew.
WORKER_SHARE = 0.5
# But not below so much: with TensorFlow alone, a worker holds 0.4 GB.
LEAST_BYTES = 1_000_000_000

_idle: list[Worker] = []
_leased: list[Worker] = []
_lock = threading.Lock()


def lease(n_threads: int) -> Worker:
    """Return an idle worker, or a new one, on the GPU that the fewest others use."""
    _end_with_this_process()
    with _lock:
        devices: tuple = visible_devices() or (None,)
        in_use = [worker.device for worker in _leased]
        device = min(devices, key=in_use.count)
        wanted = (n_threads, device)
        # Those that were given back last are the warmest.
        fitting = (w for w in reversed(_idle) if (w.n_threads, w.device) == wanted)
        worker = next(fitting, None)
        if worker is None:
            worker = Worker(n_threads, device)
        else:
            _idle.remove(worker)
        _leased.append(worker)
        return worker


def give_back(worker: Worker) -> None:
    """Have a worker idle until it is leased again."""
    with _lock:
        _leased.remove(worker)
        _idle.append(worker)


def most_bytes() -> float:
    """Return what a worker may hold: all that are in use here share the machine."""
    return max(WORKER_SHARE * machine_bytes() / max(len(_leased), 1), LEAST_BYTES)


def rest(worker: Worker) -> None:
    """Have a worker drop what it read; one that cannot start again holds nothing."""
    with suppress(NoWorkerError):
        worker.rest()


def rest_idle_workers() -> None:
    """Have idle workers drop what they read of studies."""
    with _lock:
        for worker in _idle:
            rest(worker)


@lru_cache(maxsize=1)
def _end_with_this_process() -> None:
    """End idle workers when this process ends.

    One that multiprocessing started joins its children, and would wait for them to
    time out.
    """
    Finalize(None, _end_idle_workers, exitpriority=100)


def _end_idle_workers() -> None:
    # First, so that nothing that waits for it starts another worker.
    close_server()
    while _idle:
        end_pool(_idle.pop().replace(), wait=True)
    remove_orphans()  # theirs


def _forget_workers() -> None:
    """Leave the workers to the parent: a forked child has none of their threads."""
    global _lock
    _lock = threading.Lock()
    _idle.clear()
    _leased.clear()
    _end_with_this_process.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)
