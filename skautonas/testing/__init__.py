"""Checks of the contracts, for strategies and spaces of others and our own."""

from skautonas.testing.spaces import check_space
from skautonas.testing.strategies import check_strategy

__all__ = ["check_space", "check_strategy"]
