"""How fast a training is, and so how long its schedule may be."""

import math

from skautonas.estimation.plan import PROBE_STEPS, Plan, Progress
from skautonas.estimation.task import Seconds

# Share of the time left that the schedule of a training may fill.
PLAN_SHARE = 0.95
# Steps that tell how long a training takes: the first one traces, the next few are the
# first that were timed.
TOLD_STEPS = 1 + 2 * PROBE_STEPS
# Of a training step, the share that is the forward pass: the backward one is two such.
FORWARD_SHARE = 1 / 3


class Pace:
    """Times the steps of a training, and fits its schedule to the time.

    Parameters
    ----------
    plan : Plan
        Length and time limit.
    progress : Progress
        Where the training stands; its schedule becomes shorter and longer.
    start : float
        Seconds of the clock when the training began.
    steps_per_epoch : int
        Steps of an epoch.
    steps_per_validation : int
        Steps from one validation to the next.
    batch : int
        Rows of a step.
    """

    def __init__(
        self,
        plan: Plan,
        progress: Progress,
        start: float,
        steps_per_epoch: int,
        steps_per_validation: int,
        batch: int,
    ) -> None:
        self.progress = progress
        self.seconds = Seconds()
        # The step after which to stop.
        self.limit = max(1, round(plan.share * progress.total))
        # Whether there is no time for as much as is planned at least; None where that
        # is not known yet.
        self.is_too_slow: bool | None = None
        self._plan = plan
        self._end = math.inf if plan.seconds is None else start + plan.seconds
        self._planned = max(1.0, plan.epochs * steps_per_epoch)
        self._steps_per_validation = steps_per_validation
        self._steps_of_validation = plan.validation_rows / batch
        # The step, and when it was done, from which on steps are timed: the last
        # validation, or where the first steps, which are slower, were behind.
        self._timed_from: tuple[int, float] | None = None
        # Seconds of each validation; the first one traces.
        self._validations: list[float] = []
        # Most seconds to leave for the first one.
        self._longest_reserve = math.inf

    def left(self, now: float) -> float:
        """Return the seconds until the last validation has to begin."""
        return self._end - now - self._reserve()

    def trained(self, steps: int, seconds: float, now: float) -> None:
        """Take in a finished call of the compiled loop."""
        if self.progress.done > self.progress.start:
            self.seconds.steps += seconds
        else:
            self.seconds.trace += seconds
            self._longest_reserve = (self._end - now) / 2
        self.progress.advance(steps, seconds)

    def validated(self, seconds: float) -> None:
        """Take in a validation."""
        self._validations.append(seconds)
        self.seconds.validate += seconds

    def fit_first_epoch(self, now: float) -> None:
        """Fit the schedule once the first steps told how long one takes.

        They also tell whether the training is too slow.
        """
        if self.progress.done - self.progress.start < TOLD_STEPS:
            return
        possible = self._possible_steps(now)
        if self.is_too_slow is None:
            wanted = self._plan.share * self._planned
            self.is_too_slow = possible < self._plan.least_share * wanted
        if not self.is_too_slow:
            self._resize(possible)

    def fit_schedule(self, now: float) -> None:
        """Fit the schedule after a validation, and time the steps from here on."""
        if self.progress.per_step:  # how long a step takes is known
            self._resize(self._possible_steps(now))
            self._timed_from = self.progress.done, now

    def _possible_steps(self, now: float) -> float:
        """Return the step at which the time will be up; at least the next one."""
        if math.isinf(self._end):
            return math.inf
        done, per_step = self.progress.done, self.progress.per_step
        if self._timed_from is None:
            self._timed_from = done, now
        first, start = self._timed_from
        if done > first:
            validation = self._validations[-1] if self._validations else 0.0
            per_step = (now - start - validation) / (done - first)
        reserve = self._reserve()
        usual = reserve if self._validations else self._forward_seconds()
        per_step += usual / self._steps_per_validation
        left = PLAN_SHARE * (self._end - now - reserve)
        return done + max(1, int(left / max(per_step, 1e-9)))

    def _resize(self, possible: float) -> None:
        """Fit the schedule, as a whole, to the steps for which there is the time."""
        share = self._plan.share
        self.progress.resize(round(min(possible / share, self._planned)), share)
        self.limit = round(share * self.progress.total)

    def _reserve(self) -> float:
        """Return the seconds to leave for the next validation.

        The first one is taken to add to its forward passes what the first step took,
        but no more than half of the time that was left then.
        """
        if len(self._validations) > 1:
            return self._validations[-1]
        forward = self._forward_seconds()
        if self._validations:
            return max(forward, self._validations[0] - self.seconds.trace)
        if not self._steps_of_validation:
            return 0.0
        return min(self.seconds.trace + forward, self._longest_reserve)

    def _forward_seconds(self) -> float:
        """Return what predicting the validation rows takes, by the steps so far."""
        return FORWARD_SHARE * self._steps_of_validation * self.progress.per_step
