"""KerasTuner's tuners search with our oracles; its own oracles break contracts."""

import re
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest
from keras_tuner import oracles

from skautonas.strategy import STRATEGIES, make
from skautonas.testing import check_strategy
from skautonas.testing.contracts import CHECKS

X, Y = np.random.default_rng(0).normal(size=(2, 16, 1))
NAMES = sorted(set(STRATEGIES) - {"auto"})

GIVES_UP = "after 20 draws of what was tried it stops, though something is left"
NO_SEED = "the seed 0 counts as none"
NO_LAST_STEP = "of 0 to 0.5 in steps of 0.1 it leaves 0.5 out, by rounding"
NO_LIMIT = "it has no limit of trials"
STILL_RUNS = "a trial that has ended is saved as one that runs, and tried again"
REPEATS = "its model proposes again what was tried"


def hyperband(max_trials, **options):
    return oracles.HyperbandOracle(max_epochs=9, hyperband_iterations=100, **options)


# KerasTuner 1.4.8.
EXPECTED_FAILED_CHECKS = {
    oracles.RandomSearchOracle: {
        "check_new_configurations": GIVES_UP,
        "check_exhaustion": GIVES_UP,
        "check_outstanding_trials": GIVES_UP,
        "check_seeds": NO_SEED,
        "check_reload": STILL_RUNS,
        "check_reload_while_running": GIVES_UP,
        "check_steps": NO_LAST_STEP,
    },
    oracles.GridSearchOracle: {
        "check_steps": NO_LAST_STEP,
        "check_reload": "where it is in the grid is not saved",
        "check_reload_while_running": "where it is in the grid is not saved",
    },
    hyperband: {
        "check_max_trials": NO_LIMIT,
        "check_new_configurations": GIVES_UP,
        "check_exhaustion": GIVES_UP,
        "check_seeds": NO_SEED,
        "check_reload": STILL_RUNS,
        "check_reload_while_running": GIVES_UP,
        "check_retries": NO_LIMIT,
        "check_steps": NO_LAST_STEP,
    },
}
# Of its Bayesian oracle, whose suggestions take a second, those checks that take less
# than minutes.
BAYESIAN = {
    "check_max_trials": None,
    "check_new_configurations": REPEATS,
    "check_exhaustion": REPEATS,
    "check_outstanding_trials": REPEATS,
    "check_failures": None,
    "check_single_values": None,
}


def build(hp):
    model = keras.Sequential([keras.layers.Dense(hp.Int("units", 1, 4))])
    if hp.Boolean("deep"):
        model.add(keras.layers.Dense(hp.Choice("deep_units", [1, 2, 3])))
    model.add(keras.layers.Dense(1))
    model.compile(loss="mse")
    return model


class Quick(keras_tuner.Tuner):
    """Scores what was built, without training."""

    def run_trial(self, trial, **arguments):
        return len(self.hypermodel.build(trial.hyperparameters).layers)


@pytest.mark.parametrize("name", NAMES)
def test_a_tuner_searches_with_a_strategy_and_goes_on(tmp_path, name):
    def tuner(max_trials):
        objective = keras_tuner.Objective("default_objective", "min")
        oracle = make(name, objective=objective, max_trials=max_trials, seed=0)
        return Quick(oracle, build, directory=tmp_path, project_name="one")

    first = tuner(3)
    first.search(verbose=0)
    assert len(first.oracle.trials) == 3
    second = tuner(6)
    second.search(verbose=0)
    trials = second.oracle.trials
    assert [trial.status for trial in trials.values()] == 6 * ["COMPLETED"]
    for name, trial in first.oracle.trials.items():
        assert trials[name].hyperparameters.values == trial.hyperparameters.values
    assert second.oracle.get_best_trials()[0].score in (2, 3)


def test_a_tuner_trains_what_a_strategy_proposes(tmp_path):
    oracle = make("evolution", objective="val_loss", max_trials=2, seed=0)
    tuner = keras_tuner.Tuner(oracle, build, directory=tmp_path)
    tuner.search(X, Y, validation_data=(X, Y), verbose=0)
    scores = [trial.score for trial in oracle.trials.values()]
    assert len(scores) == 2
    assert np.isfinite(scores).all()


def test_rungs_train_as_long_as_the_documentation_says(tmp_path):
    text = (Path(__file__).parent.parent / "docs/strategies.md").read_text("utf-8")
    names = {"keras_tuner": keras_tuner}
    (code,) = (c for c in re.findall(r"```python\n(.*?)```", text, re.S) if "Rung" in c)
    exec(code, names)
    epochs = []

    class Counted(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            epochs.append(self.params["epochs"])

    oracle = make("asha", objective="val_loss", max_trials=5, max_epochs=3, seed=0)
    tuner = names["RungTuner"](oracle, build, directory=tmp_path)
    tuner.search(X, Y, validation_data=(X, Y), callbacks=[Counted()], verbose=0)
    assert sorted(epochs) == [1, 1, 1, 1, 3]


@pytest.mark.parametrize("factory", EXPECTED_FAILED_CHECKS)
def test_oracles_of_kerastuner_break_these_contracts(factory):
    check_strategy(factory, EXPECTED_FAILED_CHECKS[factory])


# scikit-learn's process warns of its bounds.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("check", BAYESIAN)
def test_the_bayesian_oracle_of_kerastuner_repeats_configurations(check):
    if BAYESIAN[check] is None:
        CHECKS[check](oracles.BayesianOptimizationOracle)
    else:
        with pytest.raises(AssertionError, match="was tried twice"):
            CHECKS[check](oracles.BayesianOptimizationOracle)
