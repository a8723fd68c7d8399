"""`cv`: folds with encoders of their own, and a refit on all rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
)

from skautonas import (
    SkautonasWarning,
    TabularSearchClassifier,
    TabularSearchRegressor,
)
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
    best = frame["mean_test_score"]
    assert best[search.best_index_] == best.max()
    assert search.best_score_ <= best.max()
    assert search.score(*WINE) > 0.85


def test_a_number_of_folds_is_shuffled_and_stratified():
    y = np.repeat([0, 1, 2], 20)
    rows = Rows(np.zeros((60, 1)), y)
    pairs = cross_validation(4, rows, rows, stratify=True, seed=0)
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
        GroupKFold(3), rows, rows, stratify=True, seed=0
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


def test_a_splitter_numbers_the_rows_that_the_user_gave():
    y = np.arange(10)
    weights = np.ones(10)
    weights[[0, 1, 7]] = 0
    given = Rows(y[:, None], y, weights)
    folds = PredefinedSplit(y % 2)
    pairs = cross_validation(
        folds, given.without_absent(), given, stratify=False, seed=0
    )
    rows = given.without_absent()
    assert [rows.take(validation).y.tolist() for _, validation in pairs] == [
        [2, 4, 6, 8],
        [3, 5, 9],
    ]
    mask = [(y < 8, y >= 8)]
    ((train, validation),) = cross_validation(mask, rows, given, stratify=False, seed=0)
    assert rows.take(train).y.tolist() == [2, 3, 4, 5, 6]
    assert rows.take(validation).y.tolist() == [8, 9]


def test_rows_of_weight_zero_do_not_move_a_predefined_split():
    X, y = WINE
    weights = np.ones(178)
    weights[:10] = 0
    search = TabularSearchClassifier(cv=PredefinedSplit(np.arange(178) % 2), **QUICK)
    search.fit(X, y, weights)
    assert search.score(X, y) > 0.8


@pytest.mark.alone
@pytest.mark.parametrize("name", ["tabular-classifier", "image-classifier"])
def test_a_tiny_budget_gives_a_model_with_folds_too(name):
    problem = PROBLEMS[name]()
    X, y = problem.X_train[:100], problem.y_train[:100]
    problem.estimator(max_trials=1, max_epochs=1, time_budget=None).fit(X, y)
    search = problem.estimator(cv=3, time_budget=0.5)
    with pytest.warns(SkautonasWarning, match="first trial"):
        search.fit(X, y)
    assert search.predict(X).shape == (100,)


def test_a_generator_that_is_used_up_is_told():
    cv = KFold(2).split(WINE[0])
    search = TabularSearchClassifier(cv=cv, **QUICK)
    search.fit(*WINE)
    with pytest.raises(ValueError, match="one fit only"):
        search.fit(*WINE)


@pytest.mark.parametrize("weights", [None, np.arange(10.0)])
def test_row_numbers_count_from_the_end_and_stay_below_their_number(weights):
    y = np.arange(10)
    given = Rows(y[:, None], y, weights)
    rows = given.without_absent()
    assert rows.y[rows.numbered([-1, 5], 10)].tolist() == [9, 5]
    for wrong in ([1000], np.ones(3, bool)):
        with pytest.raises(ValueError, match="10 rows"):
            rows.numbered(wrong, 10)
