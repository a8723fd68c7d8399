"""Optuna's samplers as a strategy."""

import copy
from itertools import count
from typing import Any

import numpy as np

from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.optuna_parameter import OptunaParameter

# Proposals of the sampler that were tried already, before one is drawn at random.
MAX_ASKS = 50


class OptunaOracle(SearchOracle):
    """What a sampler of Optuna proposes.

    It is asked for each hyperparameter that is active, by its name and for one of its
    values, in the order in which they are declared, so that conditional spaces are what
    Optuna calls define-by-run. Choices are categories, and so are the steps of a
    logarithmic scale; of "reverse_log", which Optuna does not know, values are drawn as
    of a linear one. Of several with the same name, the second is called ``name#1``.

    Where it proposes what was tried, it is told the score that this had, or that it
    failed while there is none. After 50 such proposals in a row, one is drawn at random
    from the whole space, be it beyond what `PartialFixedSampler` keeps to.

    Parameters
    ----------
    sampler : optuna.samplers.BaseSampler, optional
        A template: it is deep-copied. Give it a seed, or its draws are others in each
        fit, and where a study goes on, it leaves out some of what it was to try. None
        is Optuna's TPE with the oracle's seed.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ImportError
        Where Optuna is not installed.
    TypeError
        Where ``sampler`` is none of Optuna's.

    References
    ----------
    .. [1] Akiba, Sano, Yanase, Ohta and Koyama (2019), Optuna: a next-generation
       hyperparameter optimization framework.
    """

    def __init__(self, sampler: Any = None, **options: Any) -> None:
        try:
            import optuna
        except ImportError as error:
            raise ImportError(
                "Expected Optuna for this strategy; it is not installed. Run: pip "
                'install "skautonas[optuna]"'
            ) from error
        if not isinstance(sampler, optuna.samplers.BaseSampler | None):
            raise TypeError(
                "Expected a sampler of Optuna's, such as TPESampler(seed=0); received "
                f"{sampler!r}."
            )
        self.sampler = sampler
        super().__init__(**options)

    def forget(self) -> None:
        """Forget what was learned."""
        self._study: Any = None
        self._is_over = False
        self._parameters: list[OptunaParameter] = []
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
            ``status`` "RUNNING" and ``values``; "STOPPED" where all was tried, or the
            sampler ends the search, as one of a grid does.
        """
        study = self._open()
        if self._is_over:
            return self.propose(None)
        for _ in range(MAX_ASKS):
            asked = study.ask()
            values = self._suggested(asked)
            if self.is_new(values):
                self._asked[trial_id] = asked, self.configurations.key(values)
                return self.propose(values)
            known = self._gains.get(self.configurations.key(values))
            self._tell(asked, known)
            if self._is_over:
                return self.propose(None)
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
        state = optuna.trial.TrialState
        row = self.row(trial)
        active = [p for p in self._declared() if not np.isnan(row[p.column])]
        self._open().add_trial(
            optuna.trial.create_trial(
                state=state.FAIL if gain is None else state.COMPLETE,
                value=gain,
                params={p.name: p.nearest(row[p.column]) for p in active},
                distributions={p.name: p.distribution for p in active},
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
            # Optuna's own refuses this outside its loop.
            self._study.stop = self._stop
        return self._study

    def _stop(self) -> None:
        self._is_over = True

    def _declared(self) -> list[OptunaParameter]:
        """Return the hyperparameters as Optuna's; models may declare more."""
        dials = self.configurations.dials
        if len(self._parameters) != len(dials):
            met: set[str] = set()
            self._parameters = []
            for column, dial in enumerate(dials):
                name, suffixes = dial.parameter.name, count(1)
                unique = name
                while unique in met:
                    unique = f"{name}#{next(suffixes)}"
                self._parameters.append(OptunaParameter(column, unique, dial))
                met.add(unique)
        return self._parameters

    def _suggested(self, asked: Any) -> Configuration:
        """Return the configuration that a trial of Optuna's is suggested."""
        space = self.configurations
        row = np.full(len(space.dials), np.nan)
        for parameter in self._declared():
            if space.is_active(parameter.column, row):
                row[parameter.column] = parameter.suggested(asked)
        return space.values(row)

    def _tell(self, asked: Any, gain: float | None) -> None:
        import optuna

        state = optuna.trial.TrialState
        if gain is None:
            self._open().tell(asked, state=state.FAIL)
        else:
            self._open().tell(asked, gain)
