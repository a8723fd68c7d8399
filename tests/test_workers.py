"""How many workers and threads a fit gets."""

import os
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from skautonas import ImageSearchClassifier, TabularSearchClassifier
from skautonas.exceptions import SearchFailedError
from skautonas.search.budget import Budget
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
        late = Workers(local, None, 1)
        late.warm_up()
        words = "died while it imported" if dies else "1 of 1 workers were not ready"
        with pytest.raises(SearchFailedError, match=words):
            late.cold_start(Budget(20.0 if dies else 0.1))
