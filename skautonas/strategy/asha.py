"""Asynchronous successive halving."""

import math
from collections.abc import Callable
from typing import Any

from skautonas.strategy.own_values import EPOCHS, PARENT
from skautonas.strategy.rungs import RungOracle

# So many more trials of a rung keep their checkpoints than would be promoted now.
SPARE = 3


class AshaOracle(RungOracle):
    """Successive halving in which no worker ever waits.

    Whenever a worker is free, a trial that is among the best third of its rung by now
    goes on to the next one; where there is none, a new configuration begins on the
    shortest [1]_. Some are promoted that would not be, had their rung been full; for
    many workers, or trials of different lengths, that is less than waiting costs.

    Parameters
    ----------
    max_epochs : int, default=None
        Epochs of the longest rung; None leaves them to the recipe.
    factor : int, default=3
        How many times longer the next rung is, and of how many one is promoted.
    rungs : int, default=2
        Number of rungs; fewer where ``max_epochs`` is small.
    fidelity : {"epochs", "rows"}, default="epochs"
        What a lower rung has less of.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ValueError
        Where an option is out of its range.

    References
    ----------
    .. [1] Li, Jamieson, Rostamizadeh, Gonina, Ben-Tzur, Hardt, Recht and Talwalkar
       (2020), A system for massively parallel hyperparameter tuning.
    """

    def forget(self) -> None:
        """Forget what was learned."""
        # The completed trials of each rung but the longest, and those that went on.
        self._completed: list[list[Any]] = [[] for _ in range(self.rungs - 1)]
        values = (trial.hyperparameters.values for trial in self.trials.values())
        self._promoted = {v[PARENT] for v in values if PARENT in v}

    def learn(self, trial: Any) -> None:
        """Take a completed trial into its rung.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        epochs = trial.hyperparameters.values[EPOCHS]
        for rung, completed in enumerate(self._completed):
            if trial.status == "COMPLETED" and epochs == self._epochs(rung):
                completed.append(trial)
                completed.sort(key=self.gain, reverse=True)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` "RUNNING" and ``values``, with ``tuner/epochs``,
            ``tuner/initial_epoch`` and, of a promoted trial, ``tuner/trial_id``; "IDLE"
            where only running trials can bring more, and "STOPPED" at the end.
        """
        response = self._promote_best(math.floor)
        if response is not None:
            return response
        values = self.draw(self.generator())
        if values is not None:
            return self.begin(values, self.rungs - 1)
        if self.ongoing_trials:
            return {"status": "IDLE", "values": None}
        # Nothing new is left: the members that are there are all there will be.
        return self._promote_best(math.ceil) or self.propose(None)

    def resumable(self) -> set[str]:
        """Return the finished trials that may still be promoted.

        Returns
        -------
        set of str
            Identifiers of those that would be, were a few more of their rung done. One
            of the others, should its turn come, starts anew.
        """
        return {
            trial.trial_id
            for completed in self._completed
            for trial in completed[: len(completed) // self.factor + SPARE]
            if trial.trial_id not in self._promoted
        }

    def _promote_best(self, rounded: Callable[[float], int]) -> dict[str, Any] | None:
        """Promote the best that has not been, from the longest rung that has one."""
        for rung in reversed(range(self.rungs - 1)):
            completed = self._completed[rung]
            for trial in completed[: rounded(len(completed) / self.factor)]:
                if trial.trial_id not in self._promoted:
                    self._promoted.add(trial.trial_id)
                    return self.promote(trial, self.rungs - 2 - rung)
        return None

    def _epochs(self, rung: int) -> int:
        return self.epochs(self.rungs - 1 - rung)
