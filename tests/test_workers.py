"""How many workers and threads a fit gets."""

import os
import sys
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest

from skautonas import ImageSearchClassifier, TabularSearchClassifier
from skautonas.exceptions import SearchFailedError
from skautonas.search.budget import Budget
from skautonas.search.executor import LocalExecutor
from skautonas.search.fork_client import ready_server
from skautonas.search.interrupt import Interrupt
from skautonas.search.refits import Refitter
from skautonas.search.rules import Rules
from skautonas.search.workers import Workers, open_workers
from skautonas.space import ImageSpace, TabularSpace


def threads():
    return int(os.environ["TF_NUM_INTRAOP_THREADS"])


@pytest.mark.parametrize(
    ("max_trials", "threads_help", "of_a_trial"),
    [(None, True, 1), (None, False, 1), (1, True, 3), (1, False, 1)],
)
def test_threads_that_are_left_over_go_where_they_help(
    max_trials, threads_help, of_a_trial
):
    with open_workers(None, 3, max_trials, threads_help) as workers:
        assert workers.local.submit(threads).result() == of_a_trial


@pytest.mark.parametrize(
    ("search", "helps"),
    [
        (ImageSearchClassifier(), True),
        (ImageSearchClassifier(space=ImageSpace(), time_budget=None), True),
        (ImageSearchClassifier(time_budget=None, random_state=0), False),
        (TabularSearchClassifier(), False),
        (TabularSearchClassifier(space=TabularSpace()), False),
        (TabularSearchClassifier(space=lambda hp: None), True),
    ],
)
def test_threads_help_maps_and_what_is_not_known(search, helps):
    assert search._threads_help is helps


def exit_now():
    os._exit(1)


@pytest.mark.parametrize("dies", [True, False])
def test_a_worker_that_does_not_start_is_an_error(dies, monkeypatch):
    monkeypatch.setattr("skautonas.search.workers.NEEDED_SECONDS", 0.2)
    with open_workers(None, 1, None, False) as workers:
        started = workers.local.submit(exit_now) if dies else Future()
        local = SimpleNamespace(warm_up=lambda: [started])
        late = Workers(local, None, 1, 1)
        late.warm_up()
        words = "died while it imported" if dies else "1 of 1 workers were not ready"
        with pytest.raises(SearchFailedError, match=words):
            late.cold_start(Budget(20.0 if dies else 0.1))


def of_refits(executor, refit_threads, n_members):
    """Return the threads that each of some refits has."""
    rules = Rules(None, 1.0, 1, in_order=False, refit_threads=refit_threads)
    refitter = Refitter(rules, executor, Budget(None), Path(), Interrupt())
    with refitter._workers(n_members) as workers:
        futures = [workers.submit(threads) for _ in range(n_members)]
        return [future.result() for future in futures]


@pytest.mark.parametrize(
    ("refit_threads", "n_members", "each"), [(1, 1, 1), (7, 1, 7), (7, 2, 3), (2, 2, 1)]
)
def test_refits_share_the_threads_of_all(refit_threads, n_members, each, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with LocalExecutor(n_members) as executor:
        for future in executor.warm_up():
            future.result()
        forks = ready_server() is not None
        assert forks == (sys.platform == "linux")
        expected = [each if forks else 1] * n_members
        assert of_refits(executor, refit_threads, n_members) == expected
        monkeypatch.setattr("skautonas.search.refits.ready_server", lambda: None)
        assert of_refits(executor, refit_threads, n_members) == [1] * n_members
