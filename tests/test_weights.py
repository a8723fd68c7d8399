"""Weights of rows and classes: in the loss, in the score, and refused where absurd."""

import numpy as np
import pytest
from sklearn.datasets import load_wine, make_classification
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

from skautonas import TabularSearchClassifier, TabularSearchRegressor
from skautonas.data.encode import encode_folder
from skautonas.data.rows import Rows
from skautonas.data.tables import TableEncoder
from skautonas.data.targets import fit_values
from skautonas.estimation.study import Fold, read_examples, write_fold
from skautonas.space import TabularSpace

SMALL = TabularSpace(architectures=("mlp",), units=(16, 32), layers=(1, 2))
QUICK = {
    "space": SMALL,
    "max_trials": 2,
    "max_epochs": 20,
    "time_budget": None,
    "random_state": 0,
}
WINE = load_wine(return_X_y=True)


@pytest.fixture(scope="module")
def imbalanced():
    return make_classification(
        600, weights=[0.95], flip_y=0.05, class_sep=0.5, random_state=0
    )


def test_a_row_of_weight_zero_is_as_good_as_absent():
    X, y = WINE
    weights = np.ones(len(y))
    weights[::3] = 0
    weighted = TabularSearchClassifier(**QUICK).fit(X, y, weights)
    fewer = TabularSearchClassifier(**QUICK).fit(X[weights > 0], y[weights > 0])
    np.testing.assert_array_equal(weighted.predict_proba(X), fewer.predict_proba(X))
    assert weighted.best_score_ == fewer.best_score_


def test_equal_weights_change_nothing():
    X, y = WINE
    weighted = TabularSearchClassifier(**QUICK).fit(X, y, np.full(len(y), 7.0))
    plain = TabularSearchClassifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(weighted.predict_proba(X), plain.predict_proba(X))


def test_weights_reach_the_loss(imbalanced):
    X, y = imbalanced
    plain = TabularSearchClassifier(**QUICK).fit(X, y)
    weighted = TabularSearchClassifier(**QUICK).fit(X, y, np.where(y == 1, 20.0, 1.0))
    rare = [s.predict_proba(X)[:, 1].mean() for s in (plain, weighted)]
    assert rare[1] > 2 * rare[0]


def test_weights_reach_the_score():
    X, y = WINE
    X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)
    weights = np.random.default_rng(0).integers(1, 50, size=len(y_val)).astype(float)
    search = TabularSearchClassifier(**(QUICK | {"refit": False, "max_epochs": 1}))
    search.fit(X_train, y_train, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    predicted = search.predict(X_val)
    score = search.trials_[search.best_index_].score
    assert score == pytest.approx(
        accuracy_score(y_val, predicted, sample_weight=weights)
    )
    assert score != pytest.approx(accuracy_score(y_val, predicted))


def test_weights_reach_a_regressor():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = np.where(np.arange(400) % 2, 10.0, 0.0) + X[:, 0]
    weights = np.where(np.arange(400) % 2, 9.0, 1.0)
    search = TabularSearchRegressor(**QUICK).fit(X, y, weights)
    assert 8.0 < search.predict(X).mean() < 9.9


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 19.0}])
def test_class_weights_reach_the_loss(imbalanced, class_weight):
    X, y = imbalanced
    plain = TabularSearchClassifier(**QUICK).fit(X, y)
    search = TabularSearchClassifier(class_weight=class_weight, **QUICK).fit(X, y)
    assert search.predict(X).mean() > 2 * plain.predict(X).mean()


def test_class_weights_reach_the_score(imbalanced):
    X_train, X_val, y_train, y_val = train_test_split(*imbalanced, random_state=0)
    search = TabularSearchClassifier(
        class_weight="balanced", **(QUICK | {"refit": False, "max_epochs": 5})
    )
    search.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    per_class = len(y_train) / (2 * np.bincount(y_train))
    expected = accuracy_score(
        y_val, search.predict(X_val), sample_weight=per_class[y_val]
    )
    score = search.trials_[search.best_index_].score
    assert score == pytest.approx(expected)
    assert score != pytest.approx(accuracy_score(y_val, search.predict(X_val)))


@pytest.mark.parametrize(
    ("train", "validation", "expected"),
    [
        ([2.0, 3.0], None, [2, 3, 1, 1]),
        (None, [2.0, 3.0], [1, 1, 2, 3]),
        (None, None, None),
    ],
)
def test_rows_without_weights_count_once_beside_others(
    train, validation, expected, tmp_path
):
    X, y = np.eye(2), np.arange(2.0)
    encoder = TableEncoder().fit(X)
    fold = Fold(None, encoder, fit_values(y), str(tmp_path), 2)
    parts = [
        Rows(X, y, None if weights is None else np.array(weights))
        for weights in (train, validation)
    ]
    write_fold(fold, *parts)
    encode_folder(encoder, False, tmp_path / "raw", tmp_path / "encoded")
    weights = read_examples(str(tmp_path)).weights
    assert (None if weights is None else weights.tolist()) == expected


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (-np.ones(178), "Negative"),
        (np.full(178, np.nan), "NaN"),
        (np.zeros(178), "non-zero"),
        (np.ones(5), "inconsistent"),
        (np.ones((178, 2)), "1D"),
    ],
)
def test_absurd_weights_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        TabularSearchClassifier(**QUICK).fit(*WINE, sample_weight=weights)


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ({0: -1.0}, "positive"),
        ({0: np.nan}, "positive"),
        ({7: 2.0}, "class_weight"),
        ("unbalanced", "class_weight"),
    ],
)
def test_absurd_class_weights_are_refused(class_weight, message):
    search = TabularSearchClassifier(class_weight=class_weight, **QUICK)
    with pytest.raises(ValueError, match=message):
        search.fit(*WINE)


def unweighted(estimator, X, y):
    return 0.0


def test_a_scorer_without_weights_is_refused_with_the_mend():
    search = TabularSearchClassifier(scoring=unweighted, **QUICK)
    with pytest.raises(ValueError, match="sample_weight"):
        search.fit(*WINE, sample_weight=np.arange(1.0, 179.0))


def test_rows_without_weights_need_no_scorer_with_them():
    X, y = WINE
    search = TabularSearchRegressor(scoring=unweighted, **QUICK)
    search.fit(X[:140], y[:140], np.arange(1.0, 141.0), X_val=X[140:], y_val=y[140:])
    assert search.best_score_ == 0.0
