"""The strategies by name, and oracles from names and templates."""

import copy
from collections.abc import Callable
from importlib.metadata import entry_points
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
from skautonas.strategy.optuna import OptunaOracle
from skautonas.strategy.random import RandomOracle
from skautonas.strategy.reinforce import ReinforceOracle
from skautonas.strategy.rungs import RungOracle

OBJECTIVE = "score"
# Without `max_trials` the budget ends a search; KerasTuner pads trial names by it.
MANY_TRIALS = 100_000
# Where other packages register strategies.
ENTRY_POINTS = "skautonas.strategies"

STRATEGIES: dict[str, Callable[..., keras_tuner.Oracle]] = {
    "auto": BayesianOracle,
    "asha": AshaOracle,
    "bayesian": BayesianOracle,
    "bohb": BohbOracle,
    "evolution": EvolutionOracle,
    "greedy": GreedyOracle,
    "grid": GridOracle,
    "hyperband": HyperbandOracle,
    "local": LocalOracle,
    "optuna": OptunaOracle,
    "random": RandomOracle,
    "reinforce": ReinforceOracle,
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
    """
    return _find(name)(
        objective=objective,
        hyperparameters=hyperparameters,
        max_trials=max_trials or MANY_TRIALS,
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
    strategy : str or keras_tuner.Oracle
        A name, or a template: it is deep-copied.
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
        Where the name is unknown, or the template has trials already.
    """
    objective = keras_tuner.Objective(OBJECTIVE, "max")
    if isinstance(strategy, keras_tuner.Oracle):
        if strategy.trials:
            raise ValueError(
                f"Expected a fresh oracle as template; received one that has "
                f"{len(strategy.trials)} trials. Make a new {type(strategy).__name__}."
            )
        oracle = copy.deepcopy(strategy)
    else:
        kind = _find(strategy)
        has_rungs = isinstance(kind, type) and issubclass(kind, RungOracle)
        more = {"max_epochs": max_epochs} if has_rungs else {}
        # Without a seed, KerasTuner draws one of Python's generator.
        oracle = kind(seed=seed, **more)
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
            return STRATEGIES[name]
        for entry in entry_points(group=ENTRY_POINTS, name=name):
            return entry.load()
    raise ValueError(
        f"Expected strategy to be one of {strategy_names()} or a keras_tuner.Oracle; "
        f"received {name!r}."
    )
