"""Random search."""

from typing import Any

from skautonas.strategy.base import SearchOracle


class RandomOracle(SearchOracle):
    """Configurations drawn at random, none twice.

    The baseline of all others [1]_. Take it where you want to see how scores are spread
    over a space.

    Parameters
    ----------
    **options
        As for `keras_tuner.Oracle`.

    References
    ----------
    .. [1] Bergstra and Bengio (2012), Random search for hyper-parameter optimization.
    """

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
        return self.propose(self.draw_new(self.generator()))
