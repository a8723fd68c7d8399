"""Optuna's samplers as a strategy."""

import copy
from typing import Any

import numpy as np

from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.dials import Dial

# Proposals of the sampler that were tried already, before one is drawn at random.
MAX_ASKS = 50


class OptunaOracle(SearchOracle):
    """What a sampler of Optuna proposes.

    It is asked for each hyperparameter that is active, in the order in which they are
    declared, so that conditional spaces are what Optuna calls define-by-run. Where it
    proposes what was tried, it is told the score that this had, or that it failed while
    there is none.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler, optional
        A template: it is deep-copied. Give it a seed, or its draws are others in each
        fit. None is Optuna's TPE with the oracle's seed, each number a step on its
        scale.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ImportError
        Where Optuna is not installed.

    References
    ----------
    .. [1] Akiba, Sano, Yanase, Ohta and Koyama (2019), Optuna: a next-generation
       hyperparameter optimization framework.
    """

    def __init__(self, sampler: Any = None, **options: Any) -> None:
        try:
            import optuna  # noqa: F401
        except ImportError as error:
            raise ImportError(
                "Expected Optuna for this strategy; it is not installed. Run: pip "
                'install "skautonas[optuna]"'
            ) from error
        self.sampler = sampler
        super().__init__(**options)

    def forget(self) -> None:
        """Forget what was learned."""
        self._study: Any = None
        # Optuna's trials by those here, and what configurations came to.
        self._asked: dict[str, tuple[Any, frozenset]] = {}
        self._gains: dict[frozenset, float | None] = {}

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` "RUNNING" and ``values``; "STOPPED" where all was tried.
        """
        study = self._open()
        for _ in range(MAX_ASKS):
            asked = study.ask()
            values = self._suggested(asked)
            if self.is_new(values):
                self._asked[trial_id] = asked, self.configurations.key(values)
                return self.propose(values)
            known = self._gains.get(self.configurations.key(values))
            self._tell(asked, known)
        return self.propose(self.draw_new(self.generator()))

    def learn(self, trial: Any) -> None:
        """Tell the sampler of a trial, be it one of its own or not.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        import optuna

        gain = self.gain(trial) if trial.status == "COMPLETED" else None
        tried = self.configurations.key(trial.hyperparameters.values)
        self._gains[tried] = gain
        asked, suggested = self._asked.pop(trial.trial_id, (None, None))
        if asked is not None:
            self._tell(asked, gain if suggested == tried else None)
        if suggested == tried:
            return
        dials = self.configurations.dials
        numbers = {
            _name(column, dials[column]): int(n) if dials[column].choices else float(n)
            for column, n in enumerate(self.row(trial))
            if not np.isnan(n)
        }
        state = optuna.trial.TrialState
        self._open().add_trial(
            optuna.trial.create_trial(
                state=state.FAIL if gain is None else state.COMPLETE,
                value=gain,
                params=numbers,
                distributions={
                    _name(column, dial): _distribution(dial)
                    for column, dial in enumerate(dials)
                    if _name(column, dial) in numbers
                },
            )
        )

    def _open(self) -> Any:
        """Return the study, a new one at first: without a word of it on the screen."""
        import optuna

        if self._study is None:
            sampler = copy.deepcopy(self.sampler)
            if sampler is None:
                sampler = optuna.samplers.TPESampler(seed=self.seed)
            verbosity = optuna.logging.get_verbosity()
            optuna.logging.set_verbosity(optuna.logging.WARNING)
            self._study = optuna.create_study(direction="maximize", sampler=sampler)
            optuna.logging.set_verbosity(verbosity)
        return self._study

    def _suggested(self, asked: Any) -> Configuration:
        """Return the configuration that a trial of Optuna's is suggested."""
        space = self.configurations
        row = np.full(len(space.dials), np.nan)
        for column, dial in enumerate(space.dials):
            if not space.is_active(column, row):
                continue
            name, n_choices = _name(column, dial), len(dial.choices)
            if n_choices == 0:
                row[column] = dial.snapped(asked.suggest_float(name, 0.0, 1.0))
            elif dial.ordered:
                row[column] = asked.suggest_int(name, 0, n_choices - 1)
            else:
                row[column] = asked.suggest_categorical(name, range(n_choices))
        return space.values(row)

    def _tell(self, asked: Any, gain: float | None) -> None:
        import optuna

        state = optuna.trial.TrialState
        if gain is None:
            self._open().tell(asked, state=state.FAIL)
        else:
            self._open().tell(asked, gain)


def _name(column: int, dial: Dial) -> str:
    """Return Optuna's name of a column: several may be of one name."""
    return f"{column} {dial.parameter.name}"


def _distribution(dial: Dial) -> Any:
    import optuna

    if not dial.choices:
        return optuna.distributions.FloatDistribution(0.0, 1.0)
    if dial.ordered:
        return optuna.distributions.IntDistribution(0, len(dial.choices) - 1)
    return optuna.distributions.CategoricalDistribution(range(len(dial.choices)))
