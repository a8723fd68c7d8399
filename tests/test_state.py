"""What a fit leaves as it was: everything of the user's that is not the estimator."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine

from skautonas import TabularSearchClassifier
from skautonas.space import TabularSpace

SCRIPT = """
import logging, os, pickle, random, signal, sys, warnings
import keras
import numpy as np
import tensorflow as tf
import skautonas.space, skautonas.strategy  # what an import registers is no surprise
from tests.conftest import PROBLEMS


def state():
    loggers = {
        name: (logger.level, list(logger.handlers), logger.disabled)
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }
    threading = tf.config.threading
    return {
        "python's seed": random.getstate(),
        "numpy's seed": pickle.dumps(np.random.get_state()),
        "tensorflow's seed": tf.random.get_global_generator().state.numpy().tolist(),
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "policy": keras.config.dtype_policy().name,
        "image format": keras.config.image_data_format(),
        "custom objects": dict(keras.saving.get_custom_objects()),
        "inter-op threads": threading.get_inter_op_parallelism_threads(),
        "intra-op threads": threading.get_intra_op_parallelism_threads(),
        "eager": tf.config.functions_run_eagerly(),
        "devices": [device.name for device in tf.config.get_visible_devices()],
        "environment": dict(os.environ),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "filters": list(warnings.filters),
        "loggers": loggers,
        "root logger": (logging.root.level, list(logging.root.handlers)),
        "folder": os.getcwd(),
        "umask": os.umask(os.umask(0)),
        "printing": np.get_printoptions(),
        "floating-point errors": np.geterr(),
    }


problem = PROBLEMS["text-regressor"]()
keras.utils.set_random_seed(7)
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("mixed_bfloat16")
options = {"max_trials": 2, "max_epochs": 2, "time_budget": None, "random_state": 0}
search = problem.estimator(**options)
layer = keras.layers.Dense(1)
before = state()
search.fit(problem.X_train[:90], problem.y_train[:90])
search.predict(problem.X_test)
pickle.loads(pickle.dumps(search)).predict(problem.X_test)
after = state()
after["loggers"] = {name: after["loggers"][name] for name in before["loggers"]}
moved = [name for name in before if before[name] != after[name]]
assert not moved, moved
names = [layer.name, keras.layers.Dense(1).name]
assert names == ["dense", "dense_1"], names
"""


def test_a_fit_moves_nothing_else_and_prints_nothing():
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout == ""


COLD = """
import sys
from tests.conftest import PROBLEMS
problem = PROBLEMS["tabular-classifier"]()
search = problem.estimator(max_trials=1, max_epochs=1, time_budget=None)
search.fit(problem.X_train, problem.y_train).predict(problem.X_test)
search = search.set_params(space=search._default_space().with_starts([{START}]))
search.fit(problem.X_train, problem.y_train).predict(problem.X_test)
"""
STARTS = [
    {"model": "linear"},
    {"architecture": "packed"},
    {"architecture": "residual", "numeric/embedding": "linear"},
]


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_a_first_fit_prints_nothing(start):
    process = subprocess.run(
        [sys.executable, "-c", COLD.replace("{START}", repr(start))],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0
    assert (process.stdout, process.stderr) == ("", "")


def test_two_threads_do_not_disturb_each_other():
    X, y = load_wine(return_X_y=True)
    small = TabularSpace(architectures=("mlp",), units=(16, 32), layers=(1, 2))
    searches = [
        TabularSearchClassifier(
            space=small, max_trials=3, max_epochs=9, time_budget=None, random_state=seed
        )
        for seed in (0, 1)
    ]
    expected = [clone(search).fit(X, y).predict_proba(X) for search in searches]
    threads = [threading.Thread(target=search.fit, args=(X, y)) for search in searches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for search, probabilities in zip(searches, expected, strict=True):
        np.testing.assert_array_equal(search.predict_proba(X), probabilities)
