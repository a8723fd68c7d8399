"""Samplers of Optuna are asked for hyperparameters by name, with their values."""

import itertools

import keras_tuner
import numpy as np
import optuna
import pytest

from skautonas._compat import silence_oracle
from skautonas.strategy import OptunaOracle
from tests.asking import end, run

OBJECTIVE = keras_tuner.Objective("score", "max")


@pytest.fixture
def hp():
    hp = keras_tuner.HyperParameters()
    hp.Choice("units", [16, 32, 64])
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Choice("kind", ["a", "b"])
    with hp.conditional_scope("kind", ["a"]):
        hp.Int("a/depth", 1, 3)
    with hp.conditional_scope("kind", ["b"]):
        hp.Int("b/depth", 5, 8)
    return hp


def oracle_of(sampler, hp):
    return OptunaOracle(
        sampler, objective=OBJECTIVE, hyperparameters=hp, max_trials=100, seed=1
    )


def score(values):
    return values["units"] - abs(np.log10(values["rate"]) + 2)


@pytest.mark.parametrize(
    "sampler",
    [
        lambda: None,
        lambda: optuna.samplers.RandomSampler(seed=1),
        lambda: optuna.samplers.TPESampler(seed=1, multivariate=True, group=True),
        lambda: optuna.samplers.NSGAIISampler(seed=1, population_size=4),
        lambda: optuna.samplers.QMCSampler(seed=1, warn_independent_sampling=False),
    ],
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_any_sampler_searches_a_conditional_space(hp, sampler):
    oracle = oracle_of(sampler(), hp)
    values = [t.hyperparameters.values for t in run(oracle, 20, score)]
    assert len(values) == 20
    assert {v["kind"] for v in values} == {"a", "b"}
    for v in values:
        assert {*v} == {"units", "rate", "kind", f"{v['kind']}/depth"}


def test_hyperparameters_of_one_name_are_asked_for_by_names_of_their_own():
    hp = keras_tuner.HyperParameters()
    hp.Choice("kind", ["a", "b"])
    with hp.conditional_scope("kind", ["a"]):
        hp.Choice("x", [1, 2])
    with hp.conditional_scope("kind", ["b"]):
        hp.Choice("x", [3, 4])
    hp.Choice("x#1", [5, 6])
    oracle = oracle_of(optuna.samplers.RandomSampler(seed=1), hp)
    # Not of trials: KerasTuner 1.4.8 drops one of two values of one name.
    values = [oracle.populate_space(str(number))["values"] for number in range(40)]
    assert {(v["kind"], v["x"], v["x#1"]) for v in values} == {
        *itertools.product("a", [1, 2], [5, 6]),
        *itertools.product("b", [3, 4], [5, 6]),
    }


def test_a_grid_is_one_of_names_and_values():
    hp = keras_tuner.HyperParameters()
    hp.Choice("units", [16, 32, 64])
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Int("depth", 1, 9)
    grid = {"units": [16, 64], "rate": [1e-3, 1e-2], "depth": [2, 3, 5]}
    oracle = oracle_of(optuna.samplers.GridSampler(grid, seed=1), hp)
    trials = run(oracle, 30, score)
    tried = {tuple(t.hyperparameters.values[name] for name in grid) for t in trials}
    assert tried == set(itertools.product(*grid.values()))
    assert len(trials) == 12  # the sampler ended the search


def test_what_a_sampler_fixes_is_fixed(hp):
    fixed = {"units": 32, "kind": "b", "b/depth": 7}
    inner = optuna.samplers.TPESampler(seed=1)
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        sampler = optuna.samplers.PartialFixedSampler(fixed, inner)
    values = [t.hyperparameters.values for t in run(oracle_of(sampler, hp), 10, score)]
    assert {(v["units"], v["kind"], v["b/depth"]) for v in values} == {(32, "b", 7)}
    assert len({v["rate"] for v in values}) == 10


@pytest.mark.filterwarnings("error:The distribution is specified")
def test_ranges_in_steps_are_tried_to_their_ends():
    hp = keras_tuner.HyperParameters()
    hp.Float("linear", 0.0, 1.0, step=0.3)
    hp.Float("sevenths", 0.3, 1.2, step=1 / 7)
    hp.Float("tenths", 0.1, 0.5, step=0.1)
    hp.Int("whole", 1, 10, step=4)
    hp.Int("log", 8, 100, step=2, sampling="log")
    hp.Int("reversed", 8, 100, step=3, sampling="reverse_log")
    oracle = oracle_of(None, hp)
    tried = [t.hyperparameters.values for t in run(oracle, 60, lambda values: 0.0)]
    offered = {
        "linear": [0.0, 0.3, 0.6, 0.9],
        "sevenths": [0.3 + step / 7 for step in range(7)],
        "tenths": [0.1, 0.2, 0.3, 0.4, 0.5],
        "whole": [1, 5, 9],
        "log": [8, 16, 32, 64],
        "reversed": [36, 84, 100],
    }
    for name, values in offered.items():
        assert sorted({v[name] for v in tried}) == pytest.approx(values)


def test_a_trial_that_was_not_its_own_teaches_a_sampler():
    hp = keras_tuner.HyperParameters()
    hp.Int("whole", 1, 10, step=4, default=4)
    hp.Int("log", 8, 100, step=2, sampling="log", default=50)
    hp.Float("rate", 0.0, 1.0)
    told = []

    class Watching(optuna.samplers.RandomSampler):
        def __deepcopy__(self, memo):
            return self

        def before_trial(self, study, trial):
            told[:] = [t.params for t in study.trials if t.value == 3.0]

    oracle = oracle_of(Watching(seed=1), hp)
    silence_oracle(oracle)
    trial = oracle.create_trial("one")
    trial.hyperparameters.values = {"whole": 4, "log": 50, "rate": 0.25}
    end(oracle, trial, 3.0)
    run(oracle, 1, lambda values: 0.0)
    # The nearest that a search may try.
    assert told == [{"whole": 5, "log": 64, "rate": 0.25}]
