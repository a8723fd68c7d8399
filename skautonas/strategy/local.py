"""Local search."""

from typing import Any

import numpy as np

from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.configurations import Configurations
from skautonas.strategy.options import check_least

# naszilla's number of random trials, and as many neighbours as a choice of five has.
INITIAL_POINTS, STEPS = 10, 4
# Which climb a trial belongs to, among its values.
CLIMB = "tuner/climb"


class LocalOracle(SearchOracle):
    """From the best of some random trials, to a better neighbour, and so on.

    Neighbours differ in one hyperparameter, and are tried in random order until one is
    better; where none is, the climb starts again from a new random configuration.
    Strong on spaces of up to about a million configurations [1]_.

    Parameters
    ----------
    initial_points : int, default=10
        Random trials, or starts, before the first climb.
    steps : int, default=4
        How many neighbours there are along a range of numbers.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ValueError
        Where an option is below 1.

    References
    ----------
    .. [1] White, Nolen and Savani (2021), Exploring the loss landscape in neural
       architecture search.
    """

    def __init__(
        self, initial_points: int = INITIAL_POINTS, steps: int = STEPS, **options: Any
    ) -> None:
        check_least(1, initial_points=initial_points, steps=steps)
        self.initial_points = initial_points
        self.steps = steps
        super().__init__(**options)

    def forget(self) -> None:
        """Forget what was learned."""
        # The latest climb, and the best of each.
        self._climb = 0
        self._tops: dict[int, Any] = {}
        self._top: Any = None
        # Those of the top that were not proposed yet, of which space; None before they
        # were drawn.
        self._neighbours: tuple[Configurations, list[np.ndarray]] | None = None

    def learn(self, trial: Any) -> None:
        """Move to a trial that is better, or that a new climb starts from.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        if trial.status != "COMPLETED":
            return
        climb = trial.hyperparameters.values.get(CLIMB, 0)
        best = self._tops.get(climb)
        if best is not None and self.gain(trial) <= self.gain(best):
            return
        self._tops[climb] = trial
        if climb < self._climb and self.gain(trial) <= self.gain(self._top):
            return
        # A late neighbour of an earlier climb, too, where its climb goes on by it.
        self._climb, self._top = max(climb, self._climb), trial
        self._tops[self._climb] = trial
        self._neighbours = None

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` "RUNNING" and ``values``; "STOPPED" where all was tried.
        """
        climb = self._climb
        if len(self.trials) >= self.initial_points and self._top is not None:
            values = self._next_neighbour()
            if values is not None:
                return self.propose(values | {CLIMB: climb})
            climb += 1
        values = self.draw_new(self.generator())
        return self.propose(None if values is None else values | {CLIMB: climb})

    def _next_neighbour(self) -> Configuration | None:
        space = self.configurations
        if self._neighbours is None or self._neighbours[0] is not space:
            # The same again after a reload.
            rng = np.random.default_rng([self.seed, int(self._top.trial_id), 1])
            drawn = space.neighbours(self.row(self._top), rng, self.steps)
            self._neighbours = space, list(drawn)
        _, rows = self._neighbours
        while rows:
            values = space.values(rows.pop())
            if self.is_new(values):
                return values
        return None
