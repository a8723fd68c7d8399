"""Scenario 34: memory of many trials in one process."""

import json
import math
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from sklearn.datasets import load_wine

from skautonas import TabularSearchClassifier
from skautonas.search import executor
from tests.processes import workers_of


def resident(seen):
    """Return the bytes that this process and its workers hold; note the workers."""
    process = psutil.Process()
    rss = process.memory_info().rss
    for child in process.children(recursive=True):
        try:
            rss += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    seen.update(worker.pid for worker in workers_of(process))
    return rss


def sampled(search, X, y, folder):
    """Fit; return the memory after each finished trial, and the processes seen."""
    journal = folder / "study" / "journal.jsonl"
    samples, seen, done = {}, set(), threading.Event()

    def sample():
        while not done.is_set():
            told = journal.read_text().count('"told"') if journal.exists() else 0
            samples[told] = resident(seen)
            time.sleep(0.05)

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        search.set_params(directory=folder / "study").fit(X, y)
    finally:
        done.set()
        watcher.join()
    return samples, seen


def slope(samples, first):
    """Return by how many MB memory grows from trial to trial, after the first ones."""
    numbers = [number for number in samples if number >= first]
    values = [samples[number] / 1e6 for number in numbers]
    return np.polyfit(numbers, values, 1)[0]


def fit_many(folder):
    """Print the slope of one long fit, whose worker is never started anew."""
    executor.LEAST_BYTES = math.inf
    quick = {"max_trials": 130, "max_epochs": 2, "time_budget": None, "refit": False}
    search = TabularSearchClassifier(strategy="random", **quick)
    samples, seen = sampled(search, *load_wine(return_X_y=True), folder)
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    told = {
        "slope": slope(samples, 30),
        "samples": len(samples),
        "began": len(seen),
        "live": len(seen & children),
    }
    print(json.dumps(told), flush=True)


def test_34_memory_is_flat_over_50_trials_of_a_table(tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "tests.faults.test_memory", tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    told = json.loads(process.stdout.splitlines()[-1])
    assert told["began"] == told["live"]  # none was started anew
    assert told["samples"] > 100
    assert told["slope"] < 1.0


if __name__ == "__main__":
    fit_many(Path(sys.argv[1]))
