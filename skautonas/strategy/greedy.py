"""Greedy search by levels of the space."""

from collections import Counter
from itertools import accumulate
from typing import Any

import numpy as np

from skautonas.strategy.base import SearchOracle
from skautonas.strategy.options import check_least
from skautonas.strategy.surrogate import INITIAL_POINTS

# Draws of a part before a configuration is drawn that may differ in all.
MAX_DRAWS = 50


class GreedyOracle(SearchOracle):
    """The best trial so far, with one part of it drawn anew.

    Names are paths: ``stage1``, ``stage1/block2`` and ``stage1/block2/kernel`` are each
    a part with all that is below it. The smaller a part, the likelier: by one over the
    number of its hyperparameters, as in AutoKeras [1]_.

    Parameters
    ----------
    initial_points : int, default=8
        Random trials, or starts, before it is greedy.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ValueError
        Where ``initial_points`` is below 1.

    References
    ----------
    .. [1] Jin, Chollet, Song and Hu (2023), AutoKeras: an AutoML library for deep
       learning.
    """

    def __init__(self, initial_points: int = INITIAL_POINTS, **options: Any) -> None:
        check_least(1, initial_points=initial_points)
        self.initial_points = initial_points
        super().__init__(**options)

    def forget(self) -> None:
        """Forget what was learned."""
        self._best: Any = None

    def learn(self, trial: Any) -> None:
        """Keep the best trial.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        if trial.status == "COMPLETED" and (
            self._best is None or self.gain(trial) > self.gain(self._best)
        ):
            self._best = trial

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
        rng = self.generator()
        if len(self.trials) < self.initial_points or self._best is None:
            return self.propose(self.draw_new(rng))
        space, best = self.configurations, self.row(self._best)
        paths = [_levels(dial.parameter.name) for dial in space.dials]
        active = [paths[column] for column in np.flatnonzero(~np.isnan(best))]
        sizes = Counter(part for levels in active for part in levels)
        chances = 1 / np.array(list(sizes.values()))
        # Small parts are soon tried in full.
        for drawn in space.draw(MAX_DRAWS, rng):
            part = list(sizes)[rng.choice(len(sizes), p=chances / chances.sum())]
            is_part = np.array([part in levels for levels in paths])
            values = space.values(space.mix(drawn, best, is_part))
            if self.is_new(values):
                return self.propose(values)
        return self.propose(self.draw_new(rng))


def _levels(name: str) -> list[str]:
    """Return the parts that a hyperparameter is in: ``a``, ``a/b``, ``a/b/c``."""
    return list(accumulate(name.split("/"), "{}/{}".format))
