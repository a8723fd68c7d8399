"""A wrapper that stops trials that fall behind."""

import math
import statistics
from bisect import bisect_right
from itertools import accumulate, islice
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from skautonas.strategy.options import check_least
from skautonas.strategy.wrapper import WrapperOracle

# Trials that are compared with, as in Optuna's median pruner.
STARTUP_TRIALS = 5


class MedianStopping(WrapperOracle):
    """Stops a trial whose best score so far is below the median of others.

    Of the averages, up to the same step, of completed trials that got as far and were
    not stopped [1]_. In a fit it is what ``pruner="median"`` is. In a loop of your own,
    report each epoch by ``update_trial(trial_id, metrics, step=epoch)``, and stop where
    the status of the trial that it returns is "STOPPED"; then end the trial as
    completed.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        The one to ask.
    startup_trials : int, default=5
        Completed trials that reached a step, before one is stopped there.

    Raises
    ------
    ValueError
        Where ``startup_trials`` is below 1.

    References
    ----------
    .. [1] Golovin, Solnik, Moitra, Kochanski, Karro and Sculley (2017), Google Vizier:
       a service for black-box optimization, section 3.2.2.
    """

    # The rule of a fit whose template this is.
    pruner = "median"

    def __init__(
        self, oracle: keras_tuner.Oracle, startup_trials: int = STARTUP_TRIALS
    ) -> None:
        super().__init__(oracle)
        check_least(1, startup_trials=startup_trials)
        self.startup_trials = startup_trials
        self._stopped: set[str] = set()
        # Of the trials that ended, in this order: steps, and averages until each.
        self._averages: list[tuple[list[int], list[float]]] = []

    @keras_tuner.synchronized
    def update_trial(
        self, trial_id: str, metrics: dict[str, float], step: int = 0
    ) -> Trial:
        """Take in the metrics of a step.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.
        metrics : dict of str to float
            The objective among them.
        step : int, default=0
            Such as the epoch.

        Returns
        -------
        keras_tuner.engine.trial.Trial
            Its ``status`` is "STOPPED" where it is to stop.
        """
        trial = super().update_trial(trial_id, metrics, step)
        for ended in islice(self.end_order, len(self._averages), None):
            is_stopped = ended in self._stopped
            steps, gains = ([], []) if is_stopped else self._curve(self.trials[ended])
            sums = accumulate(gains)
            means = [total / count for count, total in enumerate(sums, start=1)]
            self._averages.append((steps, means))
        reached = [
            means[bisect_right(steps, step) - 1]
            for steps, means in self._averages
            if steps and steps[0] <= step <= steps[-1]
        ]
        if len(reached) >= self.startup_trials:
            best = max(self._curve(trial)[1], default=-math.inf)
            if best < statistics.median(reached):
                trial.status = "STOPPED"
                self._stopped.add(trial.trial_id)
        return trial

    def get_state(self) -> dict[str, Any]:
        """Return what `set_state` needs.

        Returns
        -------
        dict
            Plain data.
        """
        return super().get_state() | {"stopped": sorted(self._stopped)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what this adds to the state.

        Parameters
        ----------
        state : dict
            From `get_state`.
        """
        self._stopped, self._averages = set(state["stopped"]), []

    def _curve(self, trial: Trial) -> tuple[list[int], list[float]]:
        """Return the steps of a trial, and how good each was; those that are finite."""
        sign = 1.0 if self.objective.direction == "max" else -1.0
        if trial.status == "FAILED" or not trial.metrics.exists(self.objective.name):
            return [], []
        history = trial.metrics.get_history(self.objective.name)
        told = [(seen.step, sign * seen.mean()) for seen in history]
        finite = [(step, gain) for step, gain in told if math.isfinite(gain)]
        return [step for step, _ in finite], [gain for _, gain in finite]
