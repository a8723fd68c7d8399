"""Several finished trials as one model."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine

from skautonas import TabularSearchClassifier, TabularSearchRegressor
from skautonas.data.archive import Part, assemble_model
from skautonas.data.encode import preprocessing_model
from skautonas.data.tables import TableEncoder
from skautonas.data.targets import ClassTargets
from skautonas.estimation.ensemble import N_ROUNDS, greedy_counts, weighted_mean
from skautonas.space import TabularSpace

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=200)
X, Y = load_wine(return_X_y=True)
# Of many models none is right about all of these.
NOISY = np.where(RNG.random(len(Y)) < 0.3, RNG.integers(0, 3, len(Y)), Y)
SEARCH = {
    "space": TabularSpace(architectures=("linear", "mlp"), units=(16, 32)),
    "time_budget": None,
    "max_trials": 4,
    "max_epochs": 8,
    "random_state": 0,
}


def noisy(seed, spread=1.0):
    """Return predictions on two folds, with an error of their own."""
    error = np.random.default_rng(seed).normal(size=200) * spread
    return [(TRUTH + error)[:120], (TRUTH + error)[120:]]


def score(folds):
    errors = [
        np.mean((f - t) ** 2)
        for f, t in zip(folds, (TRUTH[:120], TRUTH[120:]), strict=True)
    ]
    return -float(np.mean(errors))


def test_independent_errors_are_averaged():
    candidates = [noisy(seed) for seed in range(1, 5)]
    counts = greedy_counts(candidates, score, most=4)
    assert all(counts)
    together = score(weighted_mean(candidates, counts))
    assert together > max(score(folds) for folds in candidates) / 2


def test_the_better_candidate_weighs_more():
    counts = greedy_counts([noisy(1, 2.0), noisy(2, 1.0)], score, most=2)
    assert counts[1] > counts[0] > 0


def test_there_are_no_more_members_than_asked_for():
    counts = greedy_counts([noisy(seed) for seed in range(1, 9)], score, most=3)
    assert sum(count > 0 for count in counts) == 3
    assert sum(counts) <= N_ROUNDS


def test_a_candidate_that_is_best_alone_stays_alone():
    candidates = [noisy(1, 0.0), noisy(2), noisy(3)]
    assert greedy_counts(candidates, score, most=3) == [1, 0, 0]


def test_of_equals_the_first_is_chosen():
    assert greedy_counts([noisy(1), noisy(1)], score, most=1) == [1, 0]


@pytest.fixture(scope="module")
def alone():
    return TabularSearchClassifier(**SEARCH, refit=False).fit(X, Y)


@pytest.fixture(scope="module", params=[True, False], ids=["refit", "no-refit"])
def together(request):
    options = SEARCH | {"max_trials": 8, "strategy": "random"}
    search = TabularSearchClassifier(
        **options, ensemble_size=3, refit=request.param, scoring="neg_log_loss"
    )
    return search.fit(X, NOISY)


def test_members_are_finished_trials_whose_weights_sum_to_one(together):
    numbers = [number for number, _ in together.ensemble_]
    assert 2 <= len(numbers) <= 3
    assert set(numbers) <= {trial.number for trial in together.trials_}
    assert sum(weight for _, weight in together.ensemble_) == pytest.approx(1.0)
    heaviest = max(together.ensemble_, key=lambda member: member[1])
    assert together.trials_[together.best_index_].number == heaviest[0]
    assert together.best_params_ == together.trials_[together.best_index_].params


def test_probabilities_are_probabilities(together):
    probabilities = together.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-6)
    assert together.score(X, NOISY) > -np.log(3)


def test_the_file_is_one_model(together, tmp_path):
    path = together.export_model(tmp_path / "model.keras")
    model = keras.saving.load_model(path, safe_mode=True)
    cores = [layer.name for layer in model.layers if layer.name.startswith("core")]
    assert cores == [f"core{i + 1}" for i in range(len(together.ensemble_))]
    rows = {"numeric": X.astype("float32")}
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(rows)), together.predict_proba(X), atol=1e-5
    )


def test_one_member_is_the_winner(alone):
    assert alone.ensemble_ == [(alone.best_index_, 1.0)]


def test_values_are_averaged():
    rows, values = load_diabetes(return_X_y=True)
    search = TabularSearchRegressor(**SEARCH, ensemble_size=2).fit(rows, values)
    assert search.predict(rows).shape == values.shape
    assert search.score(rows, values) > 0.3


def test_a_later_fit_may_ask_for_an_ensemble(tmp_path):
    options = SEARCH | {"directory": tmp_path / "study", "refit": False}
    one = TabularSearchClassifier(**options).fit(X, Y)
    options["max_trials"] += 1
    more = TabularSearchClassifier(**options, ensemble_size=3).fit(X, Y)
    assert more.n_trials_ == one.n_trials_ + 1
    assert more.ensemble_
    again = TabularSearchClassifier(**options, ensemble_size=3).fit(X, Y)
    assert again.ensemble_ == more.ensemble_
    assert again.best_score_ == more.best_score_
    np.testing.assert_array_equal(again.predict_proba(X), more.predict_proba(X))
    files = {path.name for path in (tmp_path / "study" / "trials").iterdir()}
    assert not any(name.startswith(("variables", "final")) for name in files)


class Mine(keras.Model):
    """A user's own model, whose name and layers are the same each time."""

    def __init__(self, units, activation):
        super().__init__(name="mine")
        self.head = keras.layers.Dense(units, activation, name="head")

    def call(self, inputs):
        return self.head(inputs)


def test_models_of_a_user_are_averaged_whatever_their_form():
    encoder = TableEncoder().fit(X)
    features = preprocessing_model(encoder, True)({"numeric": X.astype("float32")})
    (features,) = features.values()
    one, two = Mine(1, "sigmoid"), Mine(2, "softmax")
    p, both = (keras.ops.convert_to_numpy(m(features)) for m in (one, two))
    targets = ClassTargets(np.array([0, 1]), logits=False)
    parts = [Part(one, weight=0.75), Part(two, weight=0.25)]
    model = assemble_model(encoder, parts, targets, plain=True)
    together = keras.ops.convert_to_numpy(model({"numeric": X.astype("float32")}))
    expected = 0.75 * np.concatenate([1 - p, p], axis=1) + 0.25 * both
    np.testing.assert_allclose(together, expected, atol=1e-6)
