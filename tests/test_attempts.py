"""Attempts that end, cannot begin, or do not stop, without a strategy."""

from concurrent.futures import CancelledError, Future

import pytest

from skautonas.estimation.task import TrialOutcome, TrialTask
from skautonas.exceptions import NoWorkerError
from skautonas.search.attempts import Attempts
from skautonas.search.budget import MAX_COLD_START, Budget
from skautonas.search.deadlines import OVERRUN_SECONDS, Deadlines
from skautonas.search.ledger import Ledger
from skautonas.search.proposal import Proposal
from skautonas.search.rules import Rules

OUTCOME = TrialOutcome("completed", score=1.0)


class Executor:
    """Leaves its futures to the test."""

    def __init__(self):
        self.restarts, self.killed, self.n_ready = 0, [], 0
        self.futures = []

    def submit(self, function, task):
        self.futures.append(Future())
        return self.futures[-1]

    def kill(self, future):
        self.killed.append(future)
        future.set_exception(CancelledError())

    def keep_one_ready(self):
        self.n_ready += 1


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def executor():
    return Executor()


@pytest.fixture
def attempts(executor, clock):
    rules = Rules(None, 0.0, 1, in_order=False, trial_timeout=5.0)
    budget = Budget(100.0, clock)
    deadlines = Deadlines(budget, rules, Ledger(rules))
    return Attempts(executor, lambda task: OUTCOME, budget, deadlines, 0.0)


@pytest.fixture
def begin(attempts, tmp_path):
    def begin(number=0):
        task = TrialTask(number, 0, {}, 0, "", str(tmp_path))
        attempt = attempts.begin(Proposal(number, {}), task, is_first=False)
        attempts.submit(attempt)
        return attempt

    return begin


def test_one_that_has_ended_is_told_once_and_leaves_no_mark(
    attempts, executor, begin, clock
):
    attempt = begin()
    attempt.task.built.touch()
    clock.now = 2.0
    executor.futures[0].set_result(OUTCOME)
    assert list(attempts.ended()) == [(attempt, OUTCOME)]
    assert not attempt.task.built.exists()
    assert len(attempts) == 0
    assert list(attempts.ended()) == []


def test_one_without_a_worker_has_not_begun(attempts, executor, begin):
    attempt, error = begin(), NoWorkerError("no process")
    executor.futures[0].set_exception(error)
    assert list(attempts.ended()) == [(attempt, error)]


def test_one_that_does_not_stop_is_killed_once(attempts, executor, begin, clock):
    late, other = begin(0), begin(1)
    clock.now = 4.0
    attempts.kill_late()
    assert executor.killed == []
    executor.futures[1].set_result(OUTCOME)
    assert list(attempts.ended()) == [(other, OUTCOME)]
    # Before it is killed, another worker starts.
    clock.now = 5.0 + OVERRUN_SECONDS - 0.1
    attempts.kill_late()
    assert executor.n_ready == 1
    clock.now = late.latest
    attempts.kill_late()
    attempts.kill_late()
    assert executor.killed == [executor.futures[0]]
    ((attempt, outcome),) = attempts.ended()
    assert attempt is late
    assert "did not stop when its time was up" in outcome.error
    assert outcome.seconds.total == late.latest


def test_all_are_killed_at_an_end(attempts, executor, begin):
    begin(0)
    begin(1)
    attempts.kill_all()
    assert executor.killed == executor.futures
    assert [attempt.task.number for attempt in attempts] == [0, 1]


def test_as_many_as_workers_started_anew_have_time_for_it(attempts, executor, begin):
    usual = begin(0).latest
    executor.restarts = 1
    assert attempts.waits_for_worker()
    assert begin(1).latest == usual + MAX_COLD_START
    assert not attempts.waits_for_worker()
    assert begin(2).latest == usual
