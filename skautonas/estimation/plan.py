"""How long to train, and how far a training is."""

from dataclasses import KW_ONLY, dataclass

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
    share : float
        Share of the schedule after which to stop.
    seconds : float or None
        Time that may be spent; the schedule shrinks so that it fits, and grows again
        where steps turn out to be faster.
    floors : tuple of (float, float)
        Shares of the schedule, and the score that must be reached by then.
    cooldown : float
        Share of the training over which, at its end, the rate falls to zero.
    least_share : float
        A training that has the time for less of its schedule is given up.
    validation_rows : int
        Rows that a validation predicts, to leave time for the first one.
    """

    epochs: float
    share: float = 1.0
    seconds: float | None = None
    _: KW_ONLY
    floors: tuple[tuple[float, float], ...] = ()
    cooldown: float = 0.0
    least_share: float = 0.0
    validation_rows: int = 0

    def rate_limit(self, trained: np.ndarray) -> np.ndarray:
        """Return what no factor of the learning rate may exceed.

        By shares of the training, which ends with ``share`` of the schedule.
        """
        if not self.cooldown:
            return np.ones_like(trained)
        return np.maximum(0.0, 1 - trained) / self.cooldown

    def is_hopeless(self, share: float, best: float) -> bool:
        """Tell whether the best score is below the latest floor up to ``share``."""
        passed = [floor for at, floor in self.floors if at <= share]
        return bool(passed) and best < passed[-1]


class Progress:
    """Where a training stands between its first and its last step.

    Parameters
    ----------
    total : float
        Steps of the whole schedule.
    done : int
        Steps that an earlier training of the same model took.
    anchor : (int, float)
        A step, and the share of the schedule that was behind it: where the schedule
        last became shorter or longer.
    """

    def __init__(
        self, total: float, done: int = 0, anchor: tuple[int, float] = (0, 0.0)
    ) -> None:
        self.start = self.done = done
        self.total = max(1, round(total))
        self.anchor = anchor
        # Where the schedule leads from there, likewise.
        self._target = (self.total, 1.0)
        self._first_seconds = 0.0
        # Seconds, of the latest call; the first one does not count.
        self.per_step = 0.0

    def of_next(self, steps: int) -> np.ndarray:
        """Return the progress, between 0 and 1, before each of the next steps."""
        (step, share), (end, end_share) = self.anchor, self._target
        ahead = np.arange(self.done, self.done + steps) - step
        return share + (end_share - share) * ahead / max(1, end - step)

    def chunk(self, seconds_left: float) -> int:
        """Return how many steps the next call may take."""
        if self.done == self.start:
            return 1
        if self.per_step == 0.0:
            fits = PROBE_STEPS * self._first_seconds < seconds_left
            return PROBE_STEPS if fits else 1
        return max(1, int(min(CHUNK_SECONDS, seconds_left) / self.per_step))

    def advance(self, steps: int, seconds: float) -> None:
        """Record a finished call."""
        if self.done > self.start:
            self.per_step = seconds / steps
        else:
            self._first_seconds = seconds
        self.done += steps

    def resize(self, total: int, share: float) -> None:
        """Plan fewer or more steps.

        From here on the schedule is as fast as leaves ``share`` of it behind after that
        share of the steps.
        """
        if total == self.total:
            return
        self.anchor = self._here()
        self.total = total
        self._target = (round(share * total), share)

    def to_go_on(self) -> tuple[int, float]:
        """Return the anchor of a later training that goes on from here."""
        is_as_planned = self._target == (self.total, 1.0)
        return self.anchor if is_as_planned else self._here()

    def _here(self) -> tuple[int, float]:
        return self.done, float(self.of_next(1)[0])
