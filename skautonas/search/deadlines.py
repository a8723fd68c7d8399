"""Until when a trial may run, and whether there is time for another."""

import math
import statistics

from skautonas.search.budget import (
    FINISH_SECONDS,
    HURRIED_TRIAL_SECONDS,
    MIN_TRIAL_SECONDS,
    REFIT_MARGIN,
    Budget,
)
from skautonas.search.ledger import Ledger
from skautonas.search.rules import Rules

# No further trial starts in less time than this many times what half of them took to
# start.
STARTUP_MARGIN = 2.0
# So many trials tell how long they usually take to start.
USUAL_TRIALS = 3
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
        startups, least = self.ledger.startups, MIN_TRIAL_SECONDS
        if len(startups) >= USUAL_TRIALS:
            least = HURRIED_TRIAL_SECONDS
        startup = statistics.median(startups) if startups else 0.0
        return left < max(least, STARTUP_MARGIN * startup)

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

    def killed_after(self, seconds: float | None) -> float | None:
        """Return how long a trial that starts now may go on where nobody watches it.

        As long as `is_late` lets it.
        """
        if seconds is None:
            return None
        longest = seconds + OVERRUN_SECONDS
        if self.ledger.incumbent is None and self.budget.limited:
            longest = max(longest, self.budget.left() + FIRST_OVERRUN_SECONDS)
        return longest

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
        share = self.rules.refit_share
        if not self.rules.refit_is_alone:
            share *= REFIT_MARGIN
        build = incumbent.outcome.seconds.build
        return incumbent.seconds_to_best * share + build + FINISH_SECONDS
