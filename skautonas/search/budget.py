"""How much time there is, and for what."""

import math
import time
from collections.abc import Callable

# A cold start (processes that import TensorFlow) may add this much to the budget.
MAX_COLD_START = 6.0
# A trial may use this share of the budget, as a long one must leave time for others;
# but it is not cut below so many seconds: the starts of our spaces take 1 to 30 s.
TRIAL_SHARE = 0.3
SHORT_TRIAL_SECONDS = 10.0
# Loading the model and the rest of the end; building it once more comes on top. After a
# refit it took 0.1 to 0.3 s, in twelve fits of the sets of benchmarks/budget.py.
FINISH_SECONDS = 0.5
# What a fit cannot do without may take so long even where the time is up: encoding the
# rows, and saving the model.
NEEDED_SECONDS = 30.0
# A trial that has less than this left would only be traced, not trained; the first one
# gets so much for each fold even where the budget has less, or there would be no model.
MIN_TRIAL_SECONDS = 1.5
# Once a trial has shown how long they take to start, so little is enough.
HURRIED_TRIAL_SECONDS = 0.6


class Budget:
    """The time of one fit.

    Parameters
    ----------
    seconds : float or None
        Time for all of it; None is no limit.
    clock : callable
        Returns seconds; monotonic.
    """

    def __init__(
        self, seconds: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self.clock = clock
        self.start = clock()
        self.cold_start = 0.0

    @property
    def limited(self) -> bool:
        """Whether there is a limit."""
        return self.seconds is not None

    def grant_cold_start(self, seconds: float) -> None:
        """Leave the time that cold workers took out of account, up to a maximum."""
        self.cold_start = seconds
        self.start += min(seconds, MAX_COLD_START)

    def spend(self, seconds: float) -> None:
        """Count seconds that earlier fits of the same study took."""
        self.start -= seconds

    def elapsed(self) -> float:
        """Return the seconds that count since the start."""
        return self.clock() - self.start

    def wall(self) -> float:
        """Return the seconds since the start."""
        return self.elapsed() + min(self.cold_start, MAX_COLD_START)

    def left(self) -> float:
        """Return the seconds that are left; infinite without a limit."""
        if self.seconds is None:
            return math.inf
        return self.seconds - self.elapsed()

    def for_trial(
        self, reserve: float, least: float = 0.0, most: float | None = None
    ) -> float | None:
        """Return the time that a trial may take now; None without a limit.

        Parameters
        ----------
        reserve : float
            Seconds to leave for what comes after the search.
        least : float, default=0.0
            Seconds that it gets though the budget has less.
        most : float, optional
            Seconds that no trial may exceed; without it, a share of the budget.
        """
        if self.seconds is None:
            return most
        left = max(self.left() - reserve, least)
        if most is None:
            most = max(TRIAL_SHARE * self.seconds, SHORT_TRIAL_SECONDS, least)
        return min(left, most)
