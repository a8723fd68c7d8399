"""Any scikit-learn scorer, applied to predictions that are there already."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import check_scoring, get_scorer

from skautonas.data.targets import Targets, ValueTargets


class FixedClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that returns given probabilities, whatever X is."""

    def __init__(self, targets: Any, probabilities: np.ndarray) -> None:
        self.targets = targets
        self.probabilities = probabilities
        self.classes_ = targets.classes

    def fit(self, X: Any, y: Any) -> "FixedClassifier":
        """Return self; there is nothing to learn."""
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable labels."""
        return self.targets.labels(self.probabilities)

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
    scorer: Any,
    targets: Targets,
    y_true: np.ndarray,
    predictions: np.ndarray,
    weights: np.ndarray | None = None,
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
    weights : ndarray of shape (n,), optional
        Passed to the scorer as ``sample_weight``.

    Raises
    ------
    ValueError
        Where the score is not a finite number.
    """
    estimator: Any
    if isinstance(targets, ValueTargets):
        estimator = FixedRegressor(predictions)
    else:
        estimator = FixedClassifier(targets, predictions)
    rows = np.arange(len(y_true)).reshape(-1, 1)
    weighted = {} if weights is None else {"sample_weight": weights}
    score = float(scorer(estimator, rows, y_true, **weighted))
    if not math.isfinite(score):
        raise ValueError(f"Expected a finite score; the scorer returned {score}.")
    return score


def check_scorer(
    scorer: Any,
    targets: Targets,
    y_true: np.ndarray,
    weights: np.ndarray | None = None,
) -> None:
    """Raise where a scorer cannot score the validation rows, whatever is predicted.

    Examples are a class without a validation row for "neg_log_loss", or "roc_auc"
    with more than two classes: all trials would fail.
    """
    if isinstance(targets, ValueTargets):
        guesses = (y_true + y_true.mean(axis=0)) / 2
    else:
        rng = np.random.default_rng(0)
        guesses = rng.dirichlet(np.ones(targets.n_outputs), len(y_true))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            score_predictions(scorer, targets, y_true, guesses, weights)
    except Exception as error:
        mends = "Choose another scoring (with weights, one that takes sample_weight)"
        if isinstance(targets, ValueTargets):
            mends += ", or pass more rows"
        else:
            mends += (
                "; for classes that are missing there, pass X_val and y_val with rows "
                "of every class; for a scorer of a positive class, pass labels of 0 "
                "and 1; with more than two classes, choose one such as roc_auc_ovr"
            )
        raise ValueError(
            f"Expected a scorer for the {len(y_true)} validation rows; received "
            f"scoring={scorer!r}, which fails on them with {type(error).__name__}: "
            f"{str(error).rstrip('.')}. {mends}."
        ) from error


def make_scorer(scoring: str | Callable) -> Callable:
    """Return the scorer of a name, or check a callable.

    Parameters
    ----------
    scoring : str or callable
        A name that scikit-learn knows, or ``scorer(estimator, X, y)``.

    Raises
    ------
    ValueError
        Where the name is unknown, or the callable is a metric.
    """
    if isinstance(scoring, str):
        return get_scorer(scoring)
    return check_scoring(None, scoring=scoring)
