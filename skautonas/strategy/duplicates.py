"""A wrapper that leaves out what was tried."""

from itertools import islice
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from skautonas.strategy.own_values import EPOCHS, PARENT
from skautonas.strategy.repeats import RepeatedTrials
from skautonas.strategy.wrapper import WrapperOracle

# Proposals in a row that were tried, before one is drawn. KerasTuner's Bayesian oracle,
# which repeats itself, takes 0.1 to 1.7 s for each.
MAX_ASKS = 10


class DuplicateFilter(WrapperOracle):
    """Tries no configuration twice: the oracle is told the score that it had.

    One that goes on with an earlier trial, or has other epochs, is another.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        The one to ask.

    Raises
    ------
    ValueError
        Where `RepeatedTrials` is within: this would take its repetitions away.
    """

    def __init__(self, oracle: keras_tuner.Oracle) -> None:
        within = oracle
        while isinstance(within, WrapperOracle):
            if isinstance(within, RepeatedTrials):
                raise ValueError(
                    "Expected an oracle that does not repeat trials; received one "
                    "with RepeatedTrials in it. Put RepeatedTrials around the filter."
                )
            within = within.oracle
        super().__init__(oracle)
        # The trials here by what they try; and by trial, those of the oracle that wait
        # for its end.
        self._first: dict[Any, str] = {}
        self._n_noted = 0
        self._waiting: dict[str, list[str]] = {}

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the next proposal that was not tried.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` and ``values``; where only what was tried is proposed, a random
            configuration; where there is none "IDLE" while trials run, else "STOPPED".
        """
        for known in islice(self.trials.values(), self._n_noted, None):
            self._note(known)
        self._n_noted = len(self.trials)
        for _ in range(MAX_ASKS):
            inner = self.inner_trials.ask()
            attempt = self._attempt(inner)
            is_new = inner.status != "RUNNING" or attempt not in self._first
            if is_new or PARENT in inner.hyperparameters.values:
                return self.pass_on(trial_id, inner)
            first = self.trials[self._first[attempt]]
            self.inner_trials.stands_for[inner.trial_id] = first.trial_id
            if first.status in ("COMPLETED", "FAILED"):
                self.inner_trials.tell(inner.trial_id, first)
            else:
                self._waiting.setdefault(first.trial_id, []).append(inner.trial_id)
        return self.draw_instead()

    def report(self, trial: Trial) -> None:
        """Tell the oracle of a trial, and again of each repetition.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        super().report(trial)
        # A model may have declared more as it was built.
        self._note(trial)
        for inner in self._waiting.pop(trial.trial_id, ()):
            self.inner_trials.tell(inner, trial)

    def get_state(self) -> dict[str, Any]:
        """Return what `set_state` needs.

        Returns
        -------
        dict
            Plain data.
        """
        return super().get_state() | {"waiting": self._waiting}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what this adds to the state.

        Parameters
        ----------
        state : dict
            From `get_state`.
        """
        self._first, self._n_noted = {}, 0
        self._waiting = dict(state["waiting"])

    def _note(self, trial: Trial) -> None:
        self._first.setdefault(self._attempt(trial), trial.trial_id)

    def _attempt(self, trial: Trial) -> Any:
        """Return what trials that try the same have in common."""
        names = {parameter.name for parameter in self.hyperparameters.space}
        values = trial.hyperparameters.values
        declared = frozenset(item for item in values.items() if item[0] in names)
        return declared, values.get(EPOCHS), values.get(PARENT)
