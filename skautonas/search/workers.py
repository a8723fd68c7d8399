"""The processes of a fit: those of this machine, and those that run its trials."""

import uuid
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from joblib import cpu_count

from skautonas.exceptions import SearchFailedError
from skautonas.search.budget import MAX_COLD_START, NEEDED_SECONDS, Budget
from skautonas.search.devices import visible_devices
from skautonas.search.engines import Engine, find_engine
from skautonas.search.executor import LocalExecutor
from skautonas.search.host import pack, warm_up_host
from skautonas.search.remote import RemoteExecutor

if TYPE_CHECKING:
    from skautonas.estimation.study import Study

# Without a time budget, it may take so long until all workers are there.
JOIN_SECONDS = 300.0


class Workers:
    """The processes of one fit.

    Parameters
    ----------
    local : LocalExecutor
        Encode the rows, refit the winner, and run trials where there is no engine.
    engine : Engine or None
        Runs the trials elsewhere.
    n_trials : int
        How many trials run at once.
    n_threads : int
        Threads on this machine, of all models that are trained at once.
    """

    def __init__(
        self,
        local: LocalExecutor,
        engine: Engine | None,
        n_trials: int,
        n_threads: int,
    ) -> None:
        self.local = local
        self.engine = engine
        self.n_trials = n_trials
        self.n_threads = n_threads
        self._ready: list[Future] = []
        self._joined: list[Future] = []

    def warm_up(self) -> None:
        """Have every worker import TensorFlow."""
        self._ready = self.local.warm_up()
        if self.engine is not None:
            hosts = range(self.n_trials)
            self._joined = [self.engine.submit(warm_up_host) for _ in hosts]

    def cold_start(self, budget: Budget) -> float:
        """Wait until workers are warm; return the most seconds that one needed.

        Raises
        ------
        SearchFailedError
            Where a worker was not there in time, or died.
        """
        seconds = max(budget.left(), NEEDED_SECONDS) if budget.limited else JOIN_SECONDS
        started = [*self._ready, *self._joined]
        _, late = wait_for(started, seconds)
        if late:
            raise SearchFailedError(
                f"{len(late)} of {self.n_trials} workers were not ready after "
                f"{seconds:.0f} s. Wait for them before the fit, or pass a smaller "
                "n_jobs."
            )
        try:
            return max(future.result() for future in started)
        except BrokenExecutor as error:
            raise SearchFailedError(
                "A worker died while it imported TensorFlow, perhaps for want of "
                "memory. Pass a smaller n_jobs."
            ) from error

    @property
    def answer_seconds(self) -> float:
        """Seconds by which a trial may be late for no fault of its own."""
        return 0.0 if self.engine is None else MAX_COLD_START

    @property
    def relief(self) -> float:
        """By how many trials fewer a core of this machine has to run at the end.

        0 where trials wait for a GPU: how long they take tells nothing of cores.
        """
        if self.engine is not None or visible_devices():
            return 0.0
        return (self.n_trials - 1) / cpu_count()

    @contextmanager
    def for_trials(self, study: "Study", study_file: Path) -> Iterator[Executor]:
        """Yield what runs the trials of a study whose rows are encoded."""
        if self.engine is None:
            yield self.local
            return
        package = pack(uuid.uuid4().hex, study_file, study.trial_files())
        with RemoteExecutor(self.engine, package) as executor:
            yield executor


@contextmanager
def open_workers(
    executor: Executor | None,
    n_jobs: int | None,
    max_trials: int | None,
    threads_help: bool,
) -> Iterator[Workers]:
    """Yield the processes of a fit.

    Parameters
    ----------
    executor : Executor or None
        The user's.
    n_jobs : int or None
        How many trials at once, counted as in joblib.
    max_trials : int or None
        There are never more trials at once.
    threads_help : bool
        Whether threads that are left over are given to trials.
    """
    engine, n_jobs = find_engine(executor, n_jobs)
    n_trials = n_jobs if max_trials is None else min(n_jobs, max_trials)
    n_local = n_trials if engine is None else 1
    n_threads = n_jobs if engine is None and threads_help else 1
    with LocalExecutor(n_local, max(1, n_threads // n_local)) as local:
        yield Workers(local, engine, n_trials, n_threads)
