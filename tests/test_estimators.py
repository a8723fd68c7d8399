"""What a user sees of a fitted search."""

import keras_tuner
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
)
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skautonas import (
    ImageSearchClassifier,
    TabularSearchClassifier,
    TabularSearchRegressor,
    TextSearchClassifier,
)
from skautonas.estimators import _conflicts
from skautonas.space import TabularSpace
from skautonas.strategy import STRATEGIES, GridOracle
from tests.conftest import PROBLEMS

WINE = load_wine(return_X_y=True)
QUICK = {"max_trials": 2, "max_epochs": 3, "time_budget": None, "random_state": 0}
SMALL = TabularSpace(architectures=("mlp",), units=(16, 32), layers=(1, 2))


def test_all_six_learn(fitted):
    score = fitted.search.score(fitted.problem.X_test, fitted.problem.y_test)
    floor = {
        "image-classifier": 0.9,
        "image-regressor": 0.3,
        "text-classifier": 0.8,
        "text-regressor": 0.3,
        "tabular-classifier": 0.85,
        "tabular-regressor": 0.2,
    }
    assert score > floor[fitted.name]


def test_the_results_have_the_shape_of_a_grid_search(fitted):
    search = fitted.search
    frame = pd.DataFrame(search.cv_results_)
    assert len(frame) == search.n_trials_ == len(search.trials_) == 2
    best = frame["mean_test_score"][search.best_index_]
    assert search.best_score_ <= best
    assert search.trials_[search.best_index_].score == best
    if "split1_test_score" not in frame:  # else a standard error decides
        assert frame["rank_test_score"][search.best_index_] == 1
    assert search.cv_results_["params"][search.best_index_] == search.best_params_
    assert search.search_time_ > 0
    assert search.stop_reason_ == "max_trials"
    inactive = [k for k, v in search.cv_results_.items() if np.ma.isMaskedArray(v)]
    assert inactive


def test_the_leaderboard_is_sorted(fitted):
    board = fitted.search.leaderboard()
    assert isinstance(board, pd.DataFrame)
    assert board["score"].is_monotonic_decreasing
    assert set(board["trial"]) == {0, 1}


def test_labels_or_values_come_back(fitted):
    predicted = fitted.search.predict(fitted.problem.X_test)
    assert predicted.shape == fitted.problem.y_test.shape
    if fitted.classifies:
        assert set(predicted) <= set(fitted.problem.y_train)
        assert predicted.dtype == np.asarray(fitted.problem.y_train).dtype
        proba = fitted.predict()
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-12)
    else:
        assert predicted.dtype == np.float64


def test_before_fit_it_says_so(fitted):
    fresh = type(fitted.search)()
    with pytest.raises(NotFittedError):
        fresh.predict(fitted.problem.X_test)
    with pytest.raises(NotFittedError):
        fresh.export_model()
    with pytest.raises(NotFittedError):
        fresh.leaderboard()


def test_the_names_of_strategies_are_those_of_the_registry():
    assert set(_conflicts.STRATEGIES) == set(STRATEGIES)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"strategy": "bayesain"}, "strategy"),
        ({"max_trials": 0}, "max_trials"),
        ({"time_budget": 0.0}, "time_budget"),
        ({"time_budget": None}, "max_trials"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"space": "everything"}, "space"),
    ],
)
def test_bad_parameters_are_refused_at_fit(parameters, message):
    with pytest.raises(ValueError, match=message):
        TabularSearchClassifier(**parameters).fit(*WINE)


@pytest.mark.parametrize("strategy", ["random", "bayesian", "hyperband", GridOracle])
def test_every_strategy_searches(strategy):
    options = QUICK | {"max_trials": 4, "max_epochs": 9}
    search = TabularSearchClassifier(space=SMALL, strategy=strategy, **options)
    search.fit(*WINE)
    assert search.n_trials_ == 4
    assert search.score(*WINE) > 0.5


def test_an_oracle_is_a_template():
    oracle = keras_tuner.oracles.RandomSearchOracle(
        objective=keras_tuner.Objective("anything", "max"), max_trials=1
    )
    search = TabularSearchClassifier(space=SMALL, strategy=oracle, **QUICK)
    search.fit(*WINE)
    search.fit(*WINE)
    assert search.n_trials_ == 2
    assert not oracle.trials


def test_any_scorer_is_the_objective():
    search = TabularSearchClassifier(space=SMALL, scoring="neg_log_loss", **QUICK)
    X, y = WINE
    X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0, stratify=y)
    search.set_params(refit=False)
    search.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    expected = -log_loss(y_val, search.predict_proba(X_val))
    best = search.trials_[search.best_index_].score
    assert best == pytest.approx(expected, abs=1e-6)


def mean_of_first_class(estimator, X, y):
    return float(estimator.predict_proba(X)[:, 0].mean())


def test_a_callable_scorer():
    X_train, X_val, y_train, y_val = train_test_split(*WINE, random_state=0)
    search = TabularSearchClassifier(
        space=SMALL, scoring=mean_of_first_class, refit=False, **QUICK
    )
    search.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    assert not search.refitted_
    best = search.trials_[search.best_index_].score
    assert best == pytest.approx(mean_of_first_class(search, X_val, y_val), abs=1e-6)


def test_users_validation_rows_are_used_and_seen_labels_demanded():
    X, y = WINE
    search = TabularSearchClassifier(space=SMALL, **QUICK)
    with pytest.raises(ValueError, match="together"):
        search.fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="y_val"):
        search.fit(X[y < 2], y[y < 2], X_val=X, y_val=y)


def test_one_line_a_trial_at_verbose_one_and_none_at_zero(capsys):
    TabularSearchClassifier(space=SMALL, verbose=1, **QUICK).fit(*WINE)
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "trial " in line and " s]" in line]) == 2
    TabularSearchClassifier(space=SMALL, **QUICK).fit(*WINE)
    assert capsys.readouterr().out == ""


def test_the_refit_uses_all_rows_and_may_be_switched_off():
    X, y = load_diabetes(return_X_y=True)
    searches = [
        TabularSearchRegressor(space=SMALL, refit=refit, **QUICK)
        for refit in (True, False)
    ]
    for search in searches:
        search._few_rows = 0  # without a refit there is one split anyway
        search.fit(X, y)
    with_refit, without = searches
    assert with_refit.best_score_ == without.best_score_
    assert with_refit.refitted_
    assert not without.refitted_
    assert not np.allclose(with_refit.predict(X), without.predict(X))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_seed_gives_the_same_search_twice(n_jobs):
    one, two = (
        TabularSearchClassifier(
            space=SMALL, n_jobs=n_jobs, **(QUICK | {"max_trials": 4})
        ).fit(*WINE)
        for _ in range(2)
    )
    assert [t.params for t in one.trials_] == [t.params for t in two.trials_]
    assert [t.score for t in one.trials_] == [t.score for t in two.trials_]
    np.testing.assert_array_equal(
        one.predict_proba(WINE[0]), two.predict_proba(WINE[0])
    )


@pytest.mark.parametrize("labels", ["str", "bool", "float", "negative"])
def test_labels_of_any_kind(labels):
    X, y = load_breast_cancer(return_X_y=True)
    made = {
        "str": np.where(y == 1, "yes", "no").astype(object),
        "bool": y == 1,
        "float": y.astype(float),
        "negative": 2 * y - 1,
    }[labels]
    search = TabularSearchClassifier(space=SMALL, **QUICK).fit(X, made)
    assert set(search.predict(X)) <= set(made)
    assert search.score(X, made) > 0.7


def test_a_hundred_classes():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(100), 8)
    X = np.stack([y % 10, y // 10], axis=1) + rng.normal(scale=0.1, size=(800, 2))
    search = TabularSearchClassifier(space=SMALL, **(QUICK | {"max_epochs": 40}))
    search.fit(X, y)
    assert search.predict_proba(X).shape == (800, 100)
    assert search.score(X, y) > 0.2


def test_a_users_start_is_tried_first():
    start = {"architecture": "mlp", "mlp/layers": 2, "mlp/layer2/units": 32}
    space = TabularSpace(units=(16, 32)).with_starts([start])
    search = TabularSearchClassifier(space=space, **QUICK).fit(*WINE)
    first = search.trials_[0].params
    assert {name: first[name] for name in start} == start


@pytest.mark.parametrize("name", PROBLEMS)
def test_sixty_rows_are_enough(name):
    problem = PROBLEMS[name]()
    X, y = problem.X_train[:60], problem.y_train[:60]
    search = problem.estimator(max_trials=1, max_epochs=2, time_budget=None)
    search.fit(X, y)
    assert len(search.predict(problem.X_test)) == len(problem.X_test)
    assert np.isfinite(search.best_score_)


def test_rows_sorted_by_label_are_shuffled_before_they_are_split():
    X, y = load_digits(return_X_y=True)
    order = np.argsort(y, kind="stable")
    search = TabularSearchClassifier(space=SMALL, **(QUICK | {"max_epochs": 20}))
    search.fit(X[order], y[order])
    assert search.best_score_ > 0.9
    assert search.score(X, y) > 0.95


def test_a_polars_frame_goes_through_a_whole_fit():
    X = pl.DataFrame(WINE[0], schema=[f"c{i}" for i in range(13)])
    kind = pl.when(pl.col("c0") > 13).then(pl.lit("strong")).otherwise(pl.lit("weak"))
    X = X.with_columns(kind=kind)
    search = TabularSearchClassifier(space=SMALL, **(QUICK | {"max_epochs": 20}))
    search.fit(X, WINE[1])
    assert search.score(X, WINE[1]) > 0.8
    assert search.feature_names_in_.tolist() == X.columns


def test_streams_are_refused_with_a_hint():
    rows = (row for row in WINE[0])
    with pytest.raises(TypeError, match="in memory"):
        TabularSearchClassifier().fit(rows, WINE[1])
    with pytest.raises(TypeError, match="in memory"):
        TextSearchClassifier().fit(iter(["a"]), [1])
    with pytest.raises(TypeError, match="in memory"):
        ImageSearchClassifier().fit(iter([1]), [1])


def test_predict_refuses_other_columns():
    X = pd.DataFrame(WINE[0]).add_prefix("c")
    search = TabularSearchClassifier(space=SMALL, **QUICK).fit(X, WINE[1])
    assert search.feature_names_in_.tolist() == X.columns.tolist()
    with pytest.raises(ValueError, match="c0"):
        search.predict(X.drop(columns="c0"))
    with pytest.raises(ValueError, match="features"):
        TabularSearchClassifier(space=SMALL, **QUICK).fit(*WINE).predict(WINE[0][:, :5])
