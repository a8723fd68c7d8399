"""Scenarios 31 to 38: spaces that end, clocks, forks, variables and paths."""

import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine

from tests.faults.fit import build, search, told

WINE = load_wine(return_X_y=True)


def test_31_a_space_that_is_exhausted_says_so():
    import keras

    def build(hp):
        units = hp.Choice("units", [4, 8, 16])
        hidden, head = keras.layers.Dense(units), keras.layers.Dense(3, "softmax")
        model = keras.Sequential([keras.Input((13,)), hidden, head])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    for strategy in ("bayesian", "hyperband"):
        fitted = search(None, 50, space=build, strategy=strategy).fit(*WINE)
        assert fitted.stop_reason_ == "exhausted"
        units = {trial.params["units"] for trial in fitted.trials_}
        assert units == {4, 8, 16}


def jump():
    """Have the clock of this process jump by days at each reading."""
    real, calls = time.time, itertools.count()
    time.time = lambda: real() + (-1) ** next(calls) * 86_400


def build_in_a_worker_whose_clock_jumps(hp):
    """Return a model."""
    jump()
    return build(hp)


JUMP = """
from sklearn.datasets import load_wine
from tests.faults import test_surroundings
from tests.faults.fit import search
test_surroundings.jump()
build = test_surroundings.build_in_a_worker_whose_clock_jumps
more = {"time_budget": 10, "space": build, "strategy": "random"}
fitted = search(None, None, **more).fit(*load_wine(return_X_y=True))
print(fitted.stop_reason_, 5 < fitted.search_time_ < 20)
"""


def run(script, *arguments, **variables):
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | variables,
        timeout=120,
    )


def test_35_a_clock_that_jumps_by_days_does_not_matter():
    process = run(JUMP)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == "time_budget True"


UNGUARDED = """
from sklearn.datasets import load_wine
from tests.faults.fit import search
print("top level", flush=True)
fitted = search(None, 1, n_jobs=2).fit(*load_wine(return_X_y=True))
print("fitted", fitted.n_trials_)
"""


def test_36_a_script_needs_no_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    process = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("top level") == 1
    assert process.stdout.splitlines()[-1] == "fitted 1"


def fit_in_child(queue):
    queue.put(told(search(None, 1).fit(*WINE)))


def test_36_a_child_that_was_spawned_fits():
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=fit_in_child, args=(queue,))
    child.start()
    assert queue.get(timeout=100) == told(search(None, 1).fit(*WINE))
    child.join()


LISTENS = """
import json, psutil
from sklearn.datasets import load_wine
from tests.faults.fit import build, search, told
fitted = search(None, 2).fit(*load_wine(return_X_y=True))
me = psutil.Process()
listening = [
    c.laddr for p in [me, *me.children(recursive=True)]
    for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN
]
print(json.dumps([listening, told(fitted)]))
"""


@pytest.mark.parametrize("tuner", ["chief", "worker0"])
def test_37_variables_of_kerastuner_open_no_port(tuner):
    process = run(
        LISTENS,
        KERASTUNER_TUNER_ID=tuner,
        KERASTUNER_ORACLE_IP="127.0.0.1",
        KERASTUNER_ORACLE_PORT="8000",
    )
    assert process.returncode == 0, process.stderr
    listening, found = json.loads(process.stdout.splitlines()[-1])
    assert listening == []
    assert found == told(search(None, 2).fit(*WINE))


@pytest.mark.parametrize("name", ["ünï ✓ with spaces", "long" * 50])
def test_38_paths_of_all_kinds(tmp_path, name):
    directory = tmp_path / name
    fitted = search(directory, 1).fit(*WINE)
    again = search(directory, 2).fit(*WINE)
    assert again.n_trials_ == 2
    path = fitted.export_model(directory.parent / f"{name}.keras")
    assert path.stat().st_size > 0
    assert np.isfinite(again.predict_proba(WINE[0])).all()
