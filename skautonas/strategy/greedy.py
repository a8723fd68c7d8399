"""Greedy search by parts of the space."""

from typing import Any

import numpy as np

from skautonas.strategy.base import SearchOracle

# Draws of a part before a configuration is drawn that may differ in all.
MAX_DRAWS = 50


class GreedyOracle(SearchOracle):
    """The best trial so far, with one part of it drawn anew.

    Hyperparameters whose names begin with the same part of a path, as those of the
    recipe in ``recipe/...``, are one part; what has no path is one by itself. Parts are
    drawn at random, each as likely. After the idea of AutoKeras [1]_, which goes from
    its best architecture to that one's training.

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

    def __init__(self, initial_points: int = 8, **options: Any) -> None:
        if initial_points < 1:
            raise ValueError(
                f"Expected initial_points of at least 1; received {initial_points}."
            )
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
        parts = [dial.parameter.name.partition("/")[0] for dial in space.dials]
        active = sorted({parts[column] for column in np.flatnonzero(~np.isnan(best))})
        # Small parts are soon tried in full.
        for drawn in space.draw(MAX_DRAWS, rng):
            part = active[rng.integers(len(active))]
            is_part = np.array([name == part for name in parts])
            values = space.values(space.mix(drawn, best, is_part))
            if self.is_new(values):
                return self.propose(values)
        return self.propose(self.draw_new(rng))
