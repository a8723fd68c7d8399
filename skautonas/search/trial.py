"""A finished trial, and what a worker's answer says of it."""

import math
import statistics
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass

from skautonas.estimation.task import Seconds, TrialOutcome, TrialTask
from skautonas.search.proposal import Proposal

# A best epoch from there on is the end of a schedule, not of what is to be learnt.
LATE_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Trial:
    """One finished trial.

    ``finished_at`` counts seconds from the start of the search, those of earlier fits
    of the same study included, those of starting workers not.
    """

    task: TrialTask
    proposal: Proposal
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
    def seconds_to_best(self) -> float:
        """Seconds of a training up to the kept epoch, validation left out."""
        parts, outcome = self.outcome.seconds, self.outcome
        trained = outcome.earlier_seconds + parts.total - parts.validate
        return trained * outcome.best_epoch / max(outcome.epochs, 1e-9)

    def refit_seconds(self, share: float, relief: float) -> float:
        """Return how long a refit is expected to take.

        Parameters
        ----------
        share : float
            Rows of the refit per row of this trial.
        relief : float
            By how many trials fewer a core has to run then. Processes share the cores
            evenly: those of others stay as they were.
        """
        seconds = self.outcome.seconds
        slowdown = max(1.0, seconds.total / seconds.cpu) if seconds.cpu else 1.0
        alone = max(1.0, slowdown - relief) / slowdown
        return alone * (self.seconds_to_best * share + seconds.build)

    @property
    def shortened(self) -> float:
        """By how many times the time had shortened its schedule; 1 where it had not."""
        outcome = self.outcome
        if not outcome.planned_epochs:
            return 1.0
        if outcome.best_epoch < LATE_SHARE * outcome.planned_epochs:
            return 1.0  # it had trained long enough
        return max(1.0, outcome.full_epochs / outcome.planned_epochs)

    @property
    def startup(self) -> float:
        """Seconds before the first step was done."""
        return self.outcome.seconds.build + self.outcome.seconds.trace

    @property
    def fidelity(self) -> float:
        """How much of a full training its rung allowed, up to 1."""
        return self.proposal.fidelity

    @property
    def files(self) -> list[str]:
        """Names of the files that it left."""
        return self.outcome.files

    def beats(self, earlier: "Trial", by_standard_error: bool) -> bool:
        """Tell whether this trial is better than one that was there before it.

        Parameters
        ----------
        earlier : Trial
            A completed one, as this is.
        by_standard_error : bool
            Whether the mean difference of the folds' scores must exceed its standard
            error, taken as of independent folds (after the rule of Breiman et al.
            1984): a threshold, not a test. Of one fold there is none.
        """
        if self.fidelity != earlier.fidelity:
            return self.fidelity > earlier.fidelity
        scores, others = self.outcome.scores, earlier.outcome.scores
        if len(scores) < 2 or not by_standard_error:
            return self.score > earlier.score
        apart = [score - other for score, other in zip(scores, others, strict=True)]
        error = statistics.stdev(apart) / math.sqrt(len(apart))
        return statistics.fmean(apart) > error


def outcome_of(future: Future, killed: bool, seconds: float) -> TrialOutcome:
    """Return what a future holds; a task without an answer is a failed trial.

    Parameters
    ----------
    future : concurrent.futures.Future
        Done.
    killed : bool
        Whether the driver ended the task.
    seconds : float
        Since it was submitted.
    """
    error = future.exception()
    if error is None:
        return future.result()
    message = f"{type(error).__name__}: {str(error).strip()[:200]}"
    if killed:
        message = "TimeoutError: it did not stop when its time was up, and was killed"
    elif isinstance(error, BrokenExecutor):
        message = f"{type(error).__name__}: the worker died, perhaps for want of memory"
    return TrialOutcome("failed", error=message, seconds=Seconds(total=seconds))
