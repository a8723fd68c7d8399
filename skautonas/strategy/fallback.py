"""A wrapper that goes elsewhere where all fails."""

from typing import Any

import keras_tuner

from skautonas.strategy.options import check_least
from skautonas.strategy.own_values import PARENT, split_values
from skautonas.strategy.wrapper import WrapperOracle

# As many as end a search of KerasTuner's.
FAILURES = 3


class RandomFallback(WrapperOracle):
    """Draws at random after failures in a row, until a trial is completed.

    For a strategy that stays where nothing can be trained. So many failures more are
    allowed in a row, before KerasTuner's `Tuner` gives up. One of ours learns of what
    was drawn as if it had proposed that.

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

    def __init__(self, oracle: keras_tuner.Oracle, failures: int = FAILURES) -> None:
        super().__init__(oracle)
        check_least(1, failures=failures)
        self.failures = failures
        if self.max_consecutive_failed_trials is not None:
            # So many again, before they end a search of KerasTuner's.
            self.max_consecutive_failed_trials += failures

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
        fails = latest == ["FAILED"] * self.failures
        drawn = self.draw_accepted() if fails else None
        if drawn is None:
            return super().populate_space(trial_id)
        if not hasattr(self.oracle, "max_epochs"):
            return {"status": "RUNNING", "values": drawn}
        # With rungs, a member of a rung takes the place of another.
        response = super().populate_space(trial_id)
        values = response["values"]
        if response["status"] != "RUNNING" or PARENT in values:
            return response
        _, own = split_values(values)
        return response | {"values": drawn | own}
