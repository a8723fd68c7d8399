"""What can be built: the search spaces and the training recipe."""

from skautonas.space.base import SearchSpace
from skautonas.space.image import ImageSpace
from skautonas.space.tabular import TabularSpace
from skautonas.space.text import TextSpace

__all__ = ["ImageSpace", "SearchSpace", "TabularSpace", "TextSpace"]
