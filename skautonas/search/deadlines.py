"""Until when a trial may run, and whether there is time for another."""

import math

from skautonas.search.budget import (
    FINISH_SECONDS,
    MIN_TRIAL_SECONDS,
    REFIT_MARGIN,
    Budget,
)
from skautonas.search.ledger import Ledger
from skautonas.search.rules import Rules

# Another architecture may take this much longer to start than all before.
STARTUP_MARGIN = 2.0
# A trial that is this late does not stop by itself: a step of it takes too long.
OVERRUN_SECONDS = 1.0
# Without a finished trial to fall back on, it may go on until so long after the budget.
FIRST_OVERRUN_SECONDS = 1.5


class Deadlines:
    """The time of a search, shared out.

    Parameters
    ----------
    budget : Budget
        Time of the fit.
    rules : Rules
        Folds, refit, and the trials' timeout.
    ledger : Ledger
        What trials took so far.
    """

    def __init__(self, budget: Budget, rules: Rules, ledger: Ledger) -> None:
        self.budget = budget
        self.rules = rules
        self.ledger = ledger

    def is_over(self) -> bool:
        """Tell whether another trial would have no time to train."""
        left = self.budget.left() - self._reserve()
        startup = STARTUP_MARGIN * self.ledger.longest_startup
        return left < max(MIN_TRIAL_SECONDS, startup)

    def seconds(self, is_first: bool) -> float | None:
        """Return the time that a trial gets now; None without a limit.

        A search's first trial gets enough to train, whatever the budget says.
        """
        least = MIN_TRIAL_SECONDS * self.rules.n_folds if is_first else 0.0
        seconds = self.budget.for_trial(self._reserve(), least)
        timeout = self.rules.trial_timeout
        if timeout is None:
            return seconds
        return timeout if seconds is None else min(seconds, timeout)

    def latest(self, seconds: float | None) -> float:
        """Return the elapsed time at which a trial that starts now is killed."""
        if seconds is None:
            return math.inf
        return self.budget.elapsed() + seconds + OVERRUN_SECONDS

    def is_late(self, latest: float) -> bool:
        """Tell whether a trial is to be killed.

        The last hope for a model may go on for a little.
        """
        if self.ledger.incumbent is None and self.budget.limited:
            ends = self.budget.elapsed() + self.budget.left()
            latest = max(latest, ends + FIRST_OVERRUN_SECONDS)
        return self.budget.elapsed() >= latest

    def _reserve(self) -> float:
        """Return the seconds to leave for the refit and for the end."""
        incumbent = self.ledger.incumbent
        if incumbent is None:
            return FINISH_SECONDS
        share = self.rules.refit_share * REFIT_MARGIN
        build = incumbent.outcome.seconds.build
        return incumbent.seconds_to_best * share + build + FINISH_SECONDS
