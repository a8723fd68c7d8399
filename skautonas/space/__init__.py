"""What can be built: the search spaces and the training recipe."""

from skautonas.space.base import SearchSpace
from skautonas.space.tabular import TabularSpace

__all__ = ["SearchSpace", "TabularSpace"]
