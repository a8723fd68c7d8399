"""`cv`: folds with encoders of their own, and a refit on all rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import (
    GroupKFold,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
)

from skautonas import TabularSearchClassifier, TabularSearchRegressor
from skautonas.data.rows import Rows
from skautonas.data.splits import cross_validation
from skautonas.space import TabularSpace
from tests.conftest import PROBLEMS

SMALL = TabularSpace(architectures=("mlp",), units=(16, 32), layers=(1, 2))
QUICK = {
    "space": SMALL,
    "max_trials": 2,
    "max_epochs": 10,
    "time_budget": None,
    "random_state": 0,
}
WINE = load_wine(return_X_y=True)


def test_each_fold_is_a_split_of_the_results():
    search = TabularSearchClassifier(cv=3, **QUICK).fit(*WINE)
    frame = pd.DataFrame(search.cv_results_)
    scores = frame[[f"split{fold}_test_score" for fold in range(3)]]
    np.testing.assert_allclose(frame["mean_test_score"], scores.mean(axis=1))
    np.testing.assert_allclose(frame["std_test_score"], scores.std(axis=1, ddof=0))
    assert search.best_score_ == frame["mean_test_score"].max()
    assert search.score(*WINE) > 0.85


def test_a_number_of_folds_is_shuffled_and_stratified():
    y = np.repeat([0, 1, 2], 20)
    pairs = cross_validation(4, Rows(np.zeros((60, 1)), y), stratify=True, seed=0)
    assert len(pairs) == 4
    for _, validation in pairs:
        assert np.bincount(y[validation]).tolist() == [5, 5, 5]
        assert np.diff(validation).max() > 1


def test_groups_stay_together():
    groups = np.arange(178) % 7
    search = TabularSearchClassifier(cv=GroupKFold(3), **QUICK)
    search.fit(*WINE, groups=groups)
    assert search.n_trials_ == 2
    rows = Rows(*WINE, None, groups)
    for train, validation in cross_validation(
        GroupKFold(3), rows, stratify=True, seed=0
    ):
        assert not set(groups[train]) & set(groups[validation])


def test_time_goes_forward():
    X, y = load_diabetes(return_X_y=True)
    search = TabularSearchRegressor(cv=TimeSeriesSplit(3), **QUICK).fit(X, y)
    assert "split2_test_score" in search.cv_results_


@pytest.mark.parametrize(
    "cv",
    [
        ShuffleSplit(2, random_state=0),
        PredefinedSplit(np.arange(178) % 2),
        [(np.arange(0, 178, 2), np.arange(1, 178, 2))],
    ],
)
def test_any_splitter_serves(cv):
    search = TabularSearchClassifier(cv=cv, **QUICK).fit(*WINE)
    assert search.score(*WINE) > 0.8


@pytest.mark.parametrize("name", ["image-classifier", "text-regressor"])
def test_images_and_texts_are_cross_validated_too(name):
    problem = PROBLEMS[name]()
    options = QUICK | {"space": "auto", "max_trials": 1, "max_epochs": 3}
    search = problem.estimator(cv=2, **options)
    search.fit(problem.X_train[:200], problem.y_train[:200])
    assert len(search.predict(problem.X_test[:5])) == 5


@pytest.mark.alone
def test_a_budget_bounds_all_folds():
    search = TabularSearchClassifier(cv=3, space=SMALL, time_budget=8, n_jobs=2)
    search.fit(*WINE)
    assert search.search_time_ - search.cold_start_time_ < 8 + 3


@pytest.mark.parametrize(
    ("parameters", "arguments", "message"),
    [
        ({"cv": 1}, {}, "cv"),
        ({"cv": 3, "refit": False}, {}, "refit=True"),
        ({}, {"groups": np.ones(178)}, "groups"),
        ({"cv": 3}, {"X_val": WINE[0], "y_val": WINE[1]}, "either cv"),
        ({"cv": [(np.arange(178), [])]}, {}, "empty"),
        ({"cv": GroupKFold(3)}, {}, "groups"),
    ],
)
def test_what_does_not_go_together_is_refused(parameters, arguments, message):
    search = TabularSearchClassifier(**(QUICK | parameters))
    with pytest.raises(ValueError, match=message):
        search.fit(*WINE, **arguments)
