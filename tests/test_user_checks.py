"""What is refused of users' own models, and when."""

import subprocess
import sys

import keras
import pytest
from sklearn.datasets import load_wine

from skautonas import TabularSearchClassifier

QUICK = {"max_trials": 2, "max_epochs": 5, "time_budget": None, "random_state": 0}
WINE = load_wine(return_X_y=True)


def with_a_lambda(hp):
    layers = [keras.Input((13,)), keras.layers.Lambda(lambda x: x / 2)]
    return wine_model(hp, layers)


class Unregistered(keras.layers.Layer):
    def call(self, x):
        return x / 2


def with_an_unknown_layer(hp):
    class Local(Unregistered):
        pass

    return wine_model(hp, [keras.Input((13,)), Local()])


def wine_model(hp, layers):
    model = keras.Sequential([*layers, keras.layers.Dense(3, activation="softmax")])
    model.compile(
        keras.optimizers.Adam(hp.Choice("rate", [0.01, 0.1])),
        "sparse_categorical_crossentropy",
    )
    return model


@pytest.mark.parametrize(
    ("build", "reason"),
    [(with_a_lambda, "Python lambda"), (with_an_unknown_layer, "class 'Local'")],
)
def test_a_model_that_cannot_be_loaded_is_refused_before_the_search(build, reason):
    search = TabularSearchClassifier(space=build, **QUICK)
    with pytest.raises(
        ValueError, match=rf"safe_mode=True; received .*{reason}"
    ) as caught:
        search.fit(*WINE)
    assert len(str(caught.value)) < 1500
    assert not hasattr(search, "best_model_")


NOTEBOOK = """
import keras
from sklearn.datasets import load_wine
from skautonas import TabularSearchClassifier


@keras.saving.register_keras_serializable("notebook", "Halve")
class Halve(keras.layers.Layer):
    def call(self, x):
        return x / 2


def build(hp):
    model = keras.Sequential(
        [keras.Input((13,)), Halve(), keras.layers.Dense(3, activation="softmax")]
    )
    rate = hp.Choice("rate", [0.01, 0.1])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    return model


X, y = load_wine(return_X_y=True)
search = TabularSearchClassifier(
    space=build, max_trials=2, max_epochs=3, time_budget=None, n_jobs=2, random_state=0
).fit(X, y)
print([trial.status for trial in search.trials_], len(search.predict(X)))
"""


def test_layers_that_a_notebook_defines_reach_the_workers():
    result = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], capture_output=True, text=True, check=False
    )
    assert "['completed', 'completed'] 178" in result.stdout, result.stderr[-3000:]


def with_a_lambda_at_times(hp):
    layers = [keras.Input((13,))]
    if hp.Choice("lambda", [False, True], default=False):
        layers.append(keras.layers.Lambda(lambda x: x / 2))
    return wine_model(hp, layers)


def test_a_trial_whose_model_cannot_be_loaded_fails_alone():
    search = TabularSearchClassifier(
        space=with_a_lambda_at_times, **QUICK | {"max_trials": 4}
    ).fit(*WINE)
    failed = [trial for trial in search.trials_ if trial.status == "failed"]
    assert 0 < len(failed) < 4
    assert all(trial.params["lambda"] for trial in failed)
    assert all("Lambda" in trial.error for trial in failed)


def of_nothing(hp):
    hp.Choice("rate", [0.01, 0.1])


def test_a_build_that_returns_nothing_is_refused_before_the_search():
    with pytest.raises(TypeError, match=r"compiled keras.Model; received None"):
        TabularSearchClassifier(space=of_nothing, **QUICK).fit(*WINE)
