"""Neural architecture search as scikit-learn estimators, over Keras models."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from skautonas.exceptions import (
    DamagedFileError,
    SearchFailedError,
    SkautonasError,
    SkautonasWarning,
    StudyExistsError,
)

if TYPE_CHECKING:
    from skautonas.estimators.image import ImageSearchClassifier, ImageSearchRegressor
    from skautonas.estimators.tabular import (
        TabularSearchClassifier,
        TabularSearchRegressor,
    )
    from skautonas.estimators.text import TextSearchClassifier, TextSearchRegressor

__version__ = version("skautonas")

__all__ = [
    "DamagedFileError",
    "ImageSearchClassifier",
    "ImageSearchRegressor",
    "SearchFailedError",
    "SkautonasError",
    "SkautonasWarning",
    "StudyExistsError",
    "TabularSearchClassifier",
    "TabularSearchRegressor",
    "TextSearchClassifier",
    "TextSearchRegressor",
]


def __getattr__(name: str) -> Any:
    """Import an estimator when it is asked for.

    scikit-learn, and pandas which it imports where it is installed, take seconds on
    a slow machine.
    """
    if name in __all__:
        modality = name.split("Search")[0].lower()
        return getattr(import_module(f"skautonas.estimators.{modality}"), name)
    raise AttributeError(f"module 'skautonas' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
