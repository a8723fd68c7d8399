"""The score of what was chosen, without the luck of having been chosen."""

import numpy as np
import pytest
from sklearn.datasets import load_wine

from skautonas import TabularSearchClassifier
from skautonas.estimation.selection import MANY_ROWS, luck_of
from skautonas.space import TabularSpace


class Guesses:
    """Trials that are right on each row with a probability of their own."""

    def __init__(self, chances, n_rows, rng, n_folds=1):
        self.n_rows = [n_rows] * n_folds
        self.predictions = [
            [(rng.random(n_rows) < chance).astype(float) for _ in self.n_rows]
            for chance in chances
        ]

    def score(self, predictions, rows=None):
        rows = rows or [slice(None)] * len(self.n_rows)
        right = [p[r].mean() for p, r in zip(predictions, rows, strict=True)]
        return float(np.mean(right))


def luck_of_the_best(library, rng):
    scores = [library.score(folds) for folds in library.predictions]
    return luck_of(int(np.argmax(scores)), library, rng)


def mean_errors(chances, n_rows, n_folds=1):
    """Return by how much scores are too good, without luck and as they were."""
    without, apparent = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        library = Guesses(chances, n_rows, rng, n_folds)
        scores = [library.score(folds) for folds in library.predictions]
        too_good = max(scores) - chances[int(np.argmax(scores))]
        apparent.append(too_good)
        without.append(too_good - luck_of_the_best(library, rng))
    return np.mean(without), np.mean(apparent)


@pytest.mark.parametrize(("n_folds", "luck"), [(1, 0.05), (5, 0.02)])
def test_the_best_of_equals_is_as_good_as_each(n_folds, luck):
    without, apparent = mean_errors([0.8] * 20, 100, n_folds)
    assert apparent > luck
    assert abs(without) < 0.01


def test_what_is_better_is_not_taken_for_luck():
    without, apparent = mean_errors(np.linspace(0.5, 0.9, 10), 100)
    assert abs(without) < apparent
    rng = np.random.default_rng(0)
    assert luck_of_the_best(Guesses([0.5, 0.95], 400, rng), rng) < 0.005


def test_a_winner_behind_the_best_one_had_less_luck():
    told = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        library = Guesses([0.8] * 20, 100, rng)
        scores = np.array([library.score(folds) for folds in library.predictions])
        winner = int(np.argsort(-scores)[7])
        told.append(scores[winner] - luck_of(winner, library, rng))
    assert np.mean(told) == pytest.approx(0.8, abs=0.015)


class Values(Guesses):
    """Trials that predict values with an error of their own, scored by R2."""

    def __init__(self, errors, n_rows, rng):
        self.n_rows = [n_rows]
        self.y = rng.normal(size=n_rows)
        self.predictions = [[self.y + e * rng.normal(size=n_rows)] for e in errors]

    def score(self, predictions, rows=None):
        (rows,) = rows or [slice(None)]
        y = self.y[rows]
        return 1 - np.mean((y - predictions[0][rows]) ** 2) / np.var(y)


def test_a_trial_that_learnt_nothing_hides_no_luck():
    alone, beside = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        library = Values([0.3] * 20 + [500.0], 60, rng)
        beside.append(luck_of_the_best(library, rng))
        library.predictions.pop()
        alone.append(luck_of_the_best(library, rng))
    assert min(alone) > 0
    assert np.mean(beside) == pytest.approx(np.mean(alone), rel=0.2)


def test_one_trial_had_no_luck():
    rng = np.random.default_rng(0)
    assert luck_of_the_best(Guesses([0.8], 100, rng), rng) == 0.0


def test_of_many_rows_the_best_score_is_kept():
    rng = np.random.default_rng(0)
    assert luck_of_the_best(Guesses([0.8, 0.8], MANY_ROWS + 1, rng), rng) == 0.0


def test_rows_that_cannot_be_scored_are_left_out():
    rng = np.random.default_rng(0)
    library = Guesses([0.8] * 20, 50, rng)
    score, calls = library.score, []

    def fails_at_times(predictions, rows=None):
        calls.append(rows)
        if rows is not None and len(calls) % 100 == 0:
            raise ValueError("one class only")
        return score(predictions, rows)

    library.score = fails_at_times
    assert 0.0 < luck_of_the_best(library, rng) < 0.2


def test_a_search_tells_a_score_below_its_best():
    X, y = load_wine(return_X_y=True)
    guesses = np.random.default_rng(0).integers(0, 2, len(y))
    search = TabularSearchClassifier(
        space=TabularSpace(architectures=("linear", "mlp"), units=(16, 32)),
        strategy="random",
        time_budget=None,
        max_trials=8,
        max_epochs=8,
        refit=False,
        random_state=0,
    ).fit(X, guesses)
    best = search.trials_[search.best_index_].score
    assert search.best_score_ < best  # nothing is to be learnt here
