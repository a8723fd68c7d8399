"""Our Gaussian process: fast, without duplicates, better than random."""

import keras_tuner
import numpy as np
import pytest

from skautonas.search.oracle import OracleAdapter
from skautonas.strategy import make_oracle
from skautonas.strategy.bayesian import BayesianOracle
from skautonas.strategy.configurations import Configurations
from skautonas.strategy.gaussian_process import (
    GaussianProcess,
    Kernel,
    likeliest_kernel,
    normal_scores,
)


@pytest.fixture
def hp():
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["a", "b", "c"])
    with hp.conditional_scope("kind", ["b"]):
        hp.Int("depth", 1, 9)
    for index in range(8):
        hp.Choice(f"size{index}", [16, 32, 64, 128])
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Boolean("deep")
    return hp


def truth(values):
    """Score a configuration: size matters most, and one kind is better."""
    score = -sum((values[f"size{index}"] - 64) ** 2 / 4096 for index in range(8))
    score -= abs(np.log10(values["rate"]) + 2.5)
    return score + 2 * (values["kind"] == "b") + values["deep"]


def search(strategy, hp, seed, count, direction="max", pending=1):
    oracle = make_oracle(strategy, hp, max_trials=count, max_epochs=None, seed=seed)
    oracle.objective = keras_tuner.Objective("score", direction)
    sign = 1 if direction == "max" else -1
    running, scores, seen = [], [], []
    for slot in range(count):
        trial = oracle.create_trial(f"slot{slot}")
        running.append(trial)
        seen.append(tuple(sorted(trial.hyperparameters.values.items())))
        if len(running) == pending:
            trial = running.pop(0)
            scores.append(truth(trial.hyperparameters.values))
            oracle.update_trial(trial.trial_id, {"score": sign * scores[-1]})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
    return scores, seen


@pytest.mark.parametrize(("direction", "pending"), [("max", 1), ("min", 1), ("max", 4)])
def test_it_beats_random_search_and_never_repeats(hp, direction, pending):
    ours, random = [], []
    for seed in range(1, 6):
        scores, seen = search("bayesian", hp, seed, 40, direction, pending)
        assert len(set(seen)) == 40
        ours.append(max(scores))
        random.append(max(search("random", hp, seed, 40)[0]))
    assert np.mean(ours) > np.mean(random) + 0.5


def test_a_space_that_was_tried_in_full_is_exhausted():
    hp = keras_tuner.HyperParameters()
    hp.Choice("x", [1, 2, 3, 4, 5, 6])
    hp.Boolean("y")
    oracle = make_oracle("bayesian", hp, max_trials=None, max_epochs=None, seed=1)
    seen = set()
    for _ in range(12):
        trial = oracle.create_trial("one")
        seen.add(tuple(trial.hyperparameters.values.items()))
        oracle.update_trial(trial.trial_id, {"score": 0.5})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert len(seen) == 12
    assert oracle.create_trial("one").status == "STOPPED"


def test_a_mutation_changes_what_it_says_and_keeps_the_rest(hp):
    configurations = Configurations(hp)
    rng = np.random.default_rng(0)
    for _ in range(200):
        values = configurations.sample(rng)
        assert ("depth" in values) == (values["kind"] == "b")
        (row,) = configurations.mutate(configurations.row(values)[None], rng)
        changed = configurations.values(row)
        assert ("depth" in changed) == (changed["kind"] == "b")
        differ = {k for k in values if values[k] != changed.get(k)} - {"depth"}
        depth = values.get("depth") != changed.get("depth")
        assert len(differ) == 1 or (not differ and depth)


def test_the_process_interpolates_and_is_unsure_far_away(hp):
    configurations = Configurations(hp)
    rng = np.random.default_rng(0)
    drawn = configurations.draw(40, rng)
    known = configurations.encode(drawn)
    scores = normal_scores(np.array([truth(configurations.values(r)) for r in drawn]))
    process = GaussianProcess(known, scores, likeliest_kernel(known, scores))
    mean, deviation = process.predict(known)
    assert np.corrcoef(mean, scores)[0, 1] > 0.9
    far = configurations.encode(configurations.draw(1, rng))
    assert process.predict(far)[1][0] > 2 * deviation.mean()


def test_what_is_believed_counts_as_if_it_was_observed(hp):
    configurations = Configurations(hp)
    rng = np.random.default_rng(0)
    encoded = configurations.encode(configurations.draw(60, rng))
    known, pending, others = encoded[:30], encoded[30:40], encoded[40:]
    scores = normal_scores(rng.normal(size=30))
    kernel = Kernel(scale=4.0, noise=0.1)
    process = GaussianProcess(known, scores, kernel)
    expected, before = process.predict(others)
    believed, _ = process.predict(pending)
    process.believe(pending)
    observed = GaussianProcess(
        np.concatenate([known, pending]), np.concatenate([scores, believed]), kernel
    )
    mean, deviation = process.predict(others)
    np.testing.assert_allclose(mean, expected)
    np.testing.assert_allclose(mean, observed.predict(others)[0], rtol=1e-6)
    np.testing.assert_allclose(deviation, observed.predict(others)[1], rtol=1e-6)
    assert (deviation < before).all()


@pytest.mark.parametrize(("n_starts", "drawn"), [(0, 8), (1, 6), (4, 0), (6, 0)])
def test_starts_spare_random_trials(hp, n_starts, drawn):
    starts = [Configurations(hp).sample(np.random.default_rng(i)) for i in range(9)]
    oracle = make_oracle("bayesian", hp, max_trials=12, max_epochs=None, seed=3)
    adapter = OracleAdapter(oracle, starts[:n_starts])
    asked = []
    for number in range(12):
        random = oracle.draw_new(oracle.generator())
        values = adapter.ask(number).values
        asked.append(values == random)
        adapter.tell(number, truth(values), None)
    is_drawn = range(n_starts, n_starts + drawn)
    assert asked == [number in is_drawn for number in range(12)]


def test_a_model_without_points_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        BayesianOracle(initial_points=0)
