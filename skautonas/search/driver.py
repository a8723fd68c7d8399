"""Ask, submit, tell: the loop that owns the state of a search."""

import math
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from typing import Protocol

from skautonas.estimation.task import TrialOutcome, TrialTask
from skautonas.search.budget import (
    FINISH_SECONDS,
    MAX_COLD_START,
    MIN_TRIAL_SECONDS,
    REFIT_MARGIN,
    Budget,
)
from skautonas.search.proposal import Proposal
from skautonas.search.trial import Trial, outcome_of

# A search without `max_trials` has converged when this many trials in a row, failed
# ones too, did not beat the incumbent: after them the next one has a better score with
# a chance below 4 % where scores are exchangeable.
PATIENCE = 25
# A search in which so many trials failed, and none was finished, will not succeed.
MAX_FAILURES = 25
# Another architecture may take this much longer to start than all before.
STARTUP_MARGIN = 2.0
# A trial that is this late does not stop by itself: a step of it takes too long.
OVERRUN_SECONDS = 1.0
# Without a finished trial to fall back on, it may go on until so long after the budget.
FIRST_OVERRUN_SECONDS = 1.5


class Strategy(Protocol):
    """What the driver needs of a search strategy."""

    exhausted: bool

    def ask(self) -> Proposal | None:
        """Return the next configuration, or None where there is none for now."""

    def tell(self, proposal: Proposal, score: float | None, error: str | None) -> None:
        """Report how a configuration did."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When a search ends, and what it leaves.

    Parameters
    ----------
    max_trials : int or None
        Number of trials.
    refit_share : float
        Rows of the refit per row of a trial; 0 without a refit.
    n_folds : int
        How often a trial trains.
    in_order : bool
        Tell outcomes in the order of their numbers, and ask for trial k only when
        all before k - workers + 1 are told, so that timing decides nothing.
    by_standard_error : bool
        Whether a trial must beat an earlier one by a standard error of the difference
        of their scores on the folds.
    """

    max_trials: int | None
    refit_share: float
    n_folds: int
    in_order: bool
    by_standard_error: bool = False


class Driver:
    """Runs one search.

    Parameters
    ----------
    strategy : Strategy
        Proposes configurations.
    executor : concurrent.futures.Executor
        Evaluates them. Where it has a method ``kill(future)``, trials that do not stop
        in time are ended.
    n_workers : int
        How many at once.
    budget : Budget
        Time of the fit.
    rules : Rules
        When to end.
    make_task : callable
        ``make_task(number, proposal, seconds)`` returns the task of a trial.
    evaluate : callable
        ``evaluate(task)`` returns the outcome; runs in a worker.
    on_trial : callable
        ``on_trial(trial, leads)`` is called with each finished trial, and whether it
        is the new incumbent.
    on_beaten : callable
        ``on_beaten(trial)`` is called with each trial that is not, or is no longer,
        the incumbent. Of several folds, which keep no files, one may come back.
    """

    def __init__(
        self,
        strategy: Strategy,
        executor: Executor,
        *,
        n_workers: int,
        budget: Budget,
        rules: Rules,
        make_task: Callable[[int, Proposal, float | None], TrialTask],
        evaluate: Callable[[TrialTask], TrialOutcome],
        on_trial: Callable[[Trial, bool], None],
        on_beaten: Callable[[Trial], None],
    ) -> None:
        self.strategy = strategy
        self.executor = executor
        self.n_workers = n_workers
        self.budget = budget
        self.rules = rules
        self.make_task = make_task
        self.evaluate = evaluate
        self.on_trial = on_trial
        self.on_beaten = on_beaten
        self.trials: list[Trial] = []
        # The best finished trial of the highest fidelity; the earliest of equals.
        self.incumbent: Trial | None = None
        self.stop_reason = ""
        self._asked = 0
        self._since_best = 0
        self._running: dict[Future, tuple[TrialTask, Proposal, float]] = {}
        self._killed: set[Future] = set()
        # Workers that were lost: as many trials wait for the start of another.
        self._restarts = 0
        self._early: dict[int, tuple[TrialTask, Proposal, TrialOutcome]] = {}

    def run(self) -> list[Trial]:
        """Search until a rule ends it; return the finished trials by number."""
        while True:
            self._submit_proposals()
            if not self._running:
                break
            done, _ = wait(self._running, self._patience(), FIRST_COMPLETED)
            for future in done:
                self._receive(future)
            self._kill_late()
        self.trials.sort(key=lambda trial: trial.number)
        return self.trials

    def _patience(self) -> float | None:
        """Return how long to wait for the first trial that does not stop in time."""
        if not self.budget.limited:
            return None
        first = min(self._latest_end(ends) for _, _, ends in self._running.values())
        return max(0.1, first - self.budget.elapsed())

    def _latest_end(self, ends: float) -> float:
        """Return when a trial is killed that should have ended by itself."""
        latest = ends + OVERRUN_SECONDS
        if self.incumbent is not None:
            return latest
        budget_ends = self.budget.elapsed() + self.budget.left()
        return max(latest, budget_ends + FIRST_OVERRUN_SECONDS)

    def _kill_late(self) -> None:
        """End trials that did not stop by themselves when their time was up."""
        kill = getattr(self.executor, "kill", None)
        if kill is None or not self.budget.limited:
            return
        now = self.budget.elapsed()
        for future, (_, _, ends) in self._running.items():
            if now >= self._latest_end(ends) and future not in self._killed:
                self._killed.add(future)
                kill(future)

    def _submit_proposals(self) -> None:
        while len(self._running) < self.n_workers and self._may_ask():
            proposal = self.strategy.ask()
            if proposal is None:
                waiting = self._running or self._early
                if self.strategy.exhausted or not waiting:
                    self.stop_reason = "exhausted"
                return
            least = 0.0 if self._asked else MIN_TRIAL_SECONDS * self.rules.n_folds
            seconds = self.budget.for_trial(self._reserve(), least)
            ends = math.inf if seconds is None else self.budget.elapsed() + seconds
            if self._restarts:
                # It may wait for a worker that starts, and must not be killed for it.
                ends += MAX_COLD_START
                self._restarts -= 1
            task = self.make_task(self._asked, proposal, seconds)
            self._asked += 1
            future = self.executor.submit(self.evaluate, task)
            self._running[future] = (task, proposal, ends)

    def _may_ask(self) -> bool:
        if self.stop_reason:
            return False
        told = len(self.trials)
        if self.rules.max_trials is not None and self._asked >= self.rules.max_trials:
            self.stop_reason = "max_trials"
        elif self._out_of_time():
            self.stop_reason = "time_budget"
        elif self.incumbent is None and told >= MAX_FAILURES:
            self.stop_reason = "failures"
        elif self.rules.max_trials is None and self._since_best >= PATIENCE:
            self.stop_reason = "converged"
        elif self.rules.in_order:
            return self._asked - told < self.n_workers
        return not self.stop_reason

    def _out_of_time(self) -> bool:
        """Whether a further trial has no time; a first one is tried in any case."""
        if not self._asked:
            return False
        return self.budget.left() - self._reserve() < self._least_seconds()

    def _least_seconds(self) -> float:
        """Return the time below which a trial might not come to train."""
        startup = max((trial.startup for trial in self.trials), default=0.0)
        return max(MIN_TRIAL_SECONDS, STARTUP_MARGIN * startup)

    def _reserve(self) -> float:
        """Return the seconds to leave for the refit and for the end."""
        incumbent = self.incumbent
        if incumbent is None:
            return FINISH_SECONDS
        share = self.rules.refit_share * REFIT_MARGIN
        build = incumbent.outcome.seconds.build
        return incumbent.seconds_to_best * share + build + FINISH_SECONDS

    def _receive(self, future: Future) -> None:
        task, proposal, _ = self._running.pop(future)
        outcome = outcome_of(future, future in self._killed)
        if future in self._killed or isinstance(future.exception(), BrokenExecutor):
            self._restarts += 1
        if not self.rules.in_order:
            self._tell(task, proposal, outcome)
            return
        self._early[task.number] = (task, proposal, outcome)
        while len(self.trials) in self._early:
            self._tell(*self._early.pop(len(self.trials)))
            self._submit_proposals()

    def _tell(self, task: TrialTask, proposal: Proposal, outcome: TrialOutcome) -> None:
        trial = Trial(task, proposal.epochs, outcome, self.budget.elapsed())
        incumbent = self.incumbent
        self.trials.append(trial)
        self.incumbent = self._best(trial)
        leads = self.incumbent is trial
        if trial.epochs is None:  # those of low fidelity do not count
            self._since_best = 0 if leads else self._since_best + 1
        self.strategy.tell(proposal, outcome.score, outcome.error)
        self.on_trial(trial, leads)
        beaten = incumbent if leads else trial
        if beaten is not None:
            self.on_beaten(beaten)

    def _best(self, trial: Trial) -> Trial | None:
        """Return the incumbent after a further finished trial.

        By a standard error the order counts, and must not be that of the clock.
        """
        told = [self.incumbent, trial]
        if self.rules.by_standard_error and self.rules.n_folds > 1:
            told = list(self.trials)
        completed = [t for t in told if t and t.outcome.status == "completed"]
        best = None
        for later in sorted(completed, key=lambda trial: trial.number):
            if best is None or later.beats(best, self.rules.by_standard_error):
                best = later
        return best
