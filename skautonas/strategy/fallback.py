"""A wrapper that goes elsewhere where all fails."""

from typing import Any

import keras_tuner
import numpy as np

from skautonas.strategy.configurations import OWN_PREFIX, Configurations, key
from skautonas.strategy.wrapper import PARENT, WrapperOracle


class RandomFallback(WrapperOracle):
    """Draws at random after failures in a row, until a trial is completed.

    For a strategy that stays where nothing can be trained. What was drawn is reported
    to it as if it had proposed that.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        The one to ask.
    failures : int, default=3
        How many in a row.

    Raises
    ------
    ValueError
        Where ``failures`` is below 1.
    """

    def __init__(self, oracle: keras_tuner.Oracle, failures: int = 3) -> None:
        super().__init__(oracle)
        if failures < 1:
            raise ValueError(f"Expected failures of at least 1; received {failures}.")
        self.failures = failures

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return what the other oracle proposes, or a random configuration.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` and ``values``.
        """
        latest = [self.trials[i].status for i in self.end_order[-self.failures :]]
        response = super().populate_space(trial_id)
        fails = latest == ["FAILED"] * self.failures
        if response["status"] != "RUNNING" or not fails or PARENT in response["values"]:
            return response
        rng = np.random.default_rng([self.seed, len(self.trials)])
        tried = {key(trial.hyperparameters.values) for trial in self.trials.values()}
        drawn = Configurations(self.hyperparameters).draw_new(tried, rng)
        if drawn is None:
            return response
        own = {k: v for k, v in response["values"].items() if k.startswith(OWN_PREFIX)}
        return response | {"values": drawn | own}
