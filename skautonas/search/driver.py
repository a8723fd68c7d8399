"""Ask, submit, tell: the loop that owns the state of a search."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, Protocol

from skautonas.estimation.task import TrialOutcome, TrialTask
from skautonas.exceptions import DamagedFileError, NoWorkerError
from skautonas.search.attempts import Attempt, Attempts
from skautonas.search.budget import Budget
from skautonas.search.deadlines import Deadlines
from skautonas.search.journal import Asked, Event, Finished, Told
from skautonas.search.ledger import Ledger
from skautonas.search.proposal import Proposal
from skautonas.search.pruner import Pruner
from skautonas.search.rules import Rules
from skautonas.search.trial import Trial

# A search without `max_trials` has converged when this many trials in a row, failed
# ones too, did not beat the incumbent: after them the next one has a better score with
# a chance below 4 % where scores are exchangeable.
PATIENCE = 25
# A search in which so many trials failed, and none was finished, will not succeed.
MAX_FAILURES = 25
# An attempt that its search did not survive may have been what ended it, as where
# memory is short for all of its processes: there are so many before it is given up.
MAX_ATTEMPTS = 5


class Strategy(Protocol):
    """What the driver needs of a search strategy."""

    exhausted: bool

    def ask(
        self, number: int, recorded: Mapping[str, Any] | None = None
    ) -> Proposal | None:
        """Return the next configuration, or None where there is none for now."""

    def tell(self, number: int, score: float | None, error: str | None) -> None:
        """Report how a trial did."""

    def resumable(self) -> set[int]:
        """Return the finished trials that may be the parent of a later one."""


class Driver:
    """Runs one search.

    Parameters
    ----------
    strategy : Strategy
        Proposes configurations.
    executor : concurrent.futures.Executor
        Evaluates them; see `Attempts` for what it may have besides.
    n_workers : int
        How many at once.
    budget : Budget
        Time of the fit.
    rules : Rules
        When to end.
    make_task : callable
        ``make_task(proposal, attempt, parent)`` returns the task of a trial; ``parent``
        is the trial that it goes on with, or None.
    evaluate : callable
        ``evaluate(task)`` returns the outcome; runs in a worker.
    record : callable
        ``record(*events)`` is called with what happens, before anything follows of it.
    forget : callable
        ``forget(name)`` is called with each file of a trial that is needed no more.
    on_trial : callable
        ``on_trial(trial, leads)`` is called with each finished trial, and whether it
        is the new incumbent; returns whether to ask for no further one.
    pruner : Pruner, optional
        Stops trials.
    answer_seconds : float, default=0.0
        How much longer an outcome may be on its way, from another machine.
    """

    def __init__(
        self,
        strategy: Strategy,
        executor: Executor,
        *,
        n_workers: int,
        budget: Budget,
        rules: Rules,
        make_task: Callable[[Proposal, int, Trial | None], TrialTask],
        evaluate: Callable[[TrialTask], TrialOutcome],
        record: Callable[..., None],
        forget: Callable[[str], None],
        on_trial: Callable[[Trial, bool], bool],
        pruner: Pruner | None = None,
        answer_seconds: float = 0.0,
    ) -> None:
        self.strategy = strategy
        self.n_workers = n_workers
        self.budget = budget
        self.rules = rules
        self.make_task = make_task
        self.record = record
        self.forget = forget
        self.on_trial = on_trial
        self.pruner = pruner
        self.ledger = Ledger(rules)
        self.deadlines = Deadlines(budget, rules, self.ledger)
        self.attempts = Attempts(
            executor, evaluate, budget, self.deadlines, answer_seconds
        )
        self.stop_reason = ""
        self.stop_error: NoWorkerError | None = None
        self._asked = 0
        # Finished, and to be told when those before are.
        self._early: dict[int, Trial] = {}
        # Asked for in an earlier fit that did not see them finish.
        self._lost: deque[Attempt] = deque()

    def replay(self, events: Iterable[Event]) -> None:
        """Go on where the search stopped that recorded these events."""
        open_attempts: dict[int, Attempt] = {}
        for event in events:
            if isinstance(event, Asked):
                attempt = open_attempts.get(event.number)
                if attempt is None:
                    proposal = self.strategy.ask(event.number, event.values)
                    if proposal is None:
                        raise DamagedFileError(
                            f"Expected the strategy to propose trial {event.number} "
                            "again; it proposes nothing. Start anew with "
                            "overwrite=True or another directory."
                        )
                    self._asked += 1
                else:
                    proposal = attempt.proposal
                floors = self._floors() if attempt is None else attempt.task.floors
                task = replace(self._task(proposal, event.attempt), floors=floors)
                open_attempts[event.number] = Attempt(proposal, task)
            elif isinstance(event, Finished):
                attempt = open_attempts.pop(event.number)
                self._early[event.number] = Trial(
                    attempt.task, attempt.proposal, event.outcome, event.elapsed
                )
            elif isinstance(event, Told):
                self._learn(self._early.pop(event.number))
        self._lost.extend(open_attempts.values())
        self._forget_files()

    def files(self) -> set[str]:
        """Return the names of the files that finished trials keep."""
        early = {name for trial in self._early.values() for name in trial.files}
        return self.ledger.files() | early

    def run(self, is_interrupted: Callable[[], bool] = lambda: False) -> list[Trial]:
        """Search until a rule ends it, or an interrupt.

        Parameters
        ----------
        is_interrupted : callable, optional
            Tells whether to stop, and end the trials that run.

        Returns
        -------
        list of Trial
            The finished ones by number.
        """
        # As it would have been: the next is asked for after each that is told.
        self._submit_proposals()
        self._tell_early()
        while not is_interrupted():
            self._submit_proposals()
            if not self.attempts:
                break
            for attempt, outcome in self.attempts.ended():
                self._receive(attempt, outcome)
            self.attempts.kill_late()
        if is_interrupted():
            self.stop_reason = "interrupted"
            self.attempts.kill_all()
            for attempt in self.attempts:
                self._forget_attempt(attempt.task)
        return sorted(self.ledger.trials, key=lambda trial: trial.number)

    def _submit_proposals(self) -> None:
        while len(self.attempts) < self.n_workers:
            attempt = self._next_attempt()
            if attempt is None:
                return
            task = attempt.task
            self.record(
                Asked(task.number, task.attempt, task.values, self.budget.elapsed())
            )
            self.attempts.submit(attempt)

    def _next_attempt(self) -> Attempt | None:
        """Return what to run next: a trial that was lost, or one of the strategy's."""
        self._give_up_lost()
        if self._lost and not self.stop_reason:
            if self._out_of_time():
                self.stop_reason = "time_budget"
                return None
            lost = self._lost.popleft()
            task = self._task(lost.proposal, lost.task.attempt + 1)
            return self._begin(lost.proposal, replace(task, floors=lost.task.floors))
        if not self._may_ask():
            return None
        proposal = self.strategy.ask(self._asked)
        if proposal is None:
            waiting = self.attempts or self._early
            if self.strategy.exhausted or not waiting:
                self.stop_reason = "exhausted"
            return None
        task = replace(self._task(proposal, 0), floors=self._floors())
        attempt = self._begin(proposal, task)
        self._asked += 1
        return attempt

    def _give_up_lost(self) -> None:
        """Count a trial as failed that never came to an end, in many attempts."""
        while self._lost and self._lost[0].task.attempt + 1 >= MAX_ATTEMPTS:
            lost = self._lost.popleft()
            error = (
                f"RuntimeError: in each of {MAX_ATTEMPTS} attempts the search ended "
                "before the trial did, perhaps for want of memory"
            )
            self._take(lost, TrialOutcome("failed", error=error))

    def _begin(self, proposal: Proposal, task: TrialTask) -> Attempt:
        return self.attempts.begin(proposal, task, self._is_first())

    def _floors(self) -> tuple[tuple[float, float], ...]:
        return () if self.pruner is None else self.pruner.floors()

    def _is_first(self) -> bool:
        """Tell whether no trial was tried before."""
        return not (self.ledger.trials or self.attempts or self._early)

    def _task(self, proposal: Proposal, attempt: int) -> TrialTask:
        parent = None if proposal.parent is None else self.ledger[proposal.parent]
        return self.make_task(proposal, attempt, parent)

    def _may_ask(self) -> bool:
        if self.stop_reason:
            return False
        told = len(self.ledger.trials)
        if self.rules.max_trials is not None and self._asked >= self.rules.max_trials:
            self.stop_reason = "max_trials"
        elif self._out_of_time():
            self.stop_reason = "time_budget"
        elif self.ledger.incumbent is None and told >= MAX_FAILURES:
            self.stop_reason = "failures"
        elif self.rules.max_trials is None and self.ledger.since_best >= PATIENCE:
            self.stop_reason = "converged"
        elif self.rules.in_order:
            return self._asked - told < self.n_workers
        return not self.stop_reason

    def _out_of_time(self) -> bool:
        """Whether a further trial has no time; a first one is tried in any case."""
        over = self.deadlines.is_over(self.attempts.waits_for_worker())
        return over and not self._is_first()

    def _receive(self, attempt: Attempt, outcome: TrialOutcome | NoWorkerError) -> None:
        if isinstance(outcome, NoWorkerError):
            # It runs where the study goes on.
            self._lost.append(attempt)
            self.stop_reason, self.stop_error = "executor", outcome
            return
        self._take(attempt, outcome)

    def _take(self, attempt: Attempt, outcome: TrialOutcome) -> None:
        """Record what an attempt came to, and tell it when its turn has come."""
        task, elapsed = attempt.task, self.budget.elapsed()
        trial = Trial(task, attempt.proposal, outcome, elapsed)
        finished = Finished(task.number, task.attempt, outcome, elapsed)
        if not self.rules.in_order:
            self._tell(trial, finished)
            return
        self.record(finished)
        self._early[trial.number] = trial
        self._tell_early()

    def _tell_early(self) -> None:
        """Tell the trials whose turn has come, and ask for the next after each."""
        while self._early:
            number = min(self._early)
            if self.rules.in_order and number != self.ledger.next_number:
                return
            self._tell(self._early.pop(number))
            self._submit_proposals()

    def _tell(self, trial: Trial, *finished: Finished) -> None:
        self.record(*finished, Told(trial.number))
        self._learn(trial)
        self._forget_files()
        if trial.outcome.status != "completed":
            self._forget_attempt(trial.task)
        if self.on_trial(trial, self.ledger.incumbent is trial):
            self.stop_reason = self.stop_reason or "callback"

    def _forget_attempt(self, task: TrialTask) -> None:
        """Forget whatever an attempt had written: nothing goes on from it."""
        self.forget(f"{task.number:04d}-{task.attempt}-*")

    def _learn(self, trial: Trial) -> None:
        """Take a finished trial into account."""
        self.ledger.add(trial)
        outcome = trial.outcome
        self.strategy.tell(trial.number, outcome.score, outcome.error)
        if self.pruner is not None:
            self.pruner.observe(outcome)

    def _forget_files(self) -> None:
        """Forget the files that neither a later trial nor the final model needs."""
        attempts = [*self.attempts, *self._lost]
        parents = {a.proposal.parent for a in attempts if a.proposal.parent is not None}
        for name in self.ledger.take_unneeded(self.strategy.resumable() | parents):
            self.forget(name)
