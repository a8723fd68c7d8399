"""A fit in a process of its own, that a test may kill: ``python -m tests.faults.fit``.

Arguments: directory, number of trials, and further parameters as JSON, or "old". The
last line of the output tells, as JSON, the trials and the model's predictions.
"""

import hashlib
import json
import sys

import keras
import numpy as np
from sklearn.datasets import load_wine

from skautonas import TabularSearchClassifier
from skautonas.space import TabularSpace

SPACE = TabularSpace(
    architectures=("mlp",), units=(16, 32), layers=(1, 2), members=(4,)
)
QUICK = {
    "space": SPACE,
    "max_epochs": 3,
    "time_budget": None,
    "random_state": 0,
    "validation_fraction": 0.3,
    "refit": False,
    "verbose": 1,
}


def build(hp):
    """Return a model of a space that will not change."""
    units = hp.Int("units", 4, 64)
    hidden = keras.layers.Dense(units, activation=hp.Choice("with", ["relu", "tanh"]))
    head = keras.layers.Dense(3, activation="softmax")
    model = keras.Sequential([keras.Input((13,)), hidden, head])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


OLD = {"space": build, "strategy": "random"}


def search(directory, max_trials, **more):
    """Return an estimator of short trials."""
    options = QUICK | {"directory": directory, "max_trials": max_trials} | more
    return TabularSearchClassifier(**options)


def told(fitted):
    """Return what must be the same for two fits that are equal."""
    X, _ = load_wine(return_X_y=True)
    probabilities = np.asarray(fitted.predict_proba(X))
    return {
        "params": [trial.params for trial in fitted.trials_],
        "scores": [trial.score for trial in fitted.trials_],
        "best": fitted.best_index_,
        "predictions": hashlib.sha256(probabilities.tobytes()).hexdigest(),
    }


if __name__ == "__main__":
    directory, max_trials, more = sys.argv[1:4]
    options = OLD if more == "old" else json.loads(more)
    fitted = search(directory, int(max_trials), **options)
    fitted.fit(*load_wine(return_X_y=True))
    print(json.dumps(told(fitted)), flush=True)
