"""A wrapper that stops trials that fall behind."""

import statistics

import keras_tuner
from keras_tuner.engine.trial import Trial

from skautonas.strategy.wrapper import WrapperOracle


class MedianStopping(WrapperOracle):
    """Stops a trial whose best score so far is below the median of others.

    Of the averages of completed trials, up to the same step [1]_. In a fit it is what
    ``pruner="median"`` is. In a loop of your own, report each epoch by
    ``update_trial(trial_id, metrics, step=epoch)``, and stop where the status of the
    trial that it returns is "STOPPED"; then end the trial as completed.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        The one to ask.
    startup_trials : int, default=5
        Completed trials before one is stopped, as in Optuna's median pruner.

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

    def __init__(self, oracle: keras_tuner.Oracle, startup_trials: int = 5) -> None:
        super().__init__(oracle)
        if startup_trials < 1:
            raise ValueError(
                f"Expected startup_trials of at least 1; received {startup_trials}."
            )
        self.startup_trials = startup_trials

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
        averages = [
            statistics.fmean(reached)
            for other in self.trials.values()
            if other.status == "COMPLETED" and (reached := self._until(other, step))
        ]
        if len(averages) >= self.startup_trials:
            best = max(self._until(trial, step))
            if best < statistics.median(averages):
                trial.status = "STOPPED"
        return trial

    def _until(self, trial: Trial, step: int) -> list[float]:
        """Return what a trial had reached up to a step, greater is better."""
        sign = 1.0 if self.objective.direction == "max" else -1.0
        if not trial.metrics.exists(self.objective.name):
            return []
        history = trial.metrics.get_history(self.objective.name)
        return [sign * seen.mean() for seen in history if seen.step <= step]
