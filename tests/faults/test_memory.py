"""Scenario 34: memory of many trials in one process."""

import threading
import time

import numpy as np
import psutil
from sklearn.datasets import load_wine

from skautonas import TabularSearchClassifier


def resident():
    """Return the bytes that this process and its workers hold."""
    process = psutil.Process()
    rss = process.memory_info().rss
    for child in process.children(recursive=True):
        try:
            rss += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return rss


def sampled(search, X, y, folder):
    """Fit, and return the memory after each finished trial."""
    journal = folder / "study" / "journal.jsonl"
    samples, done = {}, threading.Event()

    def sample():
        while not done.is_set():
            told = journal.read_text().count('"told"') if journal.exists() else 0
            samples[told] = resident()
            time.sleep(0.05)

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        search.set_params(directory=folder / "study").fit(X, y)
    finally:
        done.set()
        watcher.join()
    return samples


def slope(samples, first):
    """Return by how many MB memory grows from trial to trial, after the first ones."""
    numbers = [number for number in samples if number >= first]
    values = [samples[number] / 1e6 for number in numbers]
    return np.polyfit(numbers, values, 1)[0]


def test_34_memory_is_flat_over_50_trials_of_a_table(tmp_path):
    quick = {"max_trials": 65, "max_epochs": 2, "time_budget": None, "refit": False}
    search = TabularSearchClassifier(strategy="random", **quick)
    samples = sampled(search, *load_wine(return_X_y=True), tmp_path)
    assert slope(samples, 15) < 1.0
