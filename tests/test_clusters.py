"""Trials on real clusters of Dask and of Ray, started here."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import psutil
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score

from skautonas import (
    ImageSearchClassifier,
    TabularSearchClassifier,
    TextSearchClassifier,
)
from skautonas._files import ALIVE, PREFIX
from skautonas.datasets import load_docstrings
from skautonas.search import host
from skautonas.search.engines import DaskEngine, find_engine
from tests.faults.fit import QUICK
from tests.test_engines import X, alike, y


@pytest.fixture(scope="module")
def local():
    return TabularSearchClassifier(**QUICK, max_trials=4).fit(X, y)


@pytest.fixture(scope="module")
def dask():
    """Return the client of a cluster of two processes; nothing listens but on it."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def ray():
    """Return Ray, with a cluster of two CPUs."""
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    yield ray
    ray.shutdown()


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_a_cluster_runs_the_trials_as_local_workers_do(backend, request, local):
    request.getfixturevalue(backend)
    with joblib.parallel_config(backend=backend, n_jobs=1):
        search = TabularSearchClassifier(**QUICK, max_trials=4, n_jobs=1).fit(X, y)
    assert alike(search, local)


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_rungs_go_on_from_checkpoints_on_a_cluster(backend, request):
    request.getfixturevalue(backend)
    parameters = QUICK | {"strategy": "hyperband", "max_trials": 12, "max_epochs": 9}
    near = TabularSearchClassifier(**parameters, n_jobs=1).fit(X, y)
    with joblib.parallel_config(backend=backend):
        far = TabularSearchClassifier(**parameters, n_jobs=1).fit(X, y)
    fidelities = [trial.fidelity for trial in far.trials_]
    assert len(set(fidelities)) > 1
    assert alike(far, near)


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_images_and_texts_travel_to_a_cluster(backend, request):
    request.getfixturevalue(backend)
    digits = load_digits()
    quick = {"max_trials": 2, "max_epochs": 2, "time_budget": None, "refit": False}
    with joblib.parallel_config(backend=backend):
        images = ImageSearchClassifier(**quick).fit(digits.images, digits.target)
        texts, libraries = load_docstrings()
        words = TextSearchClassifier(**quick).fit(texts[::5], libraries[::5])
    for search in (images, words):
        assert [trial.status for trial in search.trials_] == ["completed"] * 2


def test_all_workers_of_a_cluster_are_used(dask):
    with joblib.parallel_config(backend="dask"):
        engine, n_trials = find_engine(None, None)
    assert isinstance(engine, DaskEngine)
    assert n_trials == 2
    assert find_engine(dask.get_executor(), None)[1] == 2


def test_an_executor_of_dask_sends_the_rows(dask, local):
    search = TabularSearchClassifier(
        **QUICK, max_trials=4, n_jobs=1, executor=dask.get_executor()
    )
    assert alike(search.fit(X, y), local)


def test_cross_validation_on_dask_keeps_each_fit_to_its_worker(dask):
    search = TabularSearchClassifier(**QUICK, max_trials=1)
    with joblib.parallel_config(backend="dask"):
        scores = cross_val_score(search, X, y, cv=2, error_score="raise")
    assert len(scores) == 2


def test_a_killed_dask_worker_costs_one_attempt(dask, tmp_path):
    study = tmp_path / "study"
    before = set(dask.run(os.getpid).values())

    def kill_one():
        journal = study / "journal.jsonl"
        while not (journal.exists() and '"told"' in journal.read_text()):
            time.sleep(0.01)
        os.kill(min(before), signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    search = TabularSearchClassifier(
        **QUICK | {"max_epochs": 50}, max_trials=6, directory=study
    )
    with joblib.parallel_config(backend="dask"):
        search.fit(X, y)
    killer.join()
    dask.wait_for_workers(2)
    assert set(dask.run(os.getpid).values()) != before
    assert [trial.number for trial in search.trials_] == list(range(6))
    assert [trial.status for trial in search.trials_] == ["completed"] * 6


def count_copies():
    mine = {file.path for file in psutil.Process().open_files()}
    copies = Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{ALIVE}")
    return sum(str(path) in mine for path in copies)


def copies_during_a_fit(client, seen):
    while not any(seen):
        seen.append(sum(client.run(count_copies).values()))


def test_no_files_stay_behind(dask):
    seen = []
    watcher = threading.Thread(target=copies_during_a_fit, args=(dask, seen))
    watcher.start()
    with joblib.parallel_config(backend="dask"):
        TabularSearchClassifier(**QUICK, max_trials=4).fit(X, y)
    watcher.join()
    assert seen[-1] > 0
    assert all(copies == 0 for copies in dask.run(count_copies).values())


def copies_here():
    """Return the folders of the studies that a worker has copied."""
    return [(os.getpid(), str(copy.folder)) for copy in host._copies.values()]


def watch_traffic(client, done, copies, packages, submitted):
    """Note the copies of workers, the packages sent, and the bytes of each trial."""
    scheduler = client.cluster.scheduler
    while not done.is_set():
        for found in client.run(copies_here).values():
            copies.update(found)
        for task in list(scheduler.tasks.values()):
            if task.key.startswith("Package"):
                packages.add(task.key)
            elif task.key.startswith("run_trial") and task.run_spec is not None:
                submitted[task.key] = len(cloudpickle.dumps(task.run_spec))


def test_rows_travel_once_to_each_dask_worker(dask):
    rng = np.random.default_rng(0)
    many, labels = rng.normal(size=(8000, 64)), rng.integers(0, 2, 8000)
    done, copies, packages, submitted = threading.Event(), set(), set(), {}
    arguments = (dask, done, copies, packages, submitted)
    watcher = threading.Thread(target=watch_traffic, args=arguments)
    watcher.start()
    try:
        with joblib.parallel_config(backend="dask"):
            search = TabularSearchClassifier(**QUICK, max_trials=6).fit(many, labels)
    finally:
        done.set()
        watcher.join()
    assert [trial.status for trial in search.trials_] == ["completed"] * 6
    assert len({process for process, _ in copies}) == 2
    assert len(copies) == 2
    assert len(packages) == 1
    assert len(submitted) == 6
    assert max(submitted.values()) < 20_000


INTERRUPTED = """
import sys, time
from pathlib import Path
import joblib
from sklearn.datasets import load_wine
from skautonas import TabularSearchClassifier
from tests.faults.fit import build

declared = Path(sys.argv[1])

def hang(hp):
    if declared.exists():
        declared.with_name("trial").write_text(str(os.getpid()))
        time.sleep(600)
    declared.touch()
    return build(hp)

def main():
    search = TabularSearchClassifier(space=hang, time_budget=None, max_trials=1)
    with joblib.parallel_config(backend=sys.argv[2]):
        try:
            search.fit(*load_wine(return_X_y=True))
        except KeyboardInterrupt as error:
            print(error, flush=True)
    while psutil.pid_exists(int(declared.with_name("trial").read_text())):
        time.sleep(0.1)
    print("its process is gone", flush=True)

if __name__ == "__main__":
    import os
    import psutil
    if sys.argv[2] == "dask":
        from distributed import Client, LocalCluster
        one = {"n_workers": 1, "threads_per_worker": 1}
        client = Client(LocalCluster(**one, dashboard_address="127.0.0.1:0"))
    else:
        import ray
        from ray.util.joblib import register_ray
        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
        register_ray()
    main()
"""


@pytest.mark.parametrize("backend", ["dask", "ray"])
def test_ctrl_c_ends_a_trial_on_a_cluster(backend, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    declared, trial = tmp_path / "declared", tmp_path / "trial"
    with subprocess.Popen(
        [sys.executable, script, declared, backend],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    ) as process:
        try:
            deadline = time.monotonic() + 90
            while not trial.exists():
                assert time.monotonic() < deadline
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=40)
        finally:
            process.kill()
    assert "Interrupted before any trial had finished" in output
    assert "its process is gone" in output
