import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from skautonas import (
    TabularSearchClassifier,
    TabularSearchRegressor,
    TextSearchClassifier,
)
from skautonas.data.splits import holdout
from skautonas.data.texts import TextEncoder
from skautonas.datasets import load_docstrings
from skautonas.space import TabularSpace

SMALL = TabularSpace(architectures=("mlp",), units=(8, 16), layers=(1, 1))


def test_label_sorted_rows_give_every_class_to_both_sides():
    y = np.repeat(np.arange(10), 20)
    train, validation = holdout(y, 0.2, stratify=True, seed=0)
    assert np.bincount(y[validation]).tolist() == [4] * 10
    assert sorted([*train, *validation]) == list(range(200))


def test_a_class_of_one_row_trains():
    y = np.array([0] * 30 + [1] * 30 + [2])
    train, validation = holdout(y, 0.2, stratify=True, seed=0)
    assert 60 in train
    assert len(validation) == 12


@pytest.mark.parametrize("n_rows", [2, 3, 5, 9])
def test_few_rows_still_give_two_sides(n_rows):
    y = np.arange(n_rows) % 2
    for stratify in (True, False):
        train, validation = holdout(y, 0.2, stratify=stratify, seed=0)
        assert len(train) > 0
        assert len(validation) > 0
        assert sorted([*train, *validation]) == list(range(n_rows))


def test_all_classes_of_one_row():
    train, validation = holdout(np.arange(10), 0.2, stratify=True, seed=0)
    assert len(train) == 8
    assert len(validation) == 2


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5, 0.9])
@pytest.mark.parametrize(
    "counts", [(300, 2), (200, 3, 2), (50, 2, 2, 1), (2, 2, 90), (40, 30, 3)]
)
def test_a_rare_class_does_not_miss_on_either_side(counts, fraction):
    y = np.repeat(np.arange(len(counts)), counts)
    for seed in range(5):
        train, validation = holdout(y, fraction, stratify=True, seed=seed)
        paired = np.flatnonzero(np.array(counts) > 1)
        assert set(y[train]) == set(y)
        assert set(y[validation]) == set(paired)
        assert sorted([*train, *validation]) == list(range(len(y)))


def test_classes_keep_their_shares():
    y = np.repeat(np.arange(3), [600, 300, 103])
    _, validation = holdout(y, 0.2, stratify=True, seed=0)
    assert np.bincount(y[validation]).tolist() == [120, 60, 21]


def test_more_classes_than_validation_rows_leave_each_a_row_to_train():
    y = np.repeat(np.arange(30), 2)
    train, validation = holdout(y, 0.2, stratify=True, seed=0)
    assert set(y[train]) == set(range(30))
    assert len(set(y[validation])) == len(validation) == 12
    other = holdout(y, 0.2, stratify=True, seed=1)[1]
    assert set(y[validation]) != set(y[other])


def test_rows_sorted_by_class_come_out_shuffled():
    y = np.repeat(np.arange(2), 100)
    for rows in holdout(y, 0.3, stratify=True, seed=0):
        assert 0.2 < y[rows][: len(rows) // 2].mean() < 0.8


def test_one_row_is_refused():
    with pytest.raises(ValueError, match="n_samples=1"):
        holdout(np.zeros(1), 0.2, stratify=False, seed=0)


def test_the_seed_decides():
    y = np.random.default_rng(0).normal(size=50)
    one, two = (holdout(y, 0.2, stratify=False, seed=s)[1].tolist() for s in (1, 2))
    assert one != two
    assert one == holdout(y, 0.2, stratify=False, seed=1)[1].tolist()


def test_a_large_fraction_leaves_a_row_to_train():
    train, validation = holdout(np.arange(5.0), 0.9, stratify=False, seed=0)
    assert (len(train), len(validation)) == (1, 4)


@pytest.mark.parametrize(
    ("n_rows", "options", "n_scores"),
    [
        (500, {}, 5),
        (501, {}, 1),
        (100, {"refit": False}, 1),
        (100, {"time_budget": 5.0}, 1),
        (100, {"cv": 2}, 2),
    ],
)
def test_few_rows_are_split_several_times(n_rows, options, n_scores):
    X, y = load_breast_cancer(return_X_y=True)
    quick = {"space": SMALL, "max_trials": 1, "max_epochs": 1, "time_budget": None}
    search = TabularSearchRegressor(**(quick | options)).fit(X[:n_rows], y[:n_rows])
    assert len([k for k in search.cv_results_ if k.startswith("split")]) == n_scores


@pytest.mark.parametrize(("n_rows", "n_scores"), [(100, 5), (101, 1)])
def test_texts_are_split_several_times_up_to_100_rows(n_rows, n_scores):
    texts, libraries = load_docstrings()
    step = len(texts) // n_rows
    chosen = slice(0, n_rows * step, step)
    search = TextSearchClassifier(max_trials=1, max_epochs=1, time_budget=None)
    search.fit(texts[chosen], libraries[chosen])
    assert len([k for k in search.cv_results_ if k.startswith("split")]) == n_scores


@pytest.mark.parametrize(("n_rows", "n_scores"), [(1000, 5), (1001, 1)])
def test_a_table_of_classes_is_split_several_times_up_to_1000_rows(n_rows, n_scores):
    X, y = load_digits(return_X_y=True)
    quick = {"space": SMALL, "max_trials": 1, "max_epochs": 1, "time_budget": None}
    search = TabularSearchClassifier(**quick).fit(X[:n_rows], y[:n_rows])
    assert len([k for k in search.cv_results_ if k.startswith("split")]) == n_scores


def test_the_refit_of_few_rows_knows_the_words_of_all():
    texts, libraries = load_docstrings()
    search = TextSearchClassifier(
        max_trials=1, max_epochs=1, time_budget=None, random_state=0
    ).fit(texts[::20], libraries[::20])
    assert search.refitted_
    known = TextEncoder().fit(texts[::20])
    assert search._encoder.words == known.words
