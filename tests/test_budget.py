"""How much time a fit takes, and why it ends."""

import time

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from skautonas import (
    ImageSearchClassifier,
    SkautonasWarning,
    TabularSearchClassifier,
    TextSearchClassifier,
)
from skautonas.search.budget import Budget
from skautonas.space import TabularSpace

WINE = load_wine(return_X_y=True)
QUICK = {"max_trials": 2, "max_epochs": 3, "time_budget": None, "random_state": 0}
SMALL = TabularSpace(architectures=("mlp",), units=(16, 32), layers=(1, 2))


@pytest.mark.alone
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_budget_bounds_the_whole_fit(n_jobs):
    X, y = load_breast_cancer(return_X_y=True)
    TabularSearchClassifier(space=SMALL, n_jobs=n_jobs, **QUICK).fit(X, y)
    search = TabularSearchClassifier(time_budget=12, n_jobs=n_jobs, random_state=0)
    start = time.monotonic()
    search.fit(X, y)
    seconds = time.monotonic() - start
    assert search.cold_start_time_ < 0.5
    assert seconds < 15
    assert search.n_trials_ > 1


@pytest.mark.alone
def test_a_tiny_budget_returns_the_best_start_with_a_warning():
    digits = load_digits()
    TabularSearchClassifier(space=SMALL, **QUICK).fit(*WINE)
    search = ImageSearchClassifier(time_budget=4, random_state=0)
    start = time.monotonic()
    with pytest.warns(SkautonasWarning, match="first trial"):
        search.fit(digits.images, digits.target)
    assert time.monotonic() - start < 4 + 3
    assert search.n_trials_ == 1
    assert search.score(digits.images, digits.target) > 0.5


@pytest.mark.alone
@pytest.mark.parametrize("seconds", [0.05, 1])
def test_even_less_still_gives_a_model_of_one_trial(seconds):
    TabularSearchClassifier(space=SMALL, **QUICK).fit(*WINE)
    search = TabularSearchClassifier(time_budget=seconds, random_state=0)
    start = time.monotonic()
    with pytest.warns(SkautonasWarning, match="first trial"):
        search.fit(*WINE)
    assert time.monotonic() - start < seconds + 3
    assert search.n_trials_ == 1
    assert search.score(*WINE) > 0.4


@pytest.mark.alone
def test_the_end_of_texts_of_700_words_is_read_within_the_budget():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 3000, (1000, 700))
    y = rng.integers(0, 2, len(words))
    words[:, 680] = 3000 + 5 * y + rng.integers(0, 5, len(y))
    texts = [" ".join(f"w{word}" for word in row) for row in words]
    TabularSearchClassifier(space=SMALL, **QUICK).fit(*WINE)
    search = TextSearchClassifier(time_budget=20, random_state=0)
    start = time.monotonic()
    search.fit(texts[:800], y[:800])
    assert time.monotonic() - start < 20 + 3
    assert search.score(texts[800:], y[800:]) > 0.9


def build_slowly(hp):
    time.sleep(30)


@pytest.mark.alone
def test_no_time_for_a_step_is_an_error():
    TabularSearchClassifier(space=SMALL, **QUICK).fit(*WINE)
    start = time.monotonic()
    with pytest.raises(ValueError, match="time"):
        TabularSearchClassifier(space=build_slowly, time_budget=0.5).fit(*WINE)
    assert time.monotonic() - start < 4


def test_a_search_that_has_converged_stops_early():
    X, y = WINE
    search = TabularSearchClassifier(
        space=SMALL, time_budget=600, max_epochs=1, scoring=constant_score
    )
    search.fit(X, y)
    assert search.stop_reason_ == "converged"
    assert search.search_time_ < 300


def constant_score(estimator, X, y):
    return 0.5


def test_hyperband_goes_through_its_rungs_until_the_time_is_up():
    TabularSearchClassifier(space=SMALL, **QUICK).fit(*WINE)
    search = TabularSearchClassifier(
        space=SMALL, strategy="hyperband", time_budget=12, max_epochs=3, random_state=0
    )
    search.fit(*WINE)
    assert search.stop_reason_ == "time_budget"
    epochs = {round(trial.epochs) for trial in search.trials_}
    assert {1, 3} <= epochs
    assert search.trials_[search.best_index_].epochs == 3


def test_a_slow_start_is_told_whole_and_granted_in_part():
    budget = Budget(10, clock=lambda: 0.0)
    budget.grant_cold_start(15.0)
    assert budget.cold_start == 15.0
    assert budget.left() == 16.0
