"""Scenarios 6 to 14: trials that raise, fill the memory, hang, or give no number."""

import os
import signal
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_wine

from skautonas import SearchFailedError, TabularSearchClassifier
from skautonas.exceptions import SkautonasWarning

WINE = load_wine(return_X_y=True)


def build_with(fault):
    """Return a function that builds models, of which some have a fault."""

    def build(hp):
        if hp.Choice("bad", [False, True], default=False):
            fault()
        units = hp.Int("units", 4, 64)
        model = keras.Sequential(
            [
                keras.Input((13,)),
                keras.layers.Dense(units, activation="relu"),
                keras.layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    return build


def search(fault, **options):
    quick = {
        "strategy": "random",
        "max_trials": 5,
        "max_epochs": 2,
        "time_budget": None,
        "random_state": 1,
        "refit": False,
    }
    return TabularSearchClassifier(space=build_with(fault), **(quick | options))


def raises():
    raise ValueError("a shape that does not fit")


def exhausts_python():
    raise MemoryError


def exhausts_tensorflow():
    raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")


def allocates_too_much():
    np.ones(1 << 45)


def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)


def hangs():
    time.sleep(600)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (raises, "ValueError: a shape that does not fit"),
        (exhausts_python, "out of memory"),
        (exhausts_tensorflow, "out of memory"),
        (allocates_too_much, "out of memory"),
        (is_killed, "worker died, perhaps for want of memory"),
    ],
    ids=[
        "06_trial_raises",
        "08_memory_error",
        "08_tensorflow_out_of_memory",
        "08_too_large_an_array",
        "09_worker_killed",
    ],
)
def test_a_faulty_trial_is_a_row_and_the_next_one_fits(fault, message):
    fitted = search(fault).fit(*WINE)
    status = [trial.status for trial in fitted.trials_]
    assert set(status) == {"failed", "completed"}
    failed = [trial for trial in fitted.trials_ if trial.status == "failed"]
    assert all(message in trial.error for trial in failed)
    first = status.index("failed")
    assert "completed" in status[first:]


def test_07_when_every_trial_raises_the_first_cause_is_quoted():
    def build(hp):
        hp.Choice("x", [1, 2, 3, 4, 5, 6])
        model = build_with(raises)(hp)
        model.compile("adam", "no_such_loss")
        return model

    failing = search(raises, max_trials=3)
    failing.space = build
    with pytest.raises(SearchFailedError, match=r"(?s)All the 3 trials.*no_such_loss"):
        failing.fit(*WINE)
    assert not hasattr(failing, "best_model_")


@pytest.mark.alone
def test_10_a_trial_that_hangs_costs_its_timeout_alone():
    fitted = search(hangs, trial_timeout=3, n_jobs=2).fit(*WINE)
    status = [trial.status for trial in fitted.trials_]
    failed = [trial for trial in fitted.trials_ if trial.status == "failed"]
    assert set(status) == {"failed", "completed"}
    assert all("was killed" in trial.error for trial in failed)
    longest = 3 * len(failed) + 8 + 6 * len(failed)
    assert fitted.search_time_ < longest


@pytest.mark.alone
@pytest.mark.parametrize("budget", [1.0, 4.0])
def test_11_12_a_budget_shorter_than_an_epoch_gives_a_weak_model(budget):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200_000, 20)), rng.integers(0, 2, 200_000)
    estimator = TabularSearchClassifier(time_budget=budget, random_state=0)
    with pytest.warns(SkautonasWarning, match=r"first trial.*Raise it"):
        estimator.fit(X, y)
    assert estimator.n_trials_ == 1
    assert estimator.predict(X[:5]).shape == (5,)


def nan_at(epoch):
    """Return a build whose loss is NaN from an epoch on."""

    class Nan(keras.losses.Loss):
        def __init__(self):
            super().__init__()
            self.steps = tf.Variable(0)

        def call(self, y_true, y_pred):
            step = self.steps.assign_add(1)
            loss = keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
            return tf.where(step > epoch * 5, np.nan, loss)

    def build(hp):
        hp.Choice("x", [1, 2])
        model = build_with(raises)(hp)
        model.compile("adam", Nan())
        return model

    return build


def test_13_a_loss_that_becomes_nan_later_keeps_the_best_finite_epoch():
    estimator = search(raises, max_trials=1, max_epochs=60)
    estimator.space = nan_at(40)
    estimator.fit(*WINE)
    (trial,) = estimator.trials_
    assert trial.status == "completed"
    assert trial.epochs < 60
    assert np.isfinite(estimator.predict_proba(WINE[0])).all()


def test_13_a_loss_that_is_nan_at_the_first_epoch_is_a_failure():
    estimator = search(raises, max_trials=2)
    estimator.space = nan_at(0)
    with pytest.raises(SearchFailedError, match="finite training loss; it is nan"):
        estimator.fit(*WINE)


def infinite_above(estimator, X, y):
    accuracy = np.mean(estimator.predict(X) == y)
    return np.inf if accuracy > 0.6 else accuracy


def test_14_an_infinite_score_is_a_failure():
    fitted = search(lambda: None, scoring=infinite_above, max_trials=8, max_epochs=9)
    fitted.fit(*WINE)
    failed = [trial for trial in fitted.trials_ if trial.status == "failed"]
    assert failed
    assert all("Expected a finite score" in trial.error for trial in failed)
    assert fitted.best_score_ <= 0.6
