"""Optuna's samplers as a strategy."""

import copy
from decimal import Decimal
from itertools import count
from typing import Any

import numpy as np
from keras_tuner.engine.hyperparameters import Int

from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.dials import Dial

# Proposals of the sampler that were tried already, before one is drawn at random.
MAX_ASKS = 50
# Of a logarithmic scale, so many steps.
MAX_STEPS = 1000
# The place of the last step of a range.
ALMOST_ONE = 1.0 - 1e-9
# Of a step: sums of two have not more than the 15 that a float keeps.
DIGITS = 12


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
        self._parameters: list[_Parameter] = []
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

    def _declared(self) -> "list[_Parameter]":
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
                self._parameters.append(_Parameter(column, unique, dial))
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


class _Parameter:
    """A hyperparameter as one of Optuna's.

    Parameters
    ----------
    column : int
        Its place in a configuration's row.
    name : str
        Optuna's.
    dial : Dial
        Its values as numbers.
    """

    def __init__(self, column: int, name: str, dial: Dial) -> None:
        self.column = column
        self.name = name
        self._dial = dial
        self.distribution = _distribution(dial)

    def suggested(self, asked: Any) -> float:
        """Return the number of what a trial of Optuna's is suggested."""
        like = self.distribution
        if hasattr(like, "choices"):
            value = asked.suggest_categorical(self.name, like.choices)
        else:
            is_int = isinstance(self._dial.parameter, Int)
            suggest = asked.suggest_int if is_int else asked.suggest_float
            options = {"step": like.step, "log": like.log}
            value = suggest(self.name, like.low, like.high, **options)
        is_stepped = getattr(self._dial.parameter, "step", None) is not None
        return self._dial.nearest(value) if is_stepped else self._dial.number(value)

    def nearest(self, number: float) -> Any:
        """Return the value of a number; of one between two steps, that of a step."""
        value, like = self._dial.value(number), self.distribution
        if hasattr(like, "choices"):
            if value in like.choices:
                return value
            return min(like.choices, key=lambda choice: abs(choice - value))
        if like.step is None:
            return value
        step = round((value - like.low) / like.step)
        return min(like.low + step * like.step, like.high)


def _decimal(number: float) -> Decimal:
    """Return a number without what rounding left of it, such as 0.1 + 0.2."""
    return Decimal(number if isinstance(number, int) else f"{number:.{DIGITS}g}")


def _distribution(dial: Dial) -> Any:
    """Return what Optuna calls the values of a hyperparameter."""
    from optuna import distributions

    if dial.choices:
        return distributions.CategoricalDistribution(dial.choices)
    parameter, options = dial.parameter, {}
    low, high = parameter.min_value, parameter.max_value
    if parameter.step is not None:
        if parameter.sampling != "linear":
            steps = [dial.value(number) for number in dial.levels(MAX_STEPS)]
            return distributions.CategoricalDistribution(steps)
        # Optuna counts in decimals, and cuts a range that does not end with a step.
        n_steps = round((dial.value(ALMOST_ONE) - low) / parameter.step)
        first, step = _decimal(low), _decimal(parameter.step)
        kind = type(low)
        low, high = kind(first), kind(first + n_steps * step)
        options = {"step": kind(step)}
    is_int = isinstance(parameter, Int)
    make = distributions.IntDistribution if is_int else distributions.FloatDistribution
    return make(low, high, log=parameter.sampling == "log", **options)
