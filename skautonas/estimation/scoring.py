"""Any scikit-learn scorer, applied to predictions that are there already."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    check_scoring,
    d2_brier_score,
    d2_log_loss_score,
    get_scorer,
    log_loss,
    r2_score,
)

from skautonas._compat import metric_of, score_function
from skautonas.data.targets import LabelSetTargets, Targets, ValueTargets

# Of the targets' deviation: how far above their least value predictions may begin.
LEAST_STEP = 1e-3
# About so many of the rows tell whether a scorer takes them.
TRIED_ROWS = 1000


class FixedClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that returns given probabilities, whatever X is."""

    def __init__(self, targets: Any, probabilities: np.ndarray) -> None:
        self.targets = targets
        self.probabilities = probabilities
        self.classes_: Any = targets.classes
        if isinstance(targets, LabelSetTargets):
            # As scikit-learn tells label sets; numbers of two labels seem two classes.
            self.classes_ = [np.array([0, 1])] * targets.n_outputs

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
    # Both are undefined without rows, and one of a single row, as scikit-learn says.
    compute = METRICS.get(metric_of(scorer)) if len(y_true) > 1 else None
    if compute is not None:
        score = float(compute(y_true, estimator.predict(rows), weights))
    else:
        weighted = {} if weights is None else {"sample_weight": weights}
        score = float(scorer(estimator, rows, y_true, **weighted))
    if not math.isfinite(score):
        raise ValueError(f"Expected a finite score; the scorer returned {score}.")
    return score


def _accuracy(y: np.ndarray, labels: np.ndarray, weights: Any) -> float:
    right = y == labels
    return np.average(right if y.ndim == 1 else right.all(axis=1), weights=weights)


def _r2(y: np.ndarray, values: np.ndarray, weights: Any) -> float:
    """Return R2; a constant target counts as 0, or as 1 where it is met."""
    y, values = y.reshape(len(y), -1), values.reshape(len(y), -1)
    each = np.ones((len(y), 1)) if weights is None else weights[:, None]
    errors = (each * (y - values) ** 2).sum(axis=0)
    mean = np.average(y, axis=0, weights=weights)
    spread = (each * (y - mean) ** 2).sum(axis=0)
    scores = 1 - errors / np.where(spread == 0, 1, spread)
    return np.where(spread == 0, errors == 0, scores).mean()


# The default objectives, of checked rows. Each validation and each draw of rows scores,
# and scikit-learn's checks of its arguments take 0.5 to 1.4 ms, these 0.02.
METRICS: dict[Any, Callable] = {accuracy_score: _accuracy, r2_score: _r2}
PROPER_SCORES = (log_loss, d2_log_loss_score, brier_score_loss, d2_brier_score)


def is_proper(scorer: Any) -> bool:
    """Tell whether a scorer is of one of scikit-learn's proper scoring rules."""
    return score_function(scorer) in PROPER_SCORES


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


def allowed_low(scorer: Any, targets: ValueTargets, y: np.ndarray) -> np.ndarray:
    """Return the least values that may be predicted: those of ``targets``, or above.

    Some scores are of positive predictions only, such as "neg_mean_poisson_deviance",
    where counts may be zero.
    """
    some = y[:: 1 + len(y) // TRIED_ROWS]
    for low in (targets.low, targets.low + LEAST_STEP * targets.scale):
        least = targets.values(np.tile(low, (len(some), 1)))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                score_predictions(scorer, targets, some, least)
        except Exception:  # of a user's scorer, too
            continue
        return low
    return targets.low


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
