"""The winner, or the members of an ensemble, trained again on all rows."""

import math
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from skautonas.estimation.finish import refit
from skautonas.estimation.task import WRITE_SECONDS, Member, Refit
from skautonas.exceptions import NoTimeError
from skautonas.search.budget import FINISH_SECONDS, MAX_COLD_START, Budget
from skautonas.search.deadlines import OVERRUN_SECONDS
from skautonas.search.executor import LocalExecutor
from skautonas.search.fork_client import ready_server
from skautonas.search.interrupt import Interrupt
from skautonas.search.rules import Rules
from skautonas.search.trial import Trial

# A refit that gets less than this share of the time that it needs, or of its epochs, is
# worth less than the trial it would replace.
MIN_REFIT_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class Refitter:
    """Trains trials again on all rows.

    Parameters
    ----------
    rules : Rules
        How long a refit takes, and how many there are at once.
    executor : LocalExecutor
        Warm workers.
    budget : Budget
        Time that is left.
    folder : Path
        Where files of weights are written.
    interrupt : Interrupt
        Tells whether to leave the refits.
    """

    rules: Rules
    executor: LocalExecutor
    budget: Budget
    folder: Path
    interrupt: Interrupt

    def refit(
        self, trials: Sequence[Trial], members: Sequence[Member]
    ) -> tuple[list[Member], str | None]:
        """Return those members that were trained on all rows, and the first error."""
        refitted: list[Member] = []
        errors: list[str] = []
        if not self._has_time(trials):
            return refitted, None
        at_once = self.rules.refits_at_once
        for first in range(0, len(members), at_once):
            if self.interrupt.requested:
                break
            rounds = math.ceil((len(members) - first) / at_once)
            seconds = (self.budget.left() - FINISH_SECONDS / 2) / rounds
            some = slice(first, first + at_once)
            done, failed = self._refit_at_once(trials[some], members[some], seconds)
            refitted += done
            errors += failed
        return refitted, errors[0] if errors else None

    def _refit_at_once(
        self, trials: Sequence[Trial], members: Sequence[Member], seconds: float
    ) -> tuple[list[Member], list[str]]:
        """Return those that were trained on all rows in so many seconds, and errors."""
        files = [self.folder / f"variables-{uuid.uuid4().hex}.npz" for _ in members]
        jobs = [_refit_job(trial, seconds) for trial in trials]
        refitted: list[Member] = []
        errors: list[str] = []
        with self._workers(len(members)) as executor:
            futures = [
                executor.submit(refit, job, str(file))
                for job, file in zip(jobs, files, strict=True)
            ]
            # A worker may be new, and start while the refit waits.
            longest = seconds + OVERRUN_SECONDS + MAX_COLD_START
            running = self.interrupt.wait(futures, longest)
            for future in running:
                executor.kill(future)
        for member, file, future in zip(members, files, futures, strict=True):
            if future in running:
                if not self.interrupt.requested:
                    errors.append(f"it was ended after {longest:.1f} s")
                continue
            try:
                future.result()
                refitted.append(replace(member, variables=str(file)))
            except NoTimeError:
                continue
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
        return refitted, errors

    @contextmanager
    def _workers(self, n_members: int) -> Iterator[LocalExecutor]:
        """Yield what trains so many models at once, with all threads if it can."""
        n_threads = self.rules.refit_threads // n_members
        if n_threads <= self.executor.n_threads or ready_server() is None:
            yield self.executor
            return
        with LocalExecutor(n_members, n_threads) as executor:
            executor.warm_up()
            yield executor

    def _has_time(self, trials: Sequence[Trial]) -> bool:
        share, relief = self.rules.refit_share, self.rules.relief
        if not share or self.interrupt.requested:
            return False
        n_workers = self.rules.refits_at_once
        at_once = min(len(trials), n_workers)
        # As many refits as there were trials: a core has no fewer to run.
        relief *= (n_workers - at_once) / max(1, n_workers - 1)
        needed = sum(t.refit_seconds(share, relief) for t in trials) / at_once
        left = self.budget.left() - FINISH_SECONDS / 2
        return left >= MIN_REFIT_SHARE * (needed + WRITE_SECONDS)


def _refit_job(trial: Trial, seconds: float) -> Refit:
    """Return the task of a refit in so many seconds."""
    limit = None if math.isinf(seconds) else seconds
    outcome = trial.outcome
    # Where nothing else ends it, it takes no longer than what was timed.
    longer = 1.0 if limit is None else trial.shortened
    return Refit(
        replace(trial.task, seconds=limit, asked_at=time.monotonic()),
        planned_epochs=outcome.planned_epochs * longer,
        best_epoch=outcome.best_epoch * longer,
        least_epochs=MIN_REFIT_SHARE * outcome.best_epoch,
    )
