"""Trials through a user's executor, and what a worker of ours is given."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV

from skautonas import (
    ImageSearchClassifier,
    SearchFailedError,
    SkautonasWarning,
    TabularSearchClassifier,
)
from skautonas.estimation.task import TrialTask
from skautonas.search import devices, idle_workers
from skautonas.search.engines import find_engine
from skautonas.search.executor import LocalExecutor
from skautonas.search.host import run_trial
from skautonas.search.worker import environment
from tests.faults.fit import QUICK

X, y = load_wine(return_X_y=True)


def alike(one, other):
    """Tell whether two searches tried the same, with the same scores and model."""
    assert [t.params for t in one.trials_] == [t.params for t in other.trials_]
    assert [t.score for t in one.trials_] == [t.score for t in other.trials_]
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    return True


@pytest.fixture(scope="module")
def local():
    return TabularSearchClassifier(**QUICK, max_trials=4).fit(X, y)


def spawned():
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def forked():
    return ProcessPoolExecutor(1, multiprocessing.get_context("fork"))


@pytest.mark.parametrize("make", [lambda: ThreadPoolExecutor(1), spawned, forked])
def test_an_executor_runs_the_trials_as_local_workers_do(make, local):
    with make() as executor:
        search = TabularSearchClassifier(**QUICK, max_trials=4, executor=executor)
        assert alike(search.fit(X, y), local)


class Leaving(ThreadPoolExecutor):
    """Is shut down by somebody when it has taken so many tasks."""

    def __init__(self, count):
        super().__init__(1)
        self.left = count

    def submit(self, function, *arguments):
        self.left -= 1
        if self.left < 0:
            self.shutdown(wait=False)
        return super().submit(function, *arguments)


def test_an_executor_that_ends_keeps_the_search_and_loses_no_trial(tmp_path, local):
    more = {**QUICK, "max_trials": 4, "directory": tmp_path / "study"}
    search = TabularSearchClassifier(executor=Leaving(3), **more)
    with pytest.warns(SkautonasWarning, match=r"after 2 trials.*after shutdown"):
        search.fit(X, y)
    assert search.stop_reason_ == "executor"
    assert search.n_trials_ == 2
    with ThreadPoolExecutor(1) as executor:
        assert alike(search.set_params(executor=executor).fit(X, y), local)
    search = TabularSearchClassifier(executor=Leaving(1), **QUICK, max_trials=4)
    with pytest.raises(SearchFailedError, match=r"no model.*after shutdown"):
        search.fit(X, y)


class Counting(ThreadPoolExecutor):
    """Counts how many tasks run at once."""

    def __init__(self, n_threads):
        super().__init__(n_threads)
        self.running, self.most, self.lock = 0, 0, threading.Lock()

    def submit(self, function, *arguments):
        def counted():
            with self.lock:
                self.running += 1
                self.most = max(self.most, self.running)
            try:
                return function(*arguments)
            finally:
                with self.lock:
                    self.running -= 1

        return super().submit(counted)


def test_threads_leave_the_process_of_the_user_as_it_is():
    import keras

    layer = keras.layers.Dense(1).name
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    with Counting(2) as executor:
        search = TabularSearchClassifier(**QUICK, max_trials=4, executor=executor)
        search.fit(X, y)
    assert executor.most == 2
    after = np.random.get_state()[1]  # noqa: NPY002
    np.testing.assert_array_equal(after, before)
    assert keras.layers.Dense(1).name != layer  # the session was not cleared


class Bare(Executor):
    """Says nothing about its workers."""

    def __init__(self):
        self.pool = ThreadPoolExecutor(2)

    def submit(self, function, *arguments):
        return self.pool.submit(function, *arguments)


@pytest.mark.parametrize(
    ("n_jobs", "make", "expected"),
    [
        (None, lambda: ThreadPoolExecutor(3), 3),
        (2, lambda: ThreadPoolExecutor(3), 2),
        (8, lambda: ThreadPoolExecutor(3), 3),
        (-2, lambda: ThreadPoolExecutor(3), 2),
        (None, Bare, 1),
        (5, Bare, 5),
    ],
)
def test_n_jobs_counts_the_workers_of_an_executor(n_jobs, make, expected):
    assert find_engine(make(), n_jobs)[1] == expected


def test_an_executor_of_unknown_size_needs_a_number():
    search = TabularSearchClassifier(**QUICK, max_trials=1, executor=Bare(), n_jobs=-1)
    with pytest.raises(ValueError, match="does not say how many workers"):
        search.fit(X, y)


def test_what_is_no_executor_is_refused():
    search = TabularSearchClassifier(max_trials=1, executor="threads")
    with pytest.raises(
        ValueError, match=r"'executor' parameter .* must be an instance"
    ):
        search.fit(X, y)


def test_clones_share_an_executor_and_pickles_leave_it_out():
    with ThreadPoolExecutor(1) as executor:
        search = TabularSearchClassifier(**QUICK, max_trials=1, executor=executor)
        with sklearn.config_context(enable_metadata_routing=True):
            search.set_fit_request(sample_weight=True)
        twin = clone(search)
        assert twin.executor is executor
        assert twin.space is not search.space
        assert twin.max_epochs == search.max_epochs
        assert twin._metadata_request.fit.requests["sample_weight"] is True
        grid = GridSearchCV(search, {"max_epochs": [1, 2]}, cv=2).fit(X, y)
        assert grid.best_estimator_.executor is executor
        fitted = pickle.loads(pickle.dumps(grid.best_estimator_))
        assert fitted.executor is None
        np.testing.assert_array_equal(fitted.predict(X), grid.predict(X))


def sleep_long(task):
    time.sleep(600)


def test_a_trial_that_hangs_in_an_executor_is_ended(tmp_path):
    study = tmp_path / "study"
    study.touch()
    task = TrialTask(0, 0, {}, 0, str(study), str(tmp_path), killed_after=1.0)
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(TimeoutError, match="was killed"),
    ):
        executor.submit(run_trial, "key", None, {}, sleep_long, task).result()


def test_workers_that_do_not_see_the_rows_say_so(tmp_path):
    task = TrialTask(0, 0, {}, 0, str(tmp_path / "elsewhere"), str(tmp_path))
    with pytest.raises(FileNotFoundError, match="share a folder, set TMPDIR"):
        run_trial("key", None, {}, sleep_long, task)


def rows_and_models_kept():
    from skautonas.estimation import compiled, study

    return study.read_examples.cache_info().currsize, len(compiled._kept)


def test_workers_beside_threads_keep_rows_until_the_fit_ends():
    seen = []

    class Looking(ThreadPoolExecutor):
        def submit(self, function, *arguments):
            with LocalExecutor(1, rests=False) as beside:
                seen.append(beside.submit(rows_and_models_kept).result())
            return super().submit(function, *arguments)

    with Looking(1) as executor:
        search = TabularSearchClassifier(**QUICK, max_trials=3, executor=executor)
        search.fit(X, y)
    assert seen[-1][0] > 0
    assert seen[-1][1] > 0
    with LocalExecutor(1) as after:
        assert after.submit(rows_and_models_kept).result() == (0, 0)


INTERRUPTED = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sklearn.datasets import load_wine
from skautonas import TabularSearchClassifier
from tests.faults.fit import build

declared = Path(sys.argv[1])

def hang(hp):
    if declared.exists():
        print("hangs", flush=True)
        time.sleep(600)
    declared.touch()
    return build(hp)

with ThreadPoolExecutor(1) as executor:
    search = TabularSearchClassifier(
        space=hang, time_budget=None, max_trials=1, executor=executor
    )
    try:
        search.fit(*load_wine(return_X_y=True))
    except KeyboardInterrupt as error:
        print(error)
"""


def test_ctrl_c_ends_a_trial_in_a_pool_of_threads(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, tmp_path / "declared"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "hangs\n"
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert "Interrupted before any trial had finished" in output


def test_a_parallel_backend_of_threads_gives_local_workers():
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert find_engine(None, None) == (None, 2)


def test_a_single_trial_of_images_gets_all_threads():
    search = ImageSearchClassifier(max_trials=1, max_epochs=2, n_jobs=6)
    search.fit(X[::3, :4].reshape(-1, 2, 2), y[::3])
    assert search.n_trials_ == 1
    # It was this fit that left a worker of six threads behind.
    assert [worker.n_threads for worker in idle_workers._idle].count(6) == 1
    with LocalExecutor(1, n_threads=6) as executor:
        assert executor.submit(threads_of_tensorflow).result() == "6"


def test_a_reproducible_trial_keeps_to_one_thread():
    before = [worker.n_threads for worker in idle_workers._idle].count(3)
    TabularSearchClassifier(**QUICK, max_trials=1, n_jobs=3).fit(X, y)
    assert [worker.n_threads for worker in idle_workers._idle].count(3) == before


def threads_of_tensorflow():
    return os.environ["TF_NUM_INTRAOP_THREADS"]


def test_a_worker_gets_one_gpu_and_memory_growth(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0, GPU-5f3a,-1,2")
    assert devices.visible_devices() == ("0", "GPU-5f3a")
    with LocalExecutor(3) as executor:
        seen = [executor.submit(gpu_variables) for _ in range(3)]
        seen = sorted(future.result() for future in seen)
    assert {growth for _, growth in seen} == {"true"}
    assert {device for device, _ in seen} <= {"0", "GPU-5f3a"}
    assert environment(1, "GPU-5f3a")["CUDA_VISIBLE_DEVICES"] == "GPU-5f3a"
    assert "CUDA_VISIBLE_DEVICES" not in environment(1, None)


def gpu_variables():
    time.sleep(0.3)
    names = ("CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH")
    return tuple(os.environ[name] for name in names)


def test_gpus_are_shared_out_evenly(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with LocalExecutor(2) as one, LocalExecutor(2) as two:
        given = [worker.device for worker in one._free + two._free]
    assert sorted(given) == ["0", "0", "1", "1"]
