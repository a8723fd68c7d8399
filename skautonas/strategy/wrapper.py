"""Oracles around other oracles: what they have in common."""

from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial

from skautonas import _compat
from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.configurations import Configurations
from skautonas.strategy.oracle import PortableOracle
from skautonas.strategy.own_values import PARENT, split_values


class WrapperOracle(PortableOracle):
    """An oracle that asks another one, and reports to it.

    The other one has trials of its own: a subclass decides which of them become trials
    here, and what it is told of them. Wrappers nest.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        The one to ask: fresh, with one objective; owned by this one from now on. Its
        options are those of this one.

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
        if not isinstance(oracle, keras_tuner.Oracle):
            raise TypeError(
                "Expected an oracle to wrap, such as BayesianOracle(); received "
                f"{oracle!r}."
            )
        if isinstance(oracle, keras_tuner.oracles.HyperbandOracle):
            # It promotes what has ended, be it that it failed, or was never tried here.
            raise TypeError(
                "Expected an oracle that learns of completed trials alone; received "
                "KerasTuner's HyperbandOracle. Wrap that of skautonas.strategy."
            )
        if hasattr(oracle.objective, "objectives"):
            names = [objective.name for objective in oracle.objective.objectives]
            raise ValueError(
                f"Expected an oracle with one objective; received one with {names}."
            )
        if oracle.trials:
            raise ValueError(
                f"Expected a fresh oracle; received one that has {len(oracle.trials)} "
                f"trials. Make a new {type(oracle).__name__}."
            )
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
        # It may be asked more often than there are trials here, which are tried again,
        # and saved, here.
        oracle.max_trials, oracle.max_retries_per_trial = None, 0
        _compat.silence_oracle(oracle)
        # Its trials by those here; and by those of its that were never tried here, what
        # they were told the result of.
        self._asked: dict[str, str] = {}
        self._stands_for: dict[str, str] = {}
        self._n_asked = 0
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
        return self.pass_on(trial_id, self.ask())

    def report(self, trial: Trial) -> None:
        """Tell the other oracle of a trial that has ended here.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        inner = self._asked.get(trial.trial_id)
        if inner is None and takes_trials(self.oracle):
            inner = self._hand_over(trial)
        if inner is not None:
            self.tell(inner, trial)

    def resumable(self) -> set[str]:
        """Return the finished trials that may be the parent of a later one.

        Returns
        -------
        set of str
            Their identifiers; all where the other oracle does not tell.
        """
        tells = getattr(self.oracle, "resumable", None)
        if tells is None:
            return set(self._asked)
        inner = tells()
        own = {own for own, asked in self._asked.items() if asked in inner}
        return own | {o for asked, o in self._stands_for.items() if asked in inner}

    def ask(self) -> Trial:
        """Return a new trial of the other oracle.

        Returns
        -------
        keras_tuner.engine.trial.Trial
            Its ``status`` says whether there is one.
        """
        self.oracle.hyperparameters = self.hyperparameters
        self.oracle.objective = self.objective
        self._n_asked += 1
        return self.oracle.create_trial(f"slot-{self._n_asked}")

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
        self._asked[trial_id] = inner.trial_id
        return {"status": "RUNNING", "values": self.own_values(inner)}

    def own_values(self, inner: Trial) -> Configuration:
        """Return the values of a trial of the other oracle, its parent as one here.

        Parameters
        ----------
        inner : keras_tuner.engine.trial.Trial
            The other oracle's.

        Returns
        -------
        dict of str to value
            Hyperparameters by name.
        """
        values = dict(inner.hyperparameters.values)
        parent = values.pop(PARENT, None)
        if parent is not None:
            owns = (own for own, asked in self._asked.items() if asked == parent)
            values[PARENT] = next(owns, None) or self._stands_for[parent]
        return values

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

    def tell(self, inner_id: str, trial: Trial | None, score: Any = None) -> None:
        """Tell the other oracle how one of its trials ended.

        Parameters
        ----------
        inner_id : str
            Its identifier there.
        trial : Trial or None
            The trial here: its values, and how it ended; None for one that failed
            without being tried.
        score : float, optional
            In place of that trial's.
        """
        inner = self.oracle.trials[inner_id]
        if trial is not None:
            self._set_values(inner, trial)
            inner.message = trial.message
        if trial is None or trial.status != "COMPLETED":
            inner.status = "FAILED"
        else:
            if score is not None or not inner.metrics.exists(self.objective.name):
                score = trial.score if score is None else score
                self.oracle.update_trial(inner_id, {self.objective.name: score})
            inner.status = "COMPLETED"
        self.oracle.end_trial(inner)

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
        inner = self._asked.get(trial_id)
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
        trials = {i: trial.get_state() for i, trial in self.oracle.trials.items()}
        return super().get_state() | {
            "asked": self._asked,
            "stands_for": self._stands_for,
            "n_asked": self._n_asked,
            "n_reported": self._n_reported,
            "oracle": self.oracle.get_state(),
            "oracle_trials": trials,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Parameters
        ----------
        state : dict
            From `get_state`.
        """
        super().set_state(_compat.without_ended(state))
        self._asked, self._n_asked = dict(state["asked"]), state["n_asked"]
        self._n_reported = state["n_reported"]
        self._stands_for = dict(state["stands_for"])
        trials = state["oracle_trials"]
        self.oracle.trials = {i: Trial.from_state(trials[i]) for i in trials}
        self.oracle.set_state(state["oracle"])
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

    def _hand_over(self, trial: Trial) -> str:
        """Have the other oracle take a trial for its own that it did not propose."""
        values = dict(trial.hyperparameters.values)
        response = {"status": "RUNNING", "values": values}
        populate = self.oracle.populate_space
        self.oracle.populate_space = lambda trial_id: response
        try:
            inner = self.ask()
        finally:
            self.oracle.populate_space = populate
        self._asked[trial.trial_id] = inner.trial_id
        return inner.trial_id

    def _set_values(self, inner: Trial, trial: Trial) -> None:
        tried, _ = split_values(trial.hyperparameters.values)
        _, own = split_values(inner.hyperparameters.values)
        inner.hyperparameters.values = tried | own


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
