"""The loop with an evaluation of five lines, threads and a fake clock."""

import contextlib
import dataclasses
import itertools
import threading
import time
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from skautonas.estimation.task import Seconds, TrialOutcome, TrialTask
from skautonas.exceptions import NoWorkerError
from skautonas.search.budget import FINISH_SECONDS, Budget
from skautonas.search.deadlines import FIRST_OVERRUN_SECONDS, OVERRUN_SECONDS
from skautonas.search.driver import MAX_ATTEMPTS, MAX_FAILURES, PATIENCE, Driver
from skautonas.search.journal import Asked, Finished, Told
from skautonas.search.ledger import Ledger
from skautonas.search.proposal import Proposal
from skautonas.search.rules import Rules
from skautonas.search.trial import Trial


class Numbers:
    """A strategy that proposes 0, 1, 2, ..., and remembers what it is told."""

    def __init__(self, limit=None, share=None, parents=None, resumable=()):
        self.exhausted = False
        self.asked, self.told, self.limit = 0, [], limit
        self.known_at_ask = []
        self.share = share
        self.parents = parents or {}
        self.may_go_on = set(resumable)

    def ask(self, number, recorded=None):
        if self.limit is not None and self.asked >= self.limit:
            self.exhausted = True
            return None
        self.known_at_ask.append(len(self.told))
        self.asked += 1
        share = self.share(number) if self.share else 1.0
        parent = self.parents.get(number)
        return Proposal(number, recorded or {"x": number}, share, parent=parent)

    def tell(self, number, score, error):
        self.told.append((number, score, error))

    def resumable(self):
        return set(self.may_go_on)


def make_task(proposal, attempt, parent):
    states = parent.outcome.states if parent else ()
    return TrialTask(
        proposal.number, attempt, proposal.values, 0, "", "", states=states
    )


def outcome(score, seconds=1.0):
    parts = Seconds(total=seconds, build=0.1)
    return TrialOutcome(
        "completed", score=score, seconds=parts, epochs=2.0, best_epoch=2.0
    )


def run(
    evaluate,
    *,
    strategy=None,
    workers=2,
    budget=None,
    clock=None,
    events=(),
    record=None,
    forget=None,
    on_trial=None,
    make_executor=None,
    is_interrupted=lambda: False,
    **rules,
):
    strategy = strategy or Numbers()
    rules = {
        "max_trials": None,
        "refit_share": 0.0,
        "n_folds": 1,
        "in_order": False,
    } | rules
    with (make_executor or partial(ThreadPoolExecutor, workers))() as executor:
        driver = Driver(
            strategy,
            executor,
            n_workers=workers,
            budget=Budget(budget, clock or time.monotonic),
            rules=Rules(**rules),
            make_task=make_task,
            evaluate=evaluate,
            record=record or ignore,
            forget=forget or ignore,
            on_trial=on_trial or ignore,
        )
        driver.replay(events)
        driver.run(is_interrupted)
    return driver, strategy


def ignore(*arguments):
    pass


def test_max_trials_ends_the_search():
    driver, _ = run(lambda task: outcome(task.number), max_trials=7)
    assert sorted(trial.number for trial in driver.ledger.trials) == list(range(7))
    assert driver.stop_reason == "max_trials"
    assert driver.ledger.incumbent.number == 6


def test_all_workers_are_busy():
    barrier = threading.Barrier(3, timeout=10)

    def evaluate(task):
        barrier.wait()
        return outcome(0.0)

    driver, _ = run(evaluate, workers=3, max_trials=6)
    assert len(driver.ledger.trials) == 6


def test_a_search_that_does_not_improve_has_converged():
    driver, _ = run(lambda task: outcome(-task.number), workers=1)
    assert driver.stop_reason == "converged"
    assert len(driver.ledger.trials) == PATIENCE + 1


def test_max_trials_is_kept_even_without_improvement():
    driver, _ = run(lambda task: outcome(0.0), workers=1, max_trials=PATIENCE + 9)
    assert len(driver.ledger.trials) == PATIENCE + 9


def test_an_exhausted_strategy_ends_the_search():
    driver, _ = run(lambda task: outcome(0.0), strategy=Numbers(limit=3))
    assert driver.stop_reason == "exhausted"
    assert len(driver.ledger.trials) == 3


def test_the_budget_ends_the_search_and_keeps_time_for_the_refit():
    now = [0.0]

    def evaluate(task):
        now[0] += min(10.0, task.seconds)
        return outcome(task.number, seconds=10.0)

    driver, _ = run(
        evaluate, workers=1, budget=60.0, clock=lambda: now[0], refit_share=1.25
    )
    assert driver.stop_reason == "time_budget"
    assert 45.0 < now[0] <= 47.5  # 12.5 s are left for the refit
    assert all(trial.task.seconds <= 0.3 * 60.0 for trial in driver.ledger.trials)


@pytest.mark.parametrize(
    ("full", "refit"),
    [
        (8.0, 12.5),  # a trial had the time for all of its schedule
        (12.0, 18.75),  # for two thirds of it
        (80.0, 36.0),  # for a tenth: REFIT_SHARE of the budget
    ],
)
def test_a_refit_has_more_time_where_the_trial_had_too_little(full, refit):
    now = [0.0]

    def evaluate(task):
        now[0] += min(10.0, task.seconds)
        found = outcome(task.number, seconds=10.0)
        schedule = {"best_epoch": 8.0, "epochs": 8.0, "planned_epochs": 8.0}
        return dataclasses.replace(found, **schedule, full_epochs=full)

    run(evaluate, workers=1, budget=60.0, clock=lambda: now[0], refit_share=1.25)
    assert 60.0 - refit - 2.0 < now[0] <= 60.0 - refit


def test_a_trial_needs_a_quarter_of_the_schedule_that_the_best_one_had_time_for():
    def evaluate(task):
        schedule = {
            "planned_epochs": 10.0,
            "full_epochs": 40.0 if task.number else 20.0,
        }
        return dataclasses.replace(outcome(task.number), **schedule)

    driver, _ = run(evaluate, workers=1, max_trials=3)
    shares = [trial.task.least_share for trial in driver.ledger.trials]
    assert shares == [0.0, 0.125, 0.0625]


@pytest.mark.parametrize(
    ("cpu", "relief", "refit"),
    [
        (10.0, 0.5, 12.5),  # each trial had a core
        (10.0 / 1.5, 0.5, 12.5 / 1.5),  # two and another process shared two
        (5.0, 0.0, 12.5),  # what slows one trial slows the refit too
        (5.0, 0.5, 12.5 * 1.5 / 2),
        (20.0, 0.5, 12.5),  # it had two threads
    ],
)
def test_a_refit_does_not_wait_for_the_cores_of_other_trials(cpu, relief, refit):
    now = [0.0]

    def evaluate(task):
        now[0] += min(10.0, task.seconds)
        found = outcome(task.number, seconds=10.0)
        found.seconds.cpu = cpu
        return found

    run(
        evaluate,
        workers=1,
        budget=60.0,
        clock=lambda: now[0],
        refit_share=1.25,
        relief=relief,
    )
    assert 60.0 - refit - 2.0 < now[0] <= 60.0 - refit


def test_a_search_without_a_finished_trial_gives_up():
    def evaluate(task):
        return TrialOutcome("failed", error="ValueError: no")

    driver, _ = run(evaluate, workers=1)
    assert driver.stop_reason == "failures"
    assert len(driver.ledger.trials) == MAX_FAILURES


def test_trials_of_a_low_rung_do_not_end_the_search():
    strategy = Numbers(share=lambda number: 0.1, limit=2 * PATIENCE)
    driver, _ = run(lambda task: outcome(-task.number), strategy=strategy, workers=1)
    assert driver.stop_reason == "exhausted"
    assert len(driver.ledger.trials) == 2 * PATIENCE


def test_a_small_budget_is_not_one_trial():
    now = [0.0]

    def evaluate(task):
        now[0] += 0.4
        return outcome(task.number, seconds=0.4)

    driver, _ = run(evaluate, workers=1, budget=4.0, clock=lambda: now[0])
    assert driver.stop_reason == "time_budget"
    assert len(driver.ledger.trials) >= 2


def test_an_answer_that_waits_for_its_turn_keeps_the_strategy_waiting():
    first_done = threading.Event()

    def evaluate(task):
        if task.number == 0:
            first_done.wait(0.2)
        return outcome(task.number)

    class Slow(Numbers):
        """Has nothing to propose between trial 1 and the news of both."""

        def ask(self, number, recorded=None):
            if self.asked == 2 and len(self.told) < 2:
                return None
            return super().ask(number)

    driver, _ = run(evaluate, strategy=Slow(), workers=2, max_trials=4, in_order=True)
    assert len(driver.ledger.trials) == 4


def test_a_failed_trial_is_told_with_its_error():
    def evaluate(task):
        if task.number == 1:
            return TrialOutcome("failed", error="ValueError: no")
        return outcome(1.0)

    driver, strategy = run(evaluate, workers=1, max_trials=3)
    assert strategy.told[1] == (1, None, "ValueError: no")
    assert driver.ledger.trials[1].outcome.status == "failed"


def test_an_exception_of_a_worker_is_a_failed_trial():
    def evaluate(task):
        if task.number == 0:
            raise RuntimeError("killed")
        return outcome(1.0)

    driver, _ = run(evaluate, workers=1, max_trials=2)
    assert "killed" in driver.ledger.trials[0].outcome.error
    assert driver.ledger.incumbent.number == 1


def test_in_order_timing_decides_nothing():
    def evaluate(task):
        time.sleep(0.05 if task.number % 2 == 0 else 0.0)
        return outcome(task.number)

    _, strategy = run(evaluate, workers=2, max_trials=8, in_order=True)
    assert [x for x, _, _ in strategy.told] == list(range(8))
    assert strategy.known_at_ask == [0, 0, *range(1, 7)]


def test_a_low_fidelity_never_wins():
    strategy = Numbers(share=lambda number: 0.9 if number == 2 else 0.1)
    driver, _ = run(
        lambda task: outcome(-task.number), strategy=strategy, workers=1, max_trials=5
    )
    assert driver.ledger.incumbent.number == 2


def test_the_earliest_of_equals_wins():
    driver, _ = run(lambda task: outcome(0.5), workers=1, max_trials=4)
    assert driver.ledger.incumbent.number == 0


@pytest.mark.parametrize("budget", [0.5, 1.0])
def test_the_smallest_budget_still_starts_one_trial(budget):
    driver, _ = run(lambda task: outcome(0.5), workers=1, budget=budget)
    assert len(driver.ledger.trials) == 1


class Killable(ThreadPoolExecutor):
    """Remembers what it was asked to end."""

    def __init__(self, n_workers):
        super().__init__(n_workers)
        self.killed = []
        self.restarts = 0
        self.on_kill = ignore

    def kill(self, future):
        self.killed.append(future)
        self.on_kill()


@pytest.mark.parametrize("dies", [True, False])
def test_a_trial_that_waits_for_a_new_worker_is_not_killed_for_it(dies):
    def evaluate(task):
        if task.number == 0:
            if dies:
                executor.restarts += 1
                raise BrokenExecutor
            return TrialOutcome("failed", error="ValueError: no")
        time.sleep(5.0)  # past the budget, by more than a trial may be late
        return outcome(1.0)

    with Killable(1) as executor:
        driver = Driver(
            Numbers(limit=2),
            executor,
            n_workers=1,
            budget=Budget(1.6 + FINISH_SECONDS),
            rules=Rules(None, 0.0, 1, in_order=False),
            make_task=make_task,
            evaluate=evaluate,
            record=ignore,
            forget=ignore,
            on_trial=ignore,
        )
        driver.run()
    assert len(executor.killed) == (0 if dies else 1)


def test_by_standard_error_the_incumbent_needs_to_be_beaten_clearly():
    scores = [(0.8, 0.7, 0.75), (0.9, 0.65, 0.75), (0.82, 0.72, 0.77)]

    def evaluate(task):
        folds = scores[task.number]
        found = outcome(sum(folds) / 3)
        return dataclasses.replace(found, scores=folds)

    driver, _ = run(evaluate, workers=1, max_trials=2, by_standard_error=True)
    assert driver.ledger.incumbent.number == 0
    driver, _ = run(evaluate, workers=1, max_trials=2, by_standard_error=False)
    assert driver.ledger.incumbent.number == 1
    driver, _ = run(evaluate, workers=1, max_trials=3, by_standard_error=True)
    assert driver.ledger.incumbent.number == 2


def test_by_standard_error_the_clock_does_not_choose():
    # Trial 1 is not clearly better than 0, trial 3 is; told 3, 2, 1, 0.
    scores = [
        (0.70, 0.70, 0.75, 0.74, 0.78),
        (0.80, 0.75, 0.80, 0.70, 0.72),
        (0.74, 0.70, 0.71, 0.72, 0.75),
        (0.75, 0.79, 0.77, 0.79, 0.80),
    ]
    turns = [threading.Event() for _ in range(5)]
    turns[4].set()

    def evaluate(task):
        turns[task.number + 1].wait()
        time.sleep(0.05)
        turns[task.number].set()
        folds = scores[task.number]
        return dataclasses.replace(outcome(sum(folds) / 5), scores=folds)

    driver, strategy = run(
        evaluate, workers=4, max_trials=4, by_standard_error=True, n_folds=5
    )
    assert [number for number, *_ in strategy.told] == [3, 2, 1, 0]
    assert driver.ledger.incumbent.number == 3


class Recorder:
    """Remembers events, and raises at the n-th call, as a killed process would."""

    def __init__(self, calls=None):
        self.events, self.calls = [], calls

    def __call__(self, *events):
        if self.calls == 0:
            raise SystemExit
        if self.calls is not None:
            self.calls -= 1
        self.events += events


def evaluate_number(task):
    return outcome((task.number * 37) % 11)


@pytest.mark.parametrize("in_order", [False, True])
def test_a_search_that_stopped_anywhere_goes_on_to_the_same(in_order):
    rules = {"workers": 1, "max_trials": 9, "in_order": in_order}
    whole = Recorder()
    expected, expected_strategy = run(evaluate_number, record=whole, **rules)
    for calls in range(len(whole.events)):
        first = Recorder(calls)
        with contextlib.suppress(SystemExit):
            run(evaluate_number, record=first, **rules)
        evaluated = []

        def evaluate(task, evaluated=evaluated):
            evaluated.append((task.number, task.attempt))
            return evaluate_number(task)

        rest = Recorder()
        driver, strategy = run(evaluate, record=rest, events=first.events, **rules)
        assert strategy.told == expected_strategy.told
        assert driver.ledger.incumbent.number == expected.ledger.incumbent.number
        finished = {e.number for e in first.events if isinstance(e, Finished)}
        asked = {e.number for e in first.events if isinstance(e, Asked)}
        assert {number for number, _ in evaluated} == set(range(9)) - finished
        # What was running is tried again under other file names.
        retried = {number for number, attempt in evaluated if attempt == 1}
        assert retried == asked - finished
        # Killed again after that, it still knows everything.
        again, retold = run(
            None, events=first.events + rest.events, **(rules | {"max_trials": 9})
        )
        assert retold.told == expected_strategy.told
        assert [t.number for t in again.ledger.trials] == list(range(9))


def test_more_trials_may_follow():
    first = Recorder()
    run(evaluate_number, workers=1, max_trials=3, record=first)
    evaluated = []

    def evaluate(task):
        evaluated.append(task.number)
        return evaluate_number(task)

    driver, _ = run(evaluate, workers=1, max_trials=5, events=first.events)
    assert [trial.number for trial in driver.ledger.trials] == [0, 1, 2, 3, 4]
    assert evaluated == [3, 4]


def test_answers_that_waited_for_their_turn_are_not_lost():
    gate = threading.Event()

    def evaluate(task):
        if task.number == 0:
            gate.wait(5)
        return evaluate_number(task)

    class Stopping(Recorder):
        def __call__(self, *events):
            super().__call__(*events)
            if any(isinstance(e, Finished) and e.number == 1 for e in events):
                gate.set()
                raise SystemExit

    first = Stopping()
    with pytest.raises(SystemExit):
        run(evaluate, workers=2, max_trials=4, in_order=True, record=first)
    for in_order in (True, False):
        seen = []

        def evaluate_rest(task, seen=seen):
            seen.append(task.number)
            return evaluate_number(task)

        run(
            evaluate_rest,
            workers=2,
            max_trials=4,
            in_order=in_order,
            events=first.events,
        )
        assert sorted(seen) == [0, 2, 3]


def test_only_files_that_are_needed_stay():
    names = []

    def evaluate(task):
        found = outcome([1.0, 3.0, 2.0, 0.0, 9.0][task.number])
        names.append(f"{task.number}")
        return dataclasses.replace(
            found, checkpoint=f"{task.number}", states=(f"{task.number}s",)
        )

    forgotten = []
    strategy = Numbers(resumable={1, 2}, parents={4: 3})
    run(evaluate, strategy=strategy, workers=1, max_trials=4, forget=forgotten.append)
    # Trial 1 leads, 1 and 2 may go on.
    assert set(forgotten) == {"0", "0s", "2", "3", "3s"}
    forgotten.clear()
    strategy = Numbers(resumable={1, 2}, parents={4: 1})
    strategy.resumable = lambda: {1} if strategy.asked < 5 else set()
    driver, _ = run(
        evaluate, strategy=strategy, workers=1, max_trials=5, forget=forgotten.append
    )
    assert driver.ledger.trials[4].task.states == ("1s",)
    assert driver.files() >= {"4"}
    assert {"1", "1s"} <= set(forgotten)


def test_a_trial_that_outlives_its_timeout_is_killed_without_a_budget():
    def evaluate(task):
        assert task.seconds == 0.3
        time.sleep(3.0)
        return outcome(1.0)

    with Killable(1) as executor:
        driver = Driver(
            Numbers(),
            executor,
            n_workers=1,
            budget=Budget(None),
            rules=Rules(1, 0.0, 1, in_order=False, trial_timeout=0.3),
            make_task=make_task,
            evaluate=evaluate,
            record=ignore,
            forget=ignore,
            on_trial=ignore,
        )
        driver.run()
    assert len(executor.killed) == 1


def test_with_two_workers_a_search_that_stopped_anywhere_asks_as_before():
    """What was known at each ask is what was known in a search that never stopped."""
    rules = {"workers": 2, "max_trials": 7, "in_order": True}
    whole = Recorder()
    _, expected = run(evaluate_number, record=whole, **rules)
    for calls in range(len(whole.events)):
        first = Recorder(calls)
        with contextlib.suppress(SystemExit):
            run(evaluate_number, record=first, **rules)
        _, strategy = run(evaluate_number, events=first.events, **rules)
        assert strategy.known_at_ask == expected.known_at_ask
        assert strategy.told == expected.told


def test_a_gap_of_a_search_under_time_is_filled_in_order():
    rules = {"workers": 2, "max_trials": 4}
    events = [
        Asked(0, 0, {"x": 0}, 0.0),
        Asked(1, 0, {"x": 1}, 0.0),
        Finished(1, 0, evaluate_number(make_task(Proposal(1, {"x": 1}), 0, None)), 1.0),
        Told(1),
    ]
    _, strategy = run(evaluate_number, events=events, in_order=True, **rules)
    assert [number for number, *_ in strategy.told] == [1, 0, 2, 3]


@pytest.mark.parametrize("in_order", [False, True])
def test_a_trial_that_no_search_survives_is_given_up(in_order):
    events = [Asked(0, attempt, {"x": 0}, 0.0) for attempt in range(MAX_ATTEMPTS)]
    evaluated = []

    def evaluate(task):
        evaluated.append((task.number, task.attempt))
        return evaluate_number(task)

    rules = {"workers": 1, "max_trials": 2, "in_order": in_order}
    record = Recorder()
    driver, strategy = run(evaluate, events=events, record=record, **rules)
    assert evaluated == [(1, 0)]
    assert "in each of 5 attempts" in driver.ledger.trials[0].outcome.error
    # Nor does a later search try it.
    _, again = run(None, events=events + record.events, **rules)
    assert again.told == strategy.told
    evaluated.clear()
    run(evaluate, events=events[:-1], **rules)
    assert evaluated == [(0, MAX_ATTEMPTS - 1), (1, 0)]


class Refusing(ThreadPoolExecutor):
    """Takes so many trials."""

    def __init__(self, count):
        super().__init__(2)
        self.left = count

    def submit(self, function, task):
        self.left -= 1
        if self.left >= 0:
            return super().submit(function, task)
        future = Future()
        future.set_exception(NoWorkerError("no more"))
        return future


@pytest.mark.parametrize("in_order", [False, True])
def test_an_executor_that_takes_no_more_trials_ends_the_search(in_order):
    rules = {"workers": 2, "max_trials": 8, "in_order": in_order}
    record = Recorder()
    driver, _ = run(
        evaluate_number, record=record, make_executor=lambda: Refusing(3), **rules
    )
    assert driver.stop_reason == "executor"
    assert str(driver.stop_error) == "no more"
    assert sorted(t.number for t in driver.ledger.trials) == [0, 1, 2]
    # What it did not take was no trial: it is one when the search goes on.
    attempts = []

    def evaluate(task):
        attempts.append((task.number, task.attempt))
        return evaluate_number(task)

    driver, _ = run(evaluate, events=record.events, **rules)
    assert sorted(t.number for t in driver.ledger.trials) == list(range(8))
    assert all(t.outcome.status == "completed" for t in driver.ledger.trials)
    assert attempts[0] == (3, 1)


def test_a_lost_trial_without_time_left_is_no_end_by_number():
    done = outcome(1.0)
    events = [
        Asked(0, 0, {"x": 0}, 0.0),
        Finished(0, 0, done, 1.0),
        Told(0),
        Asked(1, 0, {"x": 1}, 1.0),
    ]
    driver, _ = run(evaluate_number, events=events, budget=0.4, max_trials=2)
    assert driver.stop_reason == "time_budget"
    assert len(driver.ledger.trials) == 1


@pytest.mark.parametrize(("timeout", "expected"), [(None, 18.0), (40.0, 40.0)])
def test_a_timeout_stands_in_for_the_share_of_a_trial(timeout, expected):
    given = []

    def evaluate(task):
        given.append(task.seconds)
        return outcome(1.0)

    run(
        evaluate,
        workers=1,
        budget=60.0,
        clock=lambda: 0.0,
        max_trials=1,
        trial_timeout=timeout,
    )
    assert given == [expected]


def test_a_first_trial_that_was_lost_gets_its_time_again():
    events = [Asked(0, 0, {"x": 0}, 100.0)]
    driver, _ = run(evaluate_number, workers=1, budget=0.5, events=events)
    assert [t.number for t in driver.ledger.trials] == [0]


def test_what_a_failed_or_stopped_attempt_left_is_forgotten():
    def evaluate(task):
        if task.number == 1:
            raise RuntimeError
        found = outcome(1.0)
        if task.number == 2:
            found = dataclasses.replace(found, status="stopped")
        return found

    forgotten = []
    run(evaluate, workers=1, max_trials=4, forget=forgotten.append)
    assert forgotten == ["0001-0-*", "0002-0-*"]


@pytest.mark.parametrize("budget", [3.0, 60.0])
def test_only_the_last_hope_may_go_on_until_the_end_of_the_budget(budget):
    killed_after = []

    def evaluate(task):
        killed_after.append(task.killed_after)
        return outcome(1.0)

    run(evaluate, workers=1, budget=budget, clock=lambda: 0.0, max_trials=2)
    first, second = killed_after
    usual = min(0.3 * 60.0, budget - FINISH_SECONDS) + OVERRUN_SECONDS
    assert first == (usual if budget == 60.0 else budget + FIRST_OVERRUN_SECONDS)
    assert second <= usual


def test_a_first_trial_that_hangs_costs_its_own_time():
    def evaluate(task):
        if task.number == 0:
            assert released.wait(20.0)
            raise BrokenExecutor
        return outcome(1.0)

    released = threading.Event()
    with Killable(2) as executor:
        driver = Driver(
            Numbers(limit=2),
            executor,
            n_workers=1,
            budget=Budget(3600.0),
            rules=Rules(None, 0.0, 1, in_order=False, trial_timeout=0.2),
            make_task=make_task,
            evaluate=evaluate,
            record=ignore,
            forget=ignore,
            on_trial=ignore,
        )
        executor.on_kill = released.set
        driver.run()
    assert len(executor.killed) == 1
    assert driver.ledger.trials[0].outcome.status == "failed"


@pytest.mark.parametrize("n_lost", [1, 4])
def test_a_callback_also_stops_what_goes_on(n_lost):
    events = [Asked(n, 0, {"x": n}, 0.0) for n in range(n_lost)]
    driver, _ = run(
        evaluate_number, workers=1, events=events, on_trial=lambda trial, leads: True
    )
    assert driver.stop_reason == "callback"
    assert len(driver.ledger.trials) == 1


def test_by_standard_error_a_trial_that_may_lead_again_keeps_its_files():
    """Each of all orders in which the clock may tell them ends with a leader's file."""
    scores = np.random.default_rng(3).normal(0.7, 0.04, (60, 4, 5)).round(2)
    returned = 0
    for folds in scores:
        for order in itertools.permutations(range(4)):
            ledger = Ledger(Rules(None, 0.0, 5, False, by_standard_error=True))
            led, kept = [], set()
            for number in order:
                found = dataclasses.replace(
                    outcome(folds[number].mean()),
                    scores=tuple(folds[number]),
                    checkpoint=f"{number}",
                )
                proposal = Proposal(number, {})
                ledger.add(Trial(make_task(proposal, 0, None), proposal, found, 0.0))
                kept.add(f"{number}")
                kept -= set(ledger.take_unneeded(()))
                assert f"{ledger.incumbent.number}" in kept
                returned += ledger.incumbent.number in led[:-1]
                led.append(ledger.incumbent.number)
            assert len(kept) == 1
    assert returned


class KeepsReady(Killable):
    """Counts how often another worker was to be there."""

    kept = 0

    def keep_one_ready(self):
        self.kept += 1


@pytest.mark.parametrize("is_built", [True, False])
def test_a_worker_is_kept_ready_where_no_trial_has_built_its_model(
    tmp_path, monkeypatch, is_built
):
    monkeypatch.chdir(tmp_path)  # the folder of these trials

    def evaluate(task):
        if task.number == 1:
            if is_built:
                task.built.touch()
            time.sleep(1.5)  # other trials took 0.1 s to start
        return outcome(task.number)

    executor = KeepsReady(1)
    run(
        evaluate,
        workers=1,
        budget=60,
        max_trials=2,
        trial_timeout=5,
        make_executor=lambda: executor,
    )
    assert bool(executor.kept) == (not is_built)
    assert not list(tmp_path.iterdir())


def test_what_runs_at_an_interrupt_leaves_no_files():
    begun, killed = threading.Event(), threading.Event()

    def evaluate(task):
        begun.set()
        killed.wait(10)
        return outcome(0.0)

    executor, forgotten = Killable(1), []
    executor.on_kill = killed.set
    run(
        evaluate,
        workers=1,
        make_executor=lambda: executor,
        forget=forgotten.append,
        is_interrupted=begun.is_set,
    )
    assert forgotten == ["0000-0-*"]
