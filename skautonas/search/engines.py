"""Where trials run besides worker processes of this machine: pools, Dask, Ray."""

import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import Any, Protocol

from joblib import effective_n_jobs

from skautonas._compat import client_of, get_active_backend, pool_size
from skautonas.search.host import Package, forget_study_files, stop_trial

# What a client of Dask raises whose scheduler is gone.
LOST = (OSError, RuntimeError, TimeoutError)


class Engine(Protocol):
    """Runs functions somewhere, as `concurrent.futures` does.

    Attributes
    ----------
    n_workers : int or None
        How many it runs at once; None where it does not say.
    """

    n_workers: int | None

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Run a function on a free worker."""

    def send(self, package: Package) -> Any:
        """Bring files to all workers; return what stands for them in a task.

        None is returned where the workers read the files of this machine.
        """

    def stop(self, key: str, future: Future) -> None:
        """End a trial, as far as the engine can."""

    def close(self, key: str) -> None:
        """Free what a study holds there."""


class PoolEngine:
    """Any `concurrent.futures.Executor` whose workers see this machine's files."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.n_workers = pool_size(executor)

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Run a function in the pool."""
        return self.executor.submit(function, *arguments)

    def send(self, package: Package) -> None:
        """Do nothing: the files are where the workers look for them."""

    def stop(self, key: str, future: Future) -> None:
        """End a trial of a pool of threads; that of a process ends by itself."""
        stop_trial(key)

    def close(self, key: str) -> None:
        """Have workers of this process forget the rows; others forget them idle."""
        forget_study_files(key)


class DaskEngine:
    """The workers of a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        # Otherwise a trial that is tried again gets the earlier answer.
        self.executor = client.get_executor(pure=False)
        # A cluster that adapts may have none yet.
        self.n_workers = sum(client.ncores().values()) or None
        self._sent: Any = None

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Run a function on a worker."""
        return self.executor.submit(function, *arguments)

    def send(self, package: Package) -> Any:
        """Scatter files to all workers; again where the workers that had them died."""
        if self._sent is None or self._sent.status != "finished":
            (self._sent,) = self.client.scatter([package], broadcast=True, hash=False)
        return self._sent

    def stop(self, key: str, future: Future) -> None:
        """End a trial on whichever worker has it."""
        # A cluster that was lost runs nothing.
        with suppress(*LOST):
            self.client.run(stop_trial, key, on_error="ignore")

    def close(self, key: str) -> None:
        """Delete the files on the workers."""
        self._sent = None
        # What a cluster held that is lost meanwhile is lost with it.
        with suppress(*LOST):
            self.client.run(forget_study_files, key, on_error="ignore")


class RayEngine:
    """The Ray cluster that this process is connected to."""

    def __init__(self) -> None:
        import ray

        self.n_workers = int(ray.cluster_resources().get("CPU", 0)) or None
        self._remote: dict[Callable, Any] = {}
        self._references: dict[Future, Any] = {}
        self._sent: Any = None

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Run a function on one CPU of the cluster."""
        import ray

        if function not in self._remote:
            self._remote[function] = ray.remote(num_cpus=1)(function)
        reference = self._remote[function].remote(*arguments)
        future = reference.future()
        self._references[future] = reference
        future.add_done_callback(self._references.pop)
        return future

    def send(self, package: Package) -> Any:
        """Put files into the object store, once a machine."""
        import ray

        if self._sent is None:
            self._sent = ray.put(package)
        return self._sent

    def stop(self, key: str, future: Future) -> None:
        """End the process that has a trial."""
        import ray

        reference = self._references.get(future)
        if reference is not None:
            ray.cancel(reference, force=True)

    def close(self, key: str) -> None:
        """Free the object store; processes that end delete their files."""
        self._sent = None


def find_engine(
    executor: Executor | None, n_jobs: int | None
) -> tuple[Engine | None, int]:
    """Return where trials run, and how many at once.

    Parameters
    ----------
    executor : Executor or None
        The user's; None looks for the active backend of joblib.
    n_jobs : int or None
        Counted as in joblib; None is all workers of an engine.

    Returns
    -------
    engine : Engine or None
        None stands for worker processes of this machine.
    n_trials : int
        Trials at once.
    """
    engine: Engine
    if executor is not None:
        client = client_of(executor)
        engine = PoolEngine(executor) if client is None else DaskEngine(client)
        return engine, _count(n_jobs, engine.n_workers)
    backend, default = get_active_backend()
    if backend.nesting_level or _in_dask_task():
        return None, 1  # the cores are shared out already
    n_jobs = default if n_jobs is None else n_jobs
    name = type(backend).__name__
    if name == "DaskDistributedBackend":
        engine = DaskEngine(backend.client)
    elif name == "RayBackend":
        engine = RayEngine()
    else:
        return None, effective_n_jobs(n_jobs)
    return engine, _count(n_jobs, engine.n_workers)


def _count(n_jobs: int | None, available: int | None) -> int:
    if available is None:
        if n_jobs is not None and n_jobs < 0:
            raise ValueError(
                "Expected a positive n_jobs, as the executor does not say how many "
                f"workers it has; received {n_jobs}. Pass their number."
            )
        return n_jobs or 1
    if n_jobs is None:
        return available
    return min(n_jobs, available) if n_jobs > 0 else max(1, available + 1 + n_jobs)


def _in_dask_task() -> bool:
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return False
    try:
        distributed.get_worker()
    except ValueError:
        return False
    return True
