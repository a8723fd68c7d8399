"""Until when a trial may run, and whether there is time for another."""

import math
import statistics

from skautonas.search.budget import (
    FINISH_SECONDS,
    HURRIED_TRIAL_SECONDS,
    MIN_TRIAL_SECONDS,
    Budget,
)
from skautonas.search.finalists import FINAL_SHARE, finalists, seconds_of_all
from skautonas.search.ledger import Ledger
from skautonas.search.rules import Rules

# No further trial starts in less time than this many times what half of them took to
# start.
STARTUP_MARGIN = 2.0
# A worker that takes the place of another one is there after about so long: it imports
# TensorFlow, in 2.6 to 5.3 s on two cores, as other work lets it.
RESTART_SECONDS = 3.0
# The refit of a winner for whose whole schedule no trial has the time may take this
# share of the budget.
REFIT_SHARE = 0.6
# A trial that is this late does not stop by itself: a step of it takes too long.
OVERRUN_SECONDS = 1.0
# Without a finished trial to fall back on, it may go on until so long after the budget.
FIRST_OVERRUN_SECONDS = 1.5
# A trial for which there is less time than for this share of what the best one trained
# tells too little (docs/design/0015).
LEAST_SHARE = 0.25


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

    def is_over(self, waits_for_worker: bool) -> bool:
        """Tell whether another trial would have no time to train."""
        return self._would_be_over(RESTART_SECONDS if waits_for_worker else 0.0)

    def seconds(self, is_first: bool) -> float | None:
        """Return the time that a trial gets now; None without a limit.

        A search's first trial gets enough to train, whatever the budget says.
        """
        least = MIN_TRIAL_SECONDS * self.rules.n_folds if is_first else 0.0
        timeout = self.rules.trial_timeout
        return self.budget.for_trial(self._reserve(), least, timeout)

    def least_share(self) -> float:
        """Return the share of its schedule that a trial needs the time for."""
        best = self.ledger.incumbent
        if best is None or not best.outcome.full_epochs:
            return 0.0
        trained = best.outcome.planned_epochs / best.outcome.full_epochs
        return LEAST_SHARE * min(1.0, trained)

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
        if self._is_last_hope(longest):
            longest = max(longest, self.budget.left() + FIRST_OVERRUN_SECONDS)
        return longest

    def is_late(self, latest: float) -> bool:
        """Tell whether a trial is to be killed.

        The last hope for a model may go on for a little.
        """
        if self._is_last_hope(0.0):
            ends = self.budget.elapsed() + self.budget.left()
            latest = max(latest, ends + FIRST_OVERRUN_SECONDS)
        return self.budget.elapsed() >= latest

    def is_slow_to_start(self, began: float) -> bool:
        """Tell whether a trial took longer to start than others; it began then.

        Without others to compare with, none did.
        """
        usual = self._usual_startup()
        return usual is not None and self.budget.elapsed() - began > usual

    def _is_last_hope(self, seconds: float) -> bool:
        """Tell whether no trial can give a model that starts in so many seconds."""
        none_yet = self.ledger.incumbent is None and self.budget.limited
        return none_yet and self._would_be_over(seconds)

    def _would_be_over(self, seconds: float) -> bool:
        """Tell whether a trial that starts in so many seconds has no time to train."""
        left = self.budget.left() - self._reserve() - seconds
        usual = self._usual_startup()
        if usual is None:
            return left < MIN_TRIAL_SECONDS
        return left < max(HURRIED_TRIAL_SECONDS, usual)

    def _usual_startup(self) -> float | None:
        """Return the time within which nearly all trials start; None before any did."""
        startups = self.ledger.startups
        return STARTUP_MARGIN * statistics.median(startups) if startups else None

    def _reserve(self) -> float:
        """Return the seconds to leave for the refit and for the end.

        What the refit is expected to take; more for those of an ensemble, and where a
        trial's share of the time was too short for its schedule. Where it is too
        little, the schedule shrinks. The best trials are scored again before.
        """
        incumbent, rules, seconds = (
            self.ledger.incumbent,
            self.rules,
            self.budget.seconds,
        )
        if incumbent is None:
            return FINISH_SECONDS
        needed = incumbent.refit_seconds(rules.refit_share, rules.relief)
        if rules.refit_share and seconds is not None:
            n_members = min(rules.ensemble_size, len(self.ledger.trials))
            rounds = math.ceil(n_members / rules.refits_at_once)
            whole = needed * rounds * incumbent.shortened
            needed = max(needed, min(whole, REFIT_SHARE * seconds))
        if rules.has_finals and seconds is not None:
            compared = self.ledger.compared()
            at_once = rules.refits_at_once
            chosen = finalists(compared, FINAL_SHARE * seconds, at_once)
            needed += seconds_of_all(chosen, at_once)
        return needed + FINISH_SECONDS
