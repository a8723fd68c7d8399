"""Any scikit-learn scorer, applied to predictions that are there already."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import check_scoring, get_scorer

from skautonas.data.targets import ClassTargets, Targets


class FixedClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that returns given probabilities, whatever X is."""

    def __init__(self, classes: np.ndarray, probabilities: np.ndarray) -> None:
        self.classes = classes
        self.probabilities = probabilities
        self.classes_ = classes

    def fit(self, X: Any, y: Any) -> "FixedClassifier":
        """Return self; there is nothing to learn."""
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable labels."""
        return self.classes[self.probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the given probabilities."""
        return self.probabilities


class FixedRegressor(RegressorMixin, BaseEstimator):
    """A regressor that returns given values, whatever X is."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self.fitted_ = True

    def fit(self, X: Any, y: Any) -> "FixedRegressor":
        """Return self; there is nothing to learn."""
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the given values."""
        return self.values


def score_predictions(
    scorer: Any, targets: Targets, y_true: np.ndarray, predictions: np.ndarray
) -> float:
    """Score predictions with a scikit-learn scorer; greater is better.

    Parameters
    ----------
    scorer : callable
        ``scorer(estimator, X, y)``, as `sklearn.metrics.check_scoring` returns it.
        X is an array of row numbers.
    targets : ClassTargets or ValueTargets
        Knows the classes.
    y_true : ndarray of shape (n,) or (n, targets)
        Labels or values of the user.
    predictions : ndarray
        Probabilities (n, classes), or values.

    Raises
    ------
    ValueError
        Where the score is not a finite number.
    """
    estimator: Any
    if isinstance(targets, ClassTargets):
        estimator = FixedClassifier(targets.classes, predictions)
    else:
        estimator = FixedRegressor(predictions)
    score = float(scorer(estimator, np.arange(len(y_true)).reshape(-1, 1), y_true))
    if not math.isfinite(score):
        raise ValueError(f"Expected a finite score; the scorer returned {score}.")
    return score


def make_scorer(scoring: str | Callable) -> Callable:
    """Return the scorer of a name, or check a callable."""
    if isinstance(scoring, str):
        return get_scorer(scoring)
    return check_scoring(None, scoring=scoring)
