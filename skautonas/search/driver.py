"""Ask, submit, tell: the loop that owns the state of a search."""

import math
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, Protocol

from skautonas.estimation.task import TrialOutcome, TrialTask
from skautonas.search.budget import (
    FINISH_SECONDS,
    MIN_TRIAL_SECONDS,
    REFIT_MARGIN,
    Budget,
)
from skautonas.search.proposal import Proposal

# A search without `max_trials` has converged when this many finished trials in a row
# did not beat the incumbent: after them the next one does with a chance below 4 %
# where scores are exchangeable.
PATIENCE = 25
# A trial that is this late does not stop by itself: a step of it takes too long.
OVERRUN_SECONDS = 1.0


class Strategy(Protocol):
    """What the driver needs of a search strategy."""

    exhausted: bool

    def ask(self) -> Proposal | None:
        """Return the next configuration, or None where there is none for now."""

    def tell(self, proposal: Proposal, score: float | None, error: str | None) -> None:
        """Report how a configuration did."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One finished trial.

    ``finished_at`` counts seconds from the start of the fit.
    """

    task: TrialTask
    epochs: int | None
    outcome: TrialOutcome
    finished_at: float

    @property
    def number(self) -> int:
        """The trial's number, from 0."""
        return self.task.number

    @property
    def score(self) -> float:
        """Validation score, greater is better; minus infinity where it failed."""
        score = self.outcome.score
        return -math.inf if score is None else score

    @property
    def fidelity(self) -> float:
        """Epochs that its rung allowed; infinite without rungs."""
        return math.inf if self.epochs is None else self.epochs


@dataclass(frozen=True, slots=True)
class Rules:
    """When a search ends, and what it leaves.

    Parameters
    ----------
    max_trials : int or None
        Number of trials.
    refit_share : float
        Rows of the refit per row of a trial; 0 without a refit.
    in_order : bool
        Tell outcomes in the order of their numbers, and ask for trial k only when
        all before k - workers + 1 are told, so that timing decides nothing.
    """

    max_trials: int | None
    refit_share: float
    in_order: bool


class Driver:
    """Runs one search.

    Parameters
    ----------
    strategy : Strategy
        Proposes configurations.
    executor : concurrent.futures.Executor
        Evaluates them.
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
        ``on_trial(trial, best)`` is called with each finished trial and the best score
        before it.
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
        on_trial: Callable[[Trial, float | None], None],
    ) -> None:
        self.strategy = strategy
        self.executor = executor
        self.n_workers = n_workers
        self.budget = budget
        self.rules = rules
        self.make_task = make_task
        self.evaluate = evaluate
        self.on_trial = on_trial
        self.trials: list[Trial] = []
        self.stop_reason: str | None = None
        self._asked = 0
        self._since_best = 0
        self._running: dict[Future, tuple[TrialTask, Proposal]] = {}
        self._early: dict[int, tuple[TrialTask, Proposal, TrialOutcome]] = {}

    @property
    def incumbent(self) -> Trial | None:
        """The best finished trial of the highest fidelity; the earliest of equals."""
        finished = [t for t in self.trials if t.outcome.status == "completed"]
        return max(
            finished, key=lambda t: (t.fidelity, t.score, -t.number), default=None
        )

    def run(self) -> list[Trial]:
        """Search until a rule ends it; return the finished trials by number."""
        while True:
            self._submit_proposals()
            if not self._running:
                break
            done, _ = wait(self._running, self._patience(), FIRST_COMPLETED)
            for future in done:
                self._receive(future)
            if not done and self.incumbent is not None:
                self._abandon_running()
        self.trials.sort(key=lambda trial: trial.number)
        return self.trials

    def _patience(self) -> float | None:
        """Return how long to wait for the running trials, which end by themselves."""
        if not self.budget.limited:
            return None
        return max(0.1, self.budget.left() - self._reserve() + OVERRUN_SECONDS)

    def _abandon_running(self) -> None:
        """End trials that did not stop in time: the incumbent is worth more."""
        kill = getattr(self.executor, "kill_running", None)
        if kill is not None and self._out_of_time():
            self.stop_reason = "time_budget"
            kill()

    def _submit_proposals(self) -> None:
        while len(self._running) < self.n_workers and self._may_ask():
            proposal = self.strategy.ask()
            if proposal is None:
                if self.strategy.exhausted or not self._running:
                    self.stop_reason = "exhausted"
                return
            seconds = self.budget.for_trial(self._reserve())
            task = self.make_task(self._asked, proposal, seconds)
            self._asked += 1
            future = self.executor.submit(self.evaluate, task)
            self._running[future] = (task, proposal)

    def _may_ask(self) -> bool:
        if self.stop_reason is not None:
            return False
        told = len(self.trials)
        if self.rules.max_trials is not None and self._asked >= self.rules.max_trials:
            self.stop_reason = "max_trials"
        elif self._out_of_time():
            self.stop_reason = "time_budget"
        elif self.rules.max_trials is None and self._since_best >= PATIENCE:
            self.stop_reason = "converged"
        elif self.rules.in_order:
            return self._asked - told < self.n_workers
        return self.stop_reason is None

    def _out_of_time(self) -> bool:
        """Whether a further trial has no time; a first one gets whatever is left."""
        seconds = self.budget.for_trial(self._reserve())
        if seconds is None:
            return False
        return seconds < (self._least_seconds() if self._asked else 0.0)

    def _least_seconds(self) -> float:
        """Return the time below which a trial might not come to train."""
        startups = [
            trial.outcome.seconds.get("build", 0.0)
            + trial.outcome.seconds.get("trace", 0.0)
            for trial in self.trials
        ]
        return max([MIN_TRIAL_SECONDS, *startups])

    def _reserve(self) -> float:
        """Return the seconds to leave for the refit and for the end."""
        incumbent = self.incumbent
        if incumbent is None:
            return FINISH_SECONDS
        parts = incumbent.outcome.seconds
        training = parts["total"] - parts["validate"]
        kept = incumbent.outcome.best_epoch / max(incumbent.outcome.epochs, 1e-9)
        refit = training * kept * self.rules.refit_share * REFIT_MARGIN
        return refit + parts.get("build", 0.0) + FINISH_SECONDS

    def _receive(self, future: Future) -> None:
        task, proposal = self._running.pop(future)
        outcome = outcome_of(future)
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
        better = incumbent is None or trial.score > incumbent.score
        self._since_best = 0 if better else self._since_best + 1
        self.trials.append(trial)
        self.strategy.tell(proposal, outcome.score, outcome.error)
        self.on_trial(trial, None if incumbent is None else incumbent.score)


def outcome_of(future: Future) -> TrialOutcome:
    """Return what a future holds; a worker that died is a failed trial."""
    error: Any = future.exception()
    if error is None:
        return future.result()
    return TrialOutcome(
        "failed",
        seconds={"total": 0.0},
        error=f"{type(error).__name__}: the worker died ({str(error).strip()[:200]})",
    )
