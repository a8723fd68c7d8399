"""The attempts at trials that run: how long they may, and how they end."""

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, replace

from skautonas.estimation.task import TrialOutcome, TrialTask
from skautonas.exceptions import NoWorkerError
from skautonas.search.budget import MAX_COLD_START, Budget
from skautonas.search.deadlines import OVERRUN_SECONDS, Deadlines
from skautonas.search.proposal import Proposal
from skautonas.search.trial import outcome_of

# How often the loop looks whether it was interrupted, and whether trials are late.
POLL_SECONDS = 0.2
# A trial that is so late seems not to stop by itself.
READY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at a trial.

    Parameters
    ----------
    proposal : Proposal
        What to try.
    task : TrialTask
        What a worker gets.
    latest : float
        It is killed when so many seconds of the fit have elapsed.
    began : float
        Seconds that had elapsed when it began.
    """

    proposal: Proposal
    task: TrialTask
    latest: float = math.inf
    began: float = 0.0


class Attempts:
    """Submits attempts, waits for them, and ends those that are late.

    Parameters
    ----------
    executor : concurrent.futures.Executor
        Where it has a method ``kill(future)``, trials that do not stop in time are
        ended, and where it has ``keep_one_ready()``, a worker is there when all are;
        where it counts the ``restarts`` of its workers, as many trials may take longer.
    evaluate : callable
        ``evaluate(task)`` returns the outcome; runs in a worker.
    budget : Budget
        Time of the fit.
    deadlines : Deadlines
        Until when each may run.
    answer_seconds : float
        How much longer an outcome may be on its way, from another machine.
    """

    def __init__(
        self,
        executor: Executor,
        evaluate: Callable[[TrialTask], TrialOutcome],
        budget: Budget,
        deadlines: Deadlines,
        answer_seconds: float,
    ) -> None:
        self._executor = executor
        self._evaluate = evaluate
        self._budget = budget
        self._deadlines = deadlines
        self._answer_seconds = answer_seconds
        self._running: dict[Future, Attempt] = {}
        self._killed: set[Future] = set()
        # Restarts of workers that a trial had time for.
        self._restarts = 0

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[Attempt]:
        return iter(self._running.values())

    def waits_for_worker(self) -> bool:
        """Tell whether the next one may have to wait for a worker that starts."""
        return self._restarts < getattr(self._executor, "restarts", 0)

    def begin(self, proposal: Proposal, task: TrialTask, is_first: bool) -> Attempt:
        """Return an attempt, with the time that it may take from now on.

        Parameters
        ----------
        proposal : Proposal
            What to try.
        task : TrialTask
            Without its time.
        is_first : bool
            Whether no trial was tried before.

        Returns
        -------
        Attempt
            To be submitted at once.
        """
        seconds = self._deadlines.seconds(is_first)
        latest = self._deadlines.latest(seconds) + self._answer_seconds
        if self.waits_for_worker():
            # It must not be killed for it.
            latest += MAX_COLD_START
            self._restarts += 1
        task = replace(
            task,
            seconds=seconds,
            least_share=self._deadlines.least_share(),
            killed_after=self._deadlines.killed_after(seconds),
            asked_at=time.monotonic(),
        )
        return Attempt(proposal, task, latest, self._budget.elapsed())

    def submit(self, attempt: Attempt) -> None:
        """Have a worker evaluate it."""
        future = self._executor.submit(self._evaluate, attempt.task)
        self._running[future] = attempt

    def ended(self) -> Iterator[tuple[Attempt, TrialOutcome | NoWorkerError]]:
        """Wait a little, and go through those that have ended, each with its outcome.

        The error is of one that has not begun, as there was no worker.
        """
        done, _ = wait(self._running, POLL_SECONDS, FIRST_COMPLETED)
        for future in done:
            attempt = self._running.pop(future)
            attempt.task.built.unlink(missing_ok=True)
            error = future.exception()
            if isinstance(error, NoWorkerError):
                yield attempt, error
                continue
            seconds = self._budget.elapsed() - attempt.began
            yield attempt, outcome_of(future, future in self._killed, seconds)

    def kill_late(self) -> None:
        """End those that did not stop by themselves when their time was up.

        Where none seems to, another worker starts before they are ended.
        """
        running = {f: a for f, a in self._running.items() if f not in self._killed}
        if hasattr(self._executor, "keep_one_ready"):
            doubtful = [self._is_doubtful(attempt) for attempt in running.values()]
            if doubtful and all(doubtful):
                self._executor.keep_one_ready()
        is_late = self._deadlines.is_late
        self._kill([future for future, a in running.items() if is_late(a.latest)])

    def kill_all(self) -> None:
        """End all of them."""
        self._kill(list(self._running))

    def _kill(self, futures: list[Future]) -> None:
        """End the workers of some, where the executor can."""
        kill = getattr(self._executor, "kill", None)
        if kill is None:
            return
        for future in futures:
            self._killed.add(future)
            kill(future)

    def _is_doubtful(self, attempt: Attempt) -> bool:
        """Tell whether one seems not to stop by itself when its time is up.

        Either it is late; or its model is not built yet, which took others less time,
        though a worker that starts now would be there hardly before it is ended.
        """
        is_late = self._deadlines.is_late
        if is_late(attempt.latest - OVERRUN_SECONDS + READY_SECONDS):
            return True
        return (
            is_late(attempt.latest - OVERRUN_SECONDS - MAX_COLD_START)
            and self._deadlines.is_slow_to_start(attempt.began)
            and not attempt.task.built.exists()
        )
