"""Oracles around other oracles: what they have in common."""

from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial

from skautonas import _compat
from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.configurations import Configurations
from skautonas.strategy.inner import InnerTrials, check_oracle
from skautonas.strategy.oracle import PortableOracle


class WrapperOracle(PortableOracle):
    """An oracle that asks another one, and reports to it.

    The other one has trials of its own: a subclass decides which of them become trials
    here, and what it is told of them. Wrappers nest.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        The one to ask: fresh, with one objective; owned by this one from now on. Its
        options are those of this one.

    Attributes
    ----------
    oracle : keras_tuner.Oracle
        The one that is asked.
    inner_trials : InnerTrials
        Its trials: asks for them, tells it of them, and knows which are which of ours.

    Raises
    ------
    TypeError
        Where it is no oracle, but a name or a class; or KerasTuner's Hyperband.
    ValueError
        Where the oracle has trials already, or several objectives.
    """

    # Whether a trial here is one of the other oracle, so that it is told each step.
    passes_steps = True

    def __init__(self, oracle: keras_tuner.Oracle) -> None:
        check_oracle(oracle)
        super().__init__(
            objective=oracle.objective,
            max_trials=oracle.max_trials,
            hyperparameters=oracle.hyperparameters,
            allow_new_entries=oracle.allow_new_entries,
            tune_new_entries=oracle.tune_new_entries,
            seed=1,
            max_retries_per_trial=oracle.max_retries_per_trial,
            max_consecutive_failed_trials=oracle.max_consecutive_failed_trials,
        )
        _compat.seed_oracle(self, oracle.seed)
        self.oracle = oracle
        self.inner_trials = InnerTrials(oracle, self)
        self._n_reported = 0

    def __getattr__(self, name: str) -> Any:
        # What tells of fidelities: `longest_rung`, `max_epochs`, `fidelity`.
        if name.startswith("_") or name == "oracle":
            raise AttributeError(name)
        return getattr(self.oracle, name)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return what the other oracle proposes.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` and ``values``.
        """
        return self.pass_on(trial_id, self.inner_trials.ask())

    def report(self, trial: Trial) -> None:
        """Tell the other oracle of a trial that has ended here.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        inner = self.inner_trials.asked.get(trial.trial_id)
        if inner is None and takes_trials(self.oracle):
            inner = self.inner_trials.take(trial)
        if inner is not None:
            self.inner_trials.tell(inner, trial)

    def resumable(self) -> set[str]:
        """Return the finished trials that may be the parent of a later one.

        Returns
        -------
        set of str
            Their identifiers; all where the other oracle does not tell.
        """
        return self.inner_trials.resumable()

    def pass_on(self, trial_id: str, inner: Trial) -> dict[str, Any]:
        """Return the response that makes a trial of the other oracle one here.

        Parameters
        ----------
        trial_id : str
            The trial's identifier here.
        inner : keras_tuner.engine.trial.Trial
            The other oracle's.

        Returns
        -------
        dict
            ``status`` and ``values``.
        """
        if inner.status != "RUNNING":
            return {"status": inner.status, "values": None}
        self.inner_trials.asked[trial_id] = inner.trial_id
        return {"status": "RUNNING", "values": self.inner_trials.outer_values(inner)}

    def accepts(self, values: Configuration) -> bool:
        """Tell whether a configuration that the other oracle did not propose may be.

        Parameters
        ----------
        values : dict of str to value
            Active hyperparameters by name.

        Returns
        -------
        bool
            What the wrappers within say; without any, True.
        """
        within = self.oracle
        return not isinstance(within, WrapperOracle) or within.accepts(values)

    def draw_accepted(self) -> Configuration | None:
        """Draw a configuration that was not tried, and that `accepts`.

        Returns
        -------
        dict of str to value, or None
            None where there is none.
        """
        rng = np.random.default_rng([self.seed, len(self.trials)])
        space = Configurations(self.hyperparameters)
        tried = set()
        for trial in self.trials.values():
            values = trial.hyperparameters.values
            space.row(values)  # values that differ by rounding are drawn as this one
            tried.add(space.key(values))
        return space.draw_new(
            lambda values: space.key(values) not in tried and self.accepts(values), rng
        )

    def draw_instead(self) -> dict[str, Any]:
        """Return a random configuration, where the other oracle has none of use.

        Returns
        -------
        dict
            ``status`` and ``values``; where there is none, or the other oracle has
            rungs to fill itself, "IDLE" while trials run, else "STOPPED".
        """
        values = None if hasattr(self.oracle, "max_epochs") else self.draw_accepted()
        if values is not None:
            return {"status": "RUNNING", "values": values}
        status = "IDLE" if self.ongoing_trials else "STOPPED"
        return {"status": status, "values": None}

    @keras_tuner.synchronized
    def update_trial(
        self, trial_id: str, metrics: dict[str, float], step: int = 0
    ) -> Trial:
        """Take in the metrics of a step, and pass them on.

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
        inner = self.inner_trials.asked.get(trial_id)
        if inner is not None and self.passes_steps:
            told = self.oracle.update_trial(inner, metrics, step)
            if told.status == "STOPPED":
                trial.status = told.status = "STOPPED"
        return trial

    @keras_tuner.synchronized
    def end_trial(self, trial: Trial) -> None:
        """End a trial here, and report it.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Its ``status`` is "COMPLETED", "INVALID" (to be tried again, if retries
            are left) or "FAILED".
        """
        super().end_trial(trial)
        self._report_new()

    def get_state(self) -> dict[str, Any]:
        """Return what `set_state` needs.

        Returns
        -------
        dict
            Plain data, those of the other oracle and of its trials among them.
        """
        own = {"n_reported": self._n_reported}
        return super().get_state() | self.inner_trials.get_state() | own

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Parameters
        ----------
        state : dict
            From `get_state`.
        """
        super().set_state(_compat.without_ended(state))
        self._n_reported = state["n_reported"]
        self.inner_trials.set_state(state)
        self.restore(state)
        # It was saved at the end of a trial, before that was reported.
        self._report_new()

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what a subclass adds to the state.

        Parameters
        ----------
        state : dict
            From `get_state`.
        """

    def _report_new(self) -> None:
        for trial_id in self.end_order[self._n_reported :]:
            self._n_reported += 1
            self.report(self.trials[trial_id])


def takes_trials(oracle: keras_tuner.Oracle) -> bool:
    """Tell whether an oracle learns of trials that it did not propose.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        One of ours or not, within wrappers or not.

    Returns
    -------
    bool
        Of ours that have no rungs: a member of a rung is one that was proposed for it.
    """
    within = innermost(oracle)
    return isinstance(within, SearchOracle) and not hasattr(within, "max_epochs")


def innermost(oracle: keras_tuner.Oracle) -> keras_tuner.Oracle:
    """Return the oracle within all wrappers."""
    while isinstance(oracle, WrapperOracle):
        oracle = oracle.oracle
    return oracle
