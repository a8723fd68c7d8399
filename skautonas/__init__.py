"""Neural architecture search as scikit-learn estimators, over Keras models."""

from importlib.metadata import version

from skautonas.estimators.image import ImageSearchClassifier, ImageSearchRegressor
from skautonas.estimators.tabular import TabularSearchClassifier, TabularSearchRegressor
from skautonas.estimators.text import TextSearchClassifier, TextSearchRegressor
from skautonas.exceptions import SearchFailedError, SkautonasError, SkautonasWarning

__version__ = version("skautonas")

__all__ = [
    "ImageSearchClassifier",
    "ImageSearchRegressor",
    "SearchFailedError",
    "SkautonasError",
    "SkautonasWarning",
    "TabularSearchClassifier",
    "TabularSearchRegressor",
    "TextSearchClassifier",
    "TextSearchRegressor",
]
