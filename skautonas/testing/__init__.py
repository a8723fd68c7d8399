"""Checks of the contracts, for strategies of others and our own."""

from skautonas.testing.strategies import check_strategy

__all__ = ["check_strategy"]
