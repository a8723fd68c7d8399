"""Targets that are rare, alone in their class, or far from the others."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_digits, make_classification
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split

from skautonas import (
    ImageSearchClassifier,
    TabularSearchClassifier,
    TabularSearchRegressor,
)
from skautonas.space import TabularSpace

QUICK = {"max_trials": 2, "max_epochs": 40, "time_budget": None, "random_state": 0}
SMALL = TabularSpace(architectures=("mlp", "residual"), units=(32, 64), layers=(1, 2))


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_one_row_in_a_thousand(class_weight):
    X, y = make_classification(
        24_000, 8, n_clusters_per_class=1, weights=[0.999], flip_y=0, random_state=3
    )
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, stratify=y, random_state=0
    )
    search = TabularSearchClassifier(
        space=SMALL,
        scoring="average_precision",
        class_weight=class_weight,
        **(QUICK | {"max_epochs": 8}),
    ).fit(X_train, y_train)
    assert y.sum() == 24
    precision = average_precision_score(y_test, search.predict_proba(X_test)[:, 1])
    assert precision > 0.3, "300 times what chance gives"
    assert search.best_score_ > 0.3


def test_classes_of_one_member_among_images():
    images, labels = load_digits(return_X_y=True)
    X, y = images[:200].reshape(-1, 8, 8), labels[:200].astype(object)
    y[:3] = ["new", "newer", "newest"]
    search = ImageSearchClassifier(**(QUICK | {"max_trials": 1})).fit(X, y.astype(str))
    assert len(search.classes_) == 13
    probabilities = search.predict_proba(X)
    assert probabilities.shape == (200, 13)
    assert (search.predict(X)[3:] == y[3:].astype(str)).mean() > 0.8


def test_a_class_that_only_the_validation_rows_lack():
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 3
    search = TabularSearchClassifier(space=SMALL, **QUICK)
    seen = y < 2
    search.fit(X, y, X_val=X[seen], y_val=y[seen])
    assert search.classes_.tolist() == [0, 1, 2]


def test_skewed_values():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 4))
    y = np.exp(3 * X[:, 0] + X[:, 1])  # the largest is a hundred times the mean
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    scores = []
    for seed in range(4):  # of one seed it would be a matter of luck
        search = TabularSearchRegressor(space=SMALL, **QUICK | {"random_state": seed})
        scores.append(search.fit(X_train, y_train).score(X_test, y_test))
    assert np.mean(scores) > 0.4
    logs = TransformedTargetRegressor(
        TabularSearchRegressor(space=SMALL, **QUICK), func=np.log, inverse_func=np.exp
    ).fit(X_train, y_train)
    assert np.median(np.abs(logs.predict(X_test) / y_test - 1)) < 0.3


def test_predictions_stay_finite_beside_a_giant_value():
    X, y = load_diabetes(return_X_y=True)
    y = y.copy()
    y[7] = 1e9
    search = TabularSearchRegressor(space=SMALL, **QUICK).fit(X, y)
    assert np.isfinite(search.predict(X)).all()
