"""How long to train, and how far a training is."""

from dataclasses import dataclass

import numpy as np

# A call of the compiled loop lasts about this long: long enough to hide its cost
# (about a millisecond), short enough to end a trial on time.
CHUNK_SECONDS = 0.2
# Steps of the second call, which tells how long a step takes; the first one traces.
PROBE_STEPS = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to train.

    Parameters
    ----------
    epochs : float
        Length of the learning rate's schedule.
    stop_epoch : float or None
        Epoch after which to stop, where that is before the schedule's end.
    seconds : float or None
        Time that may be spent; the schedule shrinks so that it fits.
    """

    epochs: float
    stop_epoch: float | None = None
    seconds: float | None = None


class Progress:
    """Where a training stands between its first and its last step."""

    def __init__(self, total: float) -> None:
        self.done = 0
        self.total = max(1, round(total))
        self._anchor = (0, 0.0)
        self._first_seconds = 0.0
        self._per_step = 0.0

    def of_next(self, steps: int) -> np.ndarray:
        """Return the progress, between 0 and 1, before each of the next steps."""
        step, share = self._anchor
        ahead = np.arange(self.done, self.done + steps) - step
        return share + (1 - share) * ahead / max(1, self.total - step)

    def chunk(self, seconds_left: float) -> int:
        """Return how many steps the next call may take."""
        if self.done == 0:
            return 1
        if self._per_step == 0.0:
            fits = PROBE_STEPS * self._first_seconds < seconds_left
            return PROBE_STEPS if fits else 1
        return max(1, int(min(CHUNK_SECONDS, seconds_left) / self._per_step))

    def advance(self, steps: int, seconds: float) -> None:
        """Record a finished call."""
        if self.done:
            self._per_step = seconds / steps
        else:
            self._first_seconds = seconds
        self.done += steps

    def shrink(self, total: int) -> None:
        """Plan fewer steps; the schedule runs faster from here on."""
        if total >= self.total:
            return
        self._anchor = (self.done, float(self.of_next(1)[0]))
        self.total = total
