"""The oracle within a wrapper: which of its trials are which of the wrapper's."""

from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from skautonas import _compat
from skautonas.space.base import Configuration
from skautonas.strategy.own_values import PARENT, split_values


class InnerTrials:
    """The trials of an oracle that another one asks.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        That passed `check_oracle`; owned by this from now on.
    outer : keras_tuner.Oracle
        The one that asks: its space and objective are those of both.

    Attributes
    ----------
    asked : dict of str to str
        Its trials, by those outside that are the same.
    stands_for : dict of str to str
        By those of its trials that were never tried, the one outside whose result they
        were told.
    """

    def __init__(self, oracle: keras_tuner.Oracle, outer: keras_tuner.Oracle) -> None:
        self.oracle = oracle
        self._outer = outer
        # It may be asked more often than there are trials outside, where they are
        # tried again, and saved.
        oracle.max_trials, oracle.max_retries_per_trial = None, 0
        _compat.silence_oracle(oracle)
        self.asked: dict[str, str] = {}
        self.stands_for: dict[str, str] = {}
        self._n_asked = 0

    def ask(self) -> Trial:
        """Return a new trial.

        Returns
        -------
        keras_tuner.engine.trial.Trial
            Its ``status`` says whether there is one.
        """
        self.oracle.hyperparameters = self._outer.hyperparameters
        self.oracle.objective = self._outer.objective
        self._n_asked += 1
        return self.oracle.create_trial(f"slot-{self._n_asked}")

    def take(self, trial: Trial) -> str:
        """Have the oracle take a trial for its own that it did not propose.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            The one outside.

        Returns
        -------
        str
            Its identifier within.
        """
        values = dict(trial.hyperparameters.values)
        response = {"status": "RUNNING", "values": values}
        populate = self.oracle.populate_space
        self.oracle.populate_space = lambda trial_id: response
        try:
            inner = self.ask()
        finally:
            self.oracle.populate_space = populate
        self.asked[trial.trial_id] = inner.trial_id
        return inner.trial_id

    def tell(
        self, inner_id: str, trial: Trial | None, score: float | None = None
    ) -> None:
        """Tell the oracle how one of its trials ended.

        Parameters
        ----------
        inner_id : str
            Its identifier within.
        trial : Trial or None
            The trial outside: its values, and how it ended; None for one that failed
            without being tried.
        score : float, optional
            In place of that trial's.
        """
        inner, objective = self.oracle.trials[inner_id], self._outer.objective.name
        if trial is not None:
            tried, _ = split_values(trial.hyperparameters.values)
            _, own = split_values(inner.hyperparameters.values)
            inner.hyperparameters.values = tried | own
            inner.message = trial.message
        if trial is None or trial.status != "COMPLETED":
            inner.status = "FAILED"
        else:
            if score is not None or not inner.metrics.exists(objective):
                score = trial.score if score is None else score
                self.oracle.update_trial(inner_id, {objective: score})
            inner.status = "COMPLETED"
        self.oracle.end_trial(inner)

    def outer_values(self, trial: Trial) -> Configuration:
        """Return the values of one of its trials, the parent as a trial outside.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            One within.

        Returns
        -------
        dict of str to value
            Hyperparameters by name.
        """
        values = dict(trial.hyperparameters.values)
        parent = values.pop(PARENT, None)
        if parent is not None:
            same = self.outer_trials(parent)
            values[PARENT] = same[0] if same else self.stands_for[parent]
        return values

    def outer_trials(self, inner_id: str) -> list[str]:
        """Return the trials outside that are one of its own.

        Parameters
        ----------
        inner_id : str
            Its identifier within.

        Returns
        -------
        list of str
            Their identifiers, in the order in which they began.
        """
        return [own for own, asked in self.asked.items() if asked == inner_id]

    def resumable(self) -> set[str]:
        """Return the trials outside that may be the parent of a later one.

        Returns
        -------
        set of str
            Their identifiers; all where the oracle does not tell.
        """
        tells = getattr(self.oracle, "resumable", None)
        if tells is None:
            return set(self.asked)
        inner = tells()
        own = {own for own, asked in self.asked.items() if asked in inner}
        return own | {o for asked, o in self.stands_for.items() if asked in inner}

    def get_state(self) -> dict[str, Any]:
        """Return what `set_state` needs.

        Returns
        -------
        dict
            Plain data, those of the oracle and of its trials among them.
        """
        trials = {i: trial.get_state() for i, trial in self.oracle.trials.items()}
        return {
            "asked": self.asked,
            "stands_for": self.stands_for,
            "n_asked": self._n_asked,
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
        self.asked, self.stands_for = dict(state["asked"]), dict(state["stands_for"])
        self._n_asked = state["n_asked"]
        trials = state["oracle_trials"]
        self.oracle.trials = {i: Trial.from_state(trials[i]) for i in trials}
        self.oracle.set_state(state["oracle"])


def check_oracle(oracle: Any) -> None:
    """Raise where an oracle cannot be asked by another one.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        Fresh, with one objective.

    Raises
    ------
    TypeError
        Where it is no oracle, but a name or a class; or KerasTuner's Hyperband.
    ValueError
        Where it has trials already, or several objectives.
    """
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
