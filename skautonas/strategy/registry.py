"""The strategies by name, and oracles from names, templates and classes."""

import copy
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
from skautonas.strategy.random import RandomOracle
from skautonas.strategy.rungs import RungOracle

OBJECTIVE = "score"
# Without `max_trials` the budget ends a search; KerasTuner pads trial names by it.
MANY_TRIALS = 100_000


STRATEGIES = {
    "auto": BayesianOracle,
    "asha": AshaOracle,
    "bayesian": BayesianOracle,
    "bohb": BohbOracle,
    "evolution": EvolutionOracle,
    "greedy": GreedyOracle,
    "grid": GridOracle,
    "hyperband": HyperbandOracle,
    "local": LocalOracle,
    "random": RandomOracle,
}


def make_oracle(
    strategy: Any,
    hp: keras_tuner.HyperParameters,
    *,
    max_trials: int | None,
    max_epochs: int | None,
    seed: int,
) -> keras_tuner.Oracle:
    """Return a fresh oracle over ``hp`` that maximises the score.

    Parameters
    ----------
    strategy : str or keras_tuner.Oracle
        A name of `STRATEGIES`, or a template: it is deep-copied.
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
    limit = max_trials or MANY_TRIALS
    if isinstance(strategy, keras_tuner.Oracle):
        if strategy.trials:
            raise ValueError(
                f"Expected a fresh oracle as template; received one that has "
                f"{len(strategy.trials)} trials. Make a new {type(strategy).__name__}."
            )
        oracle = copy.deepcopy(strategy)
        oracle.hyperparameters = hp
        oracle.objective = objective
        oracle.max_trials = limit
        _compat.seed_oracle(oracle, seed)
    elif strategy in STRATEGIES:
        kind = STRATEGIES[strategy]
        more = {"max_epochs": max_epochs} if issubclass(kind, RungOracle) else {}
        oracle = kind(
            objective=objective,
            max_trials=limit,
            seed=seed,
            hyperparameters=hp,
            **more,
        )
    else:
        raise ValueError(
            f"Expected strategy to be one of {sorted(STRATEGIES)} or a "
            f"keras_tuner.Oracle; received {strategy!r}."
        )
    oracle.max_consecutive_failed_trials = None
    oracle.max_retries_per_trial = 0
    _compat.silence_oracle(oracle)
    return oracle
