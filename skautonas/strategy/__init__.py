"""How the next candidate is chosen: KerasTuner oracles by name."""

from skautonas.strategy.registry import STRATEGIES, make_oracle

__all__ = ["STRATEGIES", "make_oracle"]
