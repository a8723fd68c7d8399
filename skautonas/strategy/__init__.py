"""How the next candidate is chosen: KerasTuner oracles by name."""

from skautonas.strategy.asha import AshaOracle
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.bayesian import BayesianOracle
from skautonas.strategy.bohb import BohbOracle
from skautonas.strategy.duplicates import DuplicateFilter
from skautonas.strategy.evolution import EvolutionOracle
from skautonas.strategy.fallback import RandomFallback
from skautonas.strategy.feasibility import FeasibilityFilter
from skautonas.strategy.greedy import GreedyOracle
from skautonas.strategy.grid import GridOracle
from skautonas.strategy.hyperband import HyperbandOracle
from skautonas.strategy.local import LocalOracle
from skautonas.strategy.optuna import OptunaOracle
from skautonas.strategy.random import RandomOracle
from skautonas.strategy.registry import STRATEGIES, make, make_oracle, strategy_names
from skautonas.strategy.reinforce import ReinforceOracle
from skautonas.strategy.repeats import RepeatedTrials
from skautonas.strategy.stopping import MedianStopping
from skautonas.strategy.wrapper import WrapperOracle

__all__ = [
    "STRATEGIES",
    "AshaOracle",
    "BayesianOracle",
    "BohbOracle",
    "DuplicateFilter",
    "EvolutionOracle",
    "FeasibilityFilter",
    "GreedyOracle",
    "GridOracle",
    "HyperbandOracle",
    "LocalOracle",
    "MedianStopping",
    "OptunaOracle",
    "RandomFallback",
    "RandomOracle",
    "ReinforceOracle",
    "RepeatedTrials",
    "SearchOracle",
    "WrapperOracle",
    "make",
    "make_oracle",
    "strategy_names",
]
