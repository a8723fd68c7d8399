"""The strategies by name, and oracles from names and templates."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from inspect import Parameter, signature
from typing import Any

import keras_tuner

from skautonas import _compat
from skautonas.strategy.asha import AshaOracle
from skautonas.strategy.bayesian import BayesianOracle
from skautonas.strategy.bohb import BohbOracle
from skautonas.strategy.evolution import EvolutionOracle
from skautonas.strategy.greedy import GreedyOracle
from skautonas.strategy.grid import GridOracle
from skautonas.strategy.hyperband import HyperbandOracle
from skautonas.strategy.local import LocalOracle
from skautonas.strategy.options import check_least
from skautonas.strategy.optuna import OptunaOracle
from skautonas.strategy.random import RandomOracle
from skautonas.strategy.reinforce import ReinforceOracle
from skautonas.strategy.rungs import RungOracle

OBJECTIVE = "score"
# Without `max_trials` the budget ends a search; KerasTuner pads trial names by it.
MANY_TRIALS = 100_000
# Where other packages register strategies.
ENTRY_POINTS = "skautonas.strategies"


@dataclass(frozen=True, slots=True)
class Strategy:
    """One row of `STRATEGIES`.

    Parameters
    ----------
    kind : callable
        Makes its oracle: a class of oracles.
    purpose : str
        What it is for.
    """

    kind: Callable[..., keras_tuner.Oracle]
    purpose: str

    @property
    def options(self) -> tuple[str, ...]:
        """Names of its options, besides those of every `keras_tuner.Oracle`."""
        names = {
            name: None
            for base in getattr(self.kind, "__mro__", ())
            if issubclass(base, keras_tuner.Oracle) and base is not keras_tuner.Oracle
            for name, parameter in signature(base.__init__).parameters.items()
            if parameter.kind is not Parameter.VAR_KEYWORD
        }
        common = signature(keras_tuner.Oracle.__init__).parameters
        return tuple(name for name in names if name not in common)


_BAYESIAN = Strategy(BayesianOracle, "most searches of up to some hundred trials")
STRATEGIES: dict[str, Strategy] = {
    "auto": _BAYESIAN,
    "bayesian": _BAYESIAN,
    "evolution": Strategy(EvolutionOracle, "many workers; scores that are noisy"),
    "local": Strategy(LocalOracle, "small spaces of choices"),
    "greedy": Strategy(
        GreedyOracle, "spaces with parts that hardly depend on each other"
    ),
    "reinforce": Strategy(ReinforceOracle, "comparison with the literature"),
    "hyperband": Strategy(HyperbandOracle, "slow trainings"),
    "asha": Strategy(AshaOracle, "slow trainings on many workers"),
    "bohb": Strategy(BohbOracle, "slow trainings, many trials"),
    "random": Strategy(RandomOracle, "a baseline"),
    "grid": Strategy(GridOracle, "spaces that are tried in full"),
    "optuna": Strategy(OptunaOracle, "samplers that you know"),
}


def strategy_names() -> list[str]:
    """Return the names of all strategies, those that other packages register too.

    Returns
    -------
    list of str
        What `make` takes.
    """
    return sorted({*STRATEGIES, *entry_points(group=ENTRY_POINTS).names})


def make(
    name: str,
    *,
    objective: Any,
    hyperparameters: keras_tuner.HyperParameters | None = None,
    max_trials: int | None = None,
    seed: int | None = None,
    **options: Any,
) -> keras_tuner.Oracle:
    """Return an oracle, for `keras_tuner.Tuner` or for a loop of your own.

    Parameters
    ----------
    name : str
        One of `strategy_names`.
    objective : str or keras_tuner.Objective
        What to optimise, such as ``"val_accuracy"``.
    hyperparameters : keras_tuner.HyperParameters, optional
        The space; without it what a tuner finds when it builds.
    max_trials : int, optional
        Number of trials; without a limit where None.
    seed : int, optional
        0 is a seed as any other; None draws one.
    **options
        Of the strategy, see its class.

    Returns
    -------
    keras_tuner.Oracle
        Fresh.

    Raises
    ------
    ValueError
        Where the name is unknown, or an option is out of its range.
    TypeError
        Where it is no name, or the strategy has no such option.
    """
    if not isinstance(name, str):
        raise TypeError(
            "Expected the name of a strategy, such as 'bayesian'; received "
            f"{name!r}. Call a class by itself."
        )
    if max_trials is not None:
        check_least(1, max_trials=max_trials)
    if not isinstance(hyperparameters, keras_tuner.HyperParameters | None):
        raise TypeError(
            "Expected hyperparameters to be a keras_tuner.HyperParameters; received "
            f"{hyperparameters!r}."
        )
    kind = _find(name)
    known = STRATEGIES[name].options if name in STRATEGIES else tuple(options)
    common = signature(keras_tuner.Oracle.__init__).parameters
    unknown = [option for option in options if option not in {*known, *common}]
    if unknown:
        raise TypeError(
            f"Expected options of {name!r} to be among {list(known)}; received "
            f"{unknown}."
        )
    return kind(
        objective=objective,
        hyperparameters=hyperparameters,
        max_trials=MANY_TRIALS if max_trials is None else max_trials,
        seed=seed,
        **options,
    )


def make_oracle(
    strategy: Any,
    hp: keras_tuner.HyperParameters,
    *,
    max_trials: int | None,
    max_epochs: int | None,
    seed: int,
) -> keras_tuner.Oracle:
    """Return a fresh oracle over ``hp`` that maximises the score, for a fit.

    Parameters
    ----------
    strategy : str, keras_tuner.Oracle or callable
        A name; a template, which is deep-copied; or a class or factory, which is called
        with ``objective``, ``hyperparameters``, ``max_trials`` and ``seed``.
    hp : keras_tuner.HyperParameters
        The declared space.
    max_trials : int or None
        Number of trials.
    max_epochs : int or None
        Epochs of the longest rung, for strategies with rungs.
    seed : int
        Seed, at least 1: KerasTuner takes 0 for no seed.

    Returns
    -------
    keras_tuner.Oracle
        Silent, and without retries.

    Raises
    ------
    ValueError
        Where the name is unknown, or the oracle has trials already.
    TypeError
        Where a factory returns something else.
    """
    objective = keras_tuner.Objective(OBJECTIVE, "max")
    if isinstance(strategy, keras_tuner.Oracle):
        oracle = copy.deepcopy(strategy)
    else:
        kind = strategy if callable(strategy) else _find(strategy)
        has_rungs = isinstance(kind, type) and issubclass(kind, RungOracle)
        more = {"max_epochs": max_epochs} if has_rungs else {}
        oracle = kind(
            objective=objective,
            hyperparameters=hp,
            max_trials=max_trials or MANY_TRIALS,
            # Without a seed, KerasTuner draws one of Python's generator.
            seed=seed,
            **more,
        )
    if not isinstance(oracle, keras_tuner.Oracle):
        raise TypeError(
            "Expected strategy to return a keras_tuner.Oracle, as it is a function; "
            f"received {type(oracle).__name__}."
        )
    if oracle.trials:
        raise ValueError(
            f"Expected a fresh oracle as template; received one that has "
            f"{len(oracle.trials)} trials. Make a new {type(oracle).__name__}."
        )
    oracle.hyperparameters = hp
    oracle.objective = objective
    oracle.max_trials = max_trials or MANY_TRIALS
    layer = oracle
    while layer is not None:  # what it wraps, too
        _compat.seed_oracle(layer, seed)
        layer = getattr(layer, "oracle", None)
    oracle.max_consecutive_failed_trials = None
    oracle.max_retries_per_trial = 0
    _compat.silence_oracle(oracle)
    return oracle


def _find(name: Any) -> Callable[..., keras_tuner.Oracle]:
    """Return the class of a strategy; ours come before those of other packages."""
    if isinstance(name, str):
        if name in STRATEGIES:
            return STRATEGIES[name].kind
        for entry in entry_points(group=ENTRY_POINTS, name=name):
            return entry.load()
    raise ValueError(
        f"Expected strategy to be one of {strategy_names()} or a keras_tuner.Oracle; "
        f"received {name!r}."
    )
