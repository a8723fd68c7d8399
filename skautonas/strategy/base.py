"""The base of our strategies, and of anybody's."""

from collections.abc import Callable
from itertools import islice
from typing import Any

import keras_tuner
import numpy as np

from skautonas._compat import seed_oracle, without_ended
from skautonas.space.base import Configuration
from skautonas.strategy.configurations import Configurations
from skautonas.strategy.options import check_least
from skautonas.strategy.oracle import PortableOracle


class SearchOracle(PortableOracle):
    """An oracle that knows its space's configurations, and learns from each trial.

    A strategy is a subclass that defines `populate_space` and, where results change
    what it proposes, `learn`. All else is here: what was tried, a generator for each
    suggestion, learning again after a reload.

    Parameters
    ----------
    **options
        As for `keras_tuner.Oracle`. A ``seed`` of 0 is one as any other.

    Raises
    ------
    ValueError
        Where the seed is below 0.
    """

    # How many configurations, known to be good, whoever drives tries first. Of a
    # search, so that it is not among what describes a template.
    n_starts = 0

    def __init__(self, **options: Any) -> None:
        seed = options.get("seed")
        if seed is not None:
            check_least(0, seed=seed)
        is_zero = seed == 0
        # KerasTuner 1.4.8 draws one instead, of Python's generator.
        super().__init__(**(options | {"seed": 1} if is_zero else options))
        if is_zero:
            seed_oracle(self, 0)
        self._configurations: Configurations | None = None
        # What makes a configuration feasible, as filters around this one say.
        self.constraints: list[Callable[[Configuration], bool]] = []
        # Of all trials, keys and rows by identifier.
        self._keys: dict[str, frozenset] = {}
        self._rows: dict[str, np.ndarray] = {}
        self._tried: set[frozenset] = set()
        self._n_learned = 0
        self.forget()

    def forget(self) -> None:
        """Forget what was learned: a search begins, or all of it is learned again."""

    def learn(self, trial: Any) -> None:
        """Take in a trial that has ended.

        Each is passed once, in the order in which they ended; after a reload all are
        passed again.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Its ``status`` is "COMPLETED", and then it has a ``score``, or "FAILED".
        """

    @property
    def configurations(self) -> Configurations:
        """What can be done with the configurations of the space."""
        space, known = self.hyperparameters.space, self._configurations
        if known is None or len(known.dials) != len(space):
            known = self._configurations = Configurations(self.hyperparameters)
            self._keys, self._rows, self._tried = {}, {}, set()
        if len(self._rows) < len(self.trials):
            new = islice(self.trials.values(), len(self._rows), None)
            for trial in list(new):
                self._read(known, trial)
        return known

    def row(self, trial: Any) -> np.ndarray:
        """Return the configuration of a trial as a row of numbers.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            One of this oracle's.

        Returns
        -------
        ndarray of shape (columns,)
            As `Configurations.row` does.
        """
        _ = self.configurations
        return self._rows[trial.trial_id]

    def gain(self, trial: Any) -> float:
        """Return the score of a trial, or its negative: greater is better.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            A completed one.

        Returns
        -------
        float
            The score, where it is to be maximised.

        Raises
        ------
        ValueError
            Where the trial has no score, as it failed.
        """
        if trial.score is None:
            raise ValueError(
                f"Expected a completed trial; received one with status {trial.status}, "
                "which has no score. Look at trial.status before."
            )
        return trial.score if self.objective.direction == "max" else -trial.score

    def generator(self) -> np.random.Generator:
        """Return the generator of the next suggestion.

        What is suggested does not depend on whether the oracle lived through all of
        the search.

        Returns
        -------
        numpy.random.Generator
            Of the seed and the number of trials.
        """
        return np.random.default_rng([self.seed, len(self.trials)])

    def is_tried(self, values: Configuration) -> bool:
        """Tell whether a configuration was tried, at whatever fidelity.

        Parameters
        ----------
        values : dict of str to value
            Active hyperparameters by name.

        Returns
        -------
        bool
            Whether some trial has it.
        """
        return self.configurations.key(values) in self._tried

    def is_new(self, values: Configuration) -> bool:
        """Tell whether to try a configuration: not tried at any fidelity, and feasible.

        Parameters
        ----------
        values : dict of str to value
            Active hyperparameters by name.

        Returns
        -------
        bool
            Whether no trial has it, and no `FeasibilityFilter` around refuses it.
        """
        is_met = (is_met(values) for is_met in self.constraints)
        return not self.is_tried(values) and all(is_met)

    def draw_new(self, rng: np.random.Generator) -> Configuration | None:
        """Draw a configuration that `is_new`.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws each active hyperparameter uniformly.

        Returns
        -------
        dict of str to value, or None
            None where all were tried.
        """
        return self.configurations.draw_new(self.is_new, rng)

    def propose(self, values: Configuration | None) -> dict[str, Any]:
        """Return the response of `populate_space` for a configuration, or for none.

        Parameters
        ----------
        values : dict of str to value, or None
            None where there is nothing to try any more.

        Returns
        -------
        dict
            ``status`` and ``values``.
        """
        status = "STOPPED" if values is None else "RUNNING"
        return {"status": status, "values": values}

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> Any:
        """Return a trial with the next suggestion, or with why there is none.

        Parameters
        ----------
        tuner_id : str
            Of the worker that asks.

        Returns
        -------
        keras_tuner.engine.trial.Trial
            Its ``status`` is "RUNNING", "IDLE" or "STOPPED".
        """
        for running in self.ongoing_trials.values():
            self._read(self.configurations, running)
        return super().create_trial(tuner_id)

    @keras_tuner.synchronized
    def end_trial(self, trial: Any) -> None:
        """End a trial, and learn from it.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Its ``status`` is "COMPLETED", "INVALID" (to be tried again, if retries
            are left) or "FAILED".
        """
        super().end_trial(trial)
        self._read(self.configurations, trial)
        self._learn_new()

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state, and learn again from what had ended.

        Parameters
        ----------
        state : dict
            From `get_state`.
        """
        super().set_state(without_ended(state))
        self._configurations, self._n_learned = None, 0
        self.forget()
        self._learn_new()

    def _read(self, space: Configurations, trial: Any) -> None:
        """Take in the values of a trial, which may change until it ends.

        A model declares more as it is built, and a start takes the place of another.
        """
        values, before = trial.hyperparameters.values, self._keys.get(trial.trial_id)
        key = space.key(values)
        if key == before:
            return
        self._keys[trial.trial_id] = key
        self._rows[trial.trial_id] = space.row(values)
        if before is None:
            self._tried.add(key)
        else:
            self._tried = set(self._keys.values())

    def _learn_new(self) -> None:
        for trial_id in self.end_order[self._n_learned :]:
            self._n_learned += 1
            self.learn(self.trials[trial_id])
