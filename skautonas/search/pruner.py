"""Stop trials whose learning curve cannot reach the incumbent's."""

import statistics
from typing import Protocol

from skautonas.estimation.task import TrialOutcome
from skautonas.strategy.stopping import STARTUP_TRIALS

# Where along their schedules trials are compared.
SHARES = tuple(tenth / 10 for tenth in range(1, 10))


class Pruner(Protocol):
    """What the driver needs of a rule that stops trials."""

    def observe(self, outcome: TrialOutcome) -> None:
        """Learn from a finished trial."""

    def floors(self) -> tuple[tuple[float, float], ...]:
        """Return shares of a schedule, and the score to be reached by then."""


class MedianPruner:
    """The median stopping rule.

    A trial stops where its best score so far is below the median of the finished
    trials' averages up to the same share of their schedules [1]_.

    Parameters
    ----------
    startup_trials : int, default=5
        Finished trials before the rule applies.

    References
    ----------
    .. [1] Golovin, Solnik, Moitra, Kochanski, Karro and Sculley (2017), Google Vizier:
       a service for black-box optimization, section 3.2.2.
    """

    def __init__(self, startup_trials: int = STARTUP_TRIALS) -> None:
        self._startup_trials = startup_trials
        self._averages: dict[float, list[float]] = {share: [] for share in SHARES}

    def observe(self, outcome: TrialOutcome) -> None:
        """Learn from a trial that was completed; one that was stopped tells nothing."""
        if outcome.status != "completed":
            return
        for share, averages in self._averages.items():
            until = share * outcome.planned_epochs
            scores = [score for epoch, _, score in outcome.curve if epoch <= until]
            if scores and outcome.epochs >= until:
                averages.append(statistics.fmean(scores))  # type: ignore[arg-type]

    def floors(self) -> tuple[tuple[float, float], ...]:
        """Return shares of a schedule, and the score to be reached by then."""
        return tuple(
            (share, statistics.median(averages))
            for share, averages in self._averages.items()
            if len(averages) >= self._startup_trials
        )


PRUNERS = {"median": MedianPruner}
