"""Hyperband with a model."""

from typing import Any

import numpy as np

from skautonas.space.base import Configuration
from skautonas.strategy.hyperband import HyperbandOracle
from skautonas.strategy.options import check_share
from skautonas.strategy.own_values import EPOCHS
from skautonas.strategy.surrogate import INITIAL_POINTS, Surrogate


class BohbOracle(HyperbandOracle):
    """Hyperband whose new configurations come from a model of the trials so far.

    As BOHB [1]_ does, it models the trials of the longest rung that has enough of them,
    and draws a third of all configurations at random. The model is the Gaussian process
    of `BayesianOracle`, in place of BOHB's kernel density estimates.

    Parameters
    ----------
    random_share : float, default=1/3
        Share of the new configurations that are random.
    **options
        As for `HyperbandOracle`.

    Raises
    ------
    ValueError
        Where an option is out of its range.

    References
    ----------
    .. [1] Falkner, Klein and Hutter (2018), BOHB: robust and efficient hyperparameter
       optimization at scale.
    """

    def __init__(self, random_share: float = 1 / 3, **options: Any) -> None:
        check_share(random_share=random_share)
        self.random_share = random_share
        super().__init__(**options)

    def forget(self) -> None:
        """Forget what was learned."""
        super().forget()
        # By the epochs of their trials.
        self._surrogates: dict[int, Surrogate] = {}

    def learn(self, trial: Any) -> None:
        """Take in a trial that has ended.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        if trial.status == "COMPLETED":
            epochs = trial.hyperparameters.values[EPOCHS]
            self._surrogates.setdefault(epochs, Surrogate(self)).add(trial)

    def draw(self, rng: np.random.Generator) -> Configuration | None:
        """Return a new configuration, of the model or random.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws it.

        Returns
        -------
        dict of str to value, or None
            None where all were tried.
        """
        is_random = rng.random() < self.random_share
        if not is_random:
            for _, surrogate in sorted(self._surrogates.items(), reverse=True):
                if len(surrogate) >= INITIAL_POINTS:
                    return surrogate.suggest(rng)
        return self.draw_new(rng)
