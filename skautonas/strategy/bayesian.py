"""Bayesian optimisation by a Gaussian process over configurations."""

from typing import Any

from skautonas.strategy.base import SearchOracle
from skautonas.strategy.options import check_least
from skautonas.strategy.surrogate import INITIAL_POINTS, Surrogate


class BayesianOracle(SearchOracle):
    """Expected improvement over mutations of the best trials.

    A Gaussian process models the ranks of the scores, with a kernel that falls with
    the number of differing hyperparameters (Hamming; ordered ones count by how far
    they are apart), so that it needs no gradient and an inactive hyperparameter
    does not count. Trials that still run count with their expected score.

    Parameters
    ----------
    initial_points : int, default=8
        Completed trials before the model decides. They are drawn at random, but for
        the starts of a search, each of which spares another one, up to half of all.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ValueError
        Where ``initial_points`` is below 1.

    References
    ----------
    .. [1] White, Neiswanger and Savani (2021), BANANAS: Bayesian optimization with
       neural architectures for neural architecture search.
    """

    def __init__(self, initial_points: int = INITIAL_POINTS, **options: Any) -> None:
        # The model needs a trial to learn from.
        check_least(1, initial_points=initial_points)
        self.initial_points = initial_points
        super().__init__(**options)

    def forget(self) -> None:
        """Forget what was learned."""
        self._surrogate = Surrogate(self)

    def learn(self, trial: Any) -> None:
        """Take in a trial that has ended.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        if trial.status == "COMPLETED":
            self._surrogate.add(trial)

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
        # What mutates starts needs less to learn from: docs/design/0020.
        half = (self.initial_points + 1) // 2
        if len(self._surrogate) < max(half, self.initial_points - self.n_starts):
            return self.propose(self.draw_new(rng))
        return self.propose(self._surrogate.suggest(rng))
