"""How the next candidate is chosen: KerasTuner oracles by name."""

from skautonas.strategy.bayesian import BayesianOracle
from skautonas.strategy.hyperband import HyperbandOracle
from skautonas.strategy.registry import STRATEGIES, make_oracle

__all__ = ["STRATEGIES", "BayesianOracle", "HyperbandOracle", "make_oracle"]
