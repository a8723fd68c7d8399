"""Users' own models, and trials that fail, hang or take their process down."""

import os
import signal
import time
from functools import partial

import keras
import keras_tuner
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.metrics import make_scorer

from skautonas import (
    SearchFailedError,
    SkautonasWarning,
    TabularSearchClassifier,
    TabularSearchRegressor,
)

WINE = load_wine(return_X_y=True)


def build_small(hp):
    inputs = keras.Input((13,))
    x = keras.layers.Dense(hp.Int("units", 8, 32, step=8), activation="relu")(inputs)
    if hp.Boolean("deep"):
        with hp.conditional_scope("deep", [True]):
            x = keras.layers.Dense(hp.Choice("second", [4, 8]), activation="relu")(x)
    outputs = keras.layers.Dense(3, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


class SmallHyperModel(keras_tuner.HyperModel):
    def build(self, hp):
        return build_small(hp)


@pytest.mark.parametrize("space", [build_small, SmallHyperModel()])
def test_a_users_own_models(space, tmp_path):
    search = TabularSearchClassifier(
        space=space, max_trials=4, max_epochs=30, time_budget=None, random_state=0
    )
    search.fit(*WINE)
    assert search.score(*WINE) > 0.8
    assert {"units", "deep"} <= set(search.best_params_)
    path = search.export_model(tmp_path / "own.keras")
    assert path.stat().st_size > 0


def says_built(folder, y, predicted):
    return float(len(list(folder.glob("trials/*-built"))) == 1)


def test_a_trial_that_validates_says_that_its_model_is_built(tmp_path):
    search = TabularSearchClassifier(
        space=build_small,
        scoring=make_scorer(partial(says_built, tmp_path)),
        directory=tmp_path,
        max_trials=2,
        max_epochs=1,
        time_budget=None,
        n_jobs=1,
    )
    search.fit(*WINE)
    assert [trial.score for trial in search.trials_] == [1.0, 1.0]
    assert not list(tmp_path.rglob("*-built"))


def build_regressor(hp):
    inputs = keras.Input((10,))
    x = keras.layers.Dense(hp.Choice("units", [16, 32]), activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.compile(keras.optimizers.Adam(0.1), "mse")
    return model


def test_a_users_regressor_predicts_in_the_targets_unit():
    X, y = load_diabetes(return_X_y=True, scaled=False)
    search = TabularSearchRegressor(
        space=build_regressor, max_trials=2, time_budget=None
    )
    search.fit(X, y)
    assert search.score(X, y) > 0.2


def build_or_fail(hp):
    if hp.Choice("bad", [False, True], default=False):
        raise RuntimeError("this one cannot be built")
    return build_small(hp)


def build_never(hp):
    hp.Choice("x", [1, 2])
    model = keras.Sequential([keras.Input((13,)), keras.layers.Dense(3)])
    model.compile("adam", "no_such_loss")
    return model


def build_nan(hp):
    model = build_small(hp)
    model.layers[-1].bias.assign([np.nan] * 3)
    return model


def build_and_die(hp):
    if hp.Choice("deadly", [False, True], default=False):
        os.kill(os.getpid(), signal.SIGKILL)
    return build_small(hp)


@pytest.mark.parametrize(
    ("build", "error"),
    [(build_or_fail, "cannot be built"), (build_and_die, "worker died")],
)
def test_a_trial_that_fails_is_a_row_with_its_error(build, error):
    search = TabularSearchClassifier(
        space=build,
        strategy="random",
        max_trials=6,
        max_epochs=2,
        time_budget=None,
        random_state=1,
    )
    search.fit(*WINE)
    failed = [trial for trial in search.trials_ if trial.status == "failed"]
    assert 0 < len(failed) < 6
    assert all(error in trial.error for trial in failed)
    assert np.isnan(search.cv_results_["mean_test_score"]).sum() == len(failed)
    assert np.isfinite(search.best_score_)


@pytest.mark.parametrize(
    ("build", "message"), [(build_never, "no_such_loss"), (build_nan, "it is nan")]
)
def test_when_all_trials_fail_fit_raises_with_the_first_errors(build, message):
    search = TabularSearchClassifier(space=build, max_trials=2, time_budget=None)
    with pytest.raises(SearchFailedError, match=message) as caught:
        search.fit(*WINE)
    assert isinstance(caught.value, ValueError)
    assert not hasattr(search, "best_model_")


def test_a_killed_worker_does_not_end_the_fit_with_two_workers():
    search = TabularSearchClassifier(
        space=build_and_die,
        strategy="random",
        max_trials=6,
        max_epochs=2,
        time_budget=None,
        n_jobs=2,
        random_state=1,
    )
    search.fit(*WINE)
    assert 0 < sum(trial.status == "completed" for trial in search.trials_) < 6


def build_or_hang(hp):
    if hp.Choice("hang", [False, True], default=False):
        time.sleep(600)
    return build_small(hp)


def warm_up_two_workers():
    TabularSearchClassifier(
        space=build_small, max_trials=2, max_epochs=1, time_budget=None, n_jobs=2
    ).fit(*WINE)


@pytest.mark.alone
def test_a_trial_that_hangs_is_killed_when_its_time_is_up():
    warm_up_two_workers()
    search = TabularSearchClassifier(
        space=build_or_hang, strategy="random", time_budget=14, n_jobs=2, random_state=1
    )
    start = time.monotonic()
    search.fit(*WINE)
    assert time.monotonic() - start < 14 + search.cold_start_time_ + 3
    errors = [trial.error for trial in search.trials_ if trial.error]
    assert errors
    assert all("killed" in error for error in errors)
    assert all(trial.seconds > 3 for trial in search.trials_ if trial.error)
    assert search.score(*WINE) > 0.5


def build_hangs(hp):
    time.sleep(600)


def build_dies(hp):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (build_hangs, r"not declared .* after 2\.0 s: build\(hp\) is called"),
        (build_dies, r"died in a call of build\(hp\) that declares the space"),
    ],
)
def test_a_first_build_that_is_no_model_ends_in_an_error(build, words):
    search = TabularSearchClassifier(
        space=build, time_budget=None, max_trials=3, trial_timeout=2, n_jobs=1
    )
    with pytest.raises(SearchFailedError, match=words):
        search.fit(*WINE)


def build_always_hangs(hp):
    if hp.Choice("x", [1, 2]) and os.environ.get("SKAUTONAS_DECLARED"):
        time.sleep(600)
    os.environ["SKAUTONAS_DECLARED"] = "1"
    return build_small(hp)


@pytest.mark.alone
def test_a_search_whose_first_trial_hangs_ends_in_an_error():
    warm_up_two_workers()
    search = TabularSearchClassifier(space=build_always_hangs, time_budget=6)
    start = time.monotonic()
    with pytest.raises(SearchFailedError, match="killed"):
        search.fit(*WINE)
    assert time.monotonic() - start < 6 + 6 + 4


@pytest.mark.parametrize("n_folds", [1, 2])
def test_without_a_refit_the_model_is_the_one_that_was_validated(tmp_path, n_folds):
    def build(hp):
        hp.Choice("x", [1, 2])
        # Declared, built for each fold of the trial, and built for the refit.
        builds = tmp_path / "builds"
        count = len(builds.read_text()) + 1 if builds.exists() else 1
        builds.write_text("x" * count)
        if count == 2 + n_folds:
            raise MemoryError("no room for the refit")
        return build_small(hp)

    search = TabularSearchClassifier(
        space=build, max_trials=1, max_epochs=30, time_budget=None, random_state=0
    )
    search._few_rows = 0
    if n_folds > 1:
        search.cv = n_folds
    with pytest.warns(SkautonasWarning, match="no room for the refit"):
        search.fit(*WINE)
    assert search.score(*WINE) > 0.5


def test_a_search_that_fails_leaves_the_model_of_the_fit_before():
    X, y = WINE
    search = TabularSearchClassifier(max_trials=1, max_epochs=20, time_budget=None)
    search.fit(X, y)
    before = search.predict(X)
    search.set_params(space=build_nan)
    with pytest.raises(SearchFailedError):
        search.fit(X, np.array(["a", "b", "c"])[y])
    np.testing.assert_array_equal(search.predict(X), before)


def test_a_refit_that_hangs_is_ended_when_the_time_is_up(tmp_path):
    def build(hp):
        hp.Choice("x", [1])
        builds = tmp_path / "builds"
        count = len(builds.read_text()) + 1 if builds.exists() else 1
        builds.write_text("x" * count)
        if count == 3:
            time.sleep(600)
        return build_small(hp)

    search = TabularSearchClassifier(space=build, max_trials=1, time_budget=8)
    start = time.monotonic()
    with pytest.warns(SkautonasWarning, match="was ended"):
        search.fit(*WINE)
    # A new worker has to start, to put the model of the trial together.
    assert time.monotonic() - start < 8 + 30
    assert not search.refitted_
    assert search.score(*WINE) > 0.5


def build_large_only(hp):
    units = hp.Int("units", 4, 64)
    if units < 20:
        raise RuntimeError(f"too few units: {units}")
    return build_small(hp)


def test_defaults_that_do_not_build_are_a_row():
    search = TabularSearchClassifier(
        space=build_large_only,
        max_trials=6,
        max_epochs=2,
        time_budget=None,
        random_state=0,
    )
    search.fit(*WINE)
    assert "too few units: 4" in search.trials_[0].error
    assert search.best_params_["units"] >= 20
