"""The loop with an evaluation of five lines, threads and a fake clock."""

import dataclasses
import threading
import time
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor

import pytest

from skautonas.estimation.task import Seconds, TrialOutcome, TrialTask
from skautonas.search.budget import FINISH_SECONDS, Budget
from skautonas.search.driver import MAX_FAILURES, PATIENCE, Driver, Rules
from skautonas.search.proposal import Proposal


class Numbers:
    """A strategy that proposes 0, 1, 2, ..., and remembers what it is told."""

    def __init__(self, limit=None, epochs=None):
        self.exhausted = False
        self.asked, self.told, self.limit = 0, [], limit
        self.known_at_ask = []
        self.epochs = epochs

    def ask(self):
        if self.limit is not None and self.asked >= self.limit:
            self.exhausted = True
            return None
        self.known_at_ask.append(len(self.told))
        self.asked += 1
        epochs = self.epochs(self.asked - 1) if self.epochs else None
        return Proposal(None, {"x": self.asked - 1}, epochs)

    def tell(self, proposal, score, error):
        self.told.append((proposal.values["x"], score, error))


def make_task(number, proposal, seconds):
    return TrialTask(number, 0, proposal.values, 0, "", "", proposal.epochs, seconds)


def outcome(score, seconds=1.0):
    parts = Seconds(total=seconds, build=0.1)
    return TrialOutcome(
        "completed", score=score, seconds=parts, epochs=2.0, best_epoch=2.0
    )


def run(evaluate, *, strategy=None, workers=2, budget=None, clock=None, **rules):
    strategy = strategy or Numbers()
    beaten = []
    rules = {
        "max_trials": None,
        "refit_share": 0.0,
        "n_folds": 1,
        "in_order": False,
    } | rules
    with ThreadPoolExecutor(workers) as executor:
        driver = Driver(
            strategy,
            executor,
            n_workers=workers,
            budget=Budget(budget, clock or time.monotonic),
            rules=Rules(**rules),
            make_task=make_task,
            evaluate=evaluate,
            on_trial=lambda trial, leads: None,
            on_beaten=beaten.append,
        )
        driver.run()
    kept = [trial for trial in driver.trials if trial not in beaten]
    if rules["n_folds"] == 1:
        assert kept == ([driver.incumbent] if driver.incumbent else [])
    return driver, strategy


def test_max_trials_ends_the_search():
    driver, _ = run(lambda task: outcome(task.number), max_trials=7)
    assert [trial.number for trial in driver.trials] == list(range(7))
    assert driver.stop_reason == "max_trials"
    assert driver.incumbent.number == 6


def test_all_workers_are_busy():
    barrier = threading.Barrier(3, timeout=10)

    def evaluate(task):
        barrier.wait()
        return outcome(0.0)

    driver, _ = run(evaluate, workers=3, max_trials=6)
    assert len(driver.trials) == 6


def test_a_search_that_does_not_improve_has_converged():
    driver, _ = run(lambda task: outcome(-task.number), workers=1)
    assert driver.stop_reason == "converged"
    assert len(driver.trials) == PATIENCE + 1


def test_max_trials_is_kept_even_without_improvement():
    driver, _ = run(lambda task: outcome(0.0), workers=1, max_trials=PATIENCE + 9)
    assert len(driver.trials) == PATIENCE + 9


def test_an_exhausted_strategy_ends_the_search():
    driver, _ = run(lambda task: outcome(0.0), strategy=Numbers(limit=3))
    assert driver.stop_reason == "exhausted"
    assert len(driver.trials) == 3


def test_the_budget_ends_the_search_and_keeps_time_for_the_refit():
    now = [0.0]

    def evaluate(task):
        now[0] += min(10.0, task.seconds)
        return outcome(task.number, seconds=10.0)

    driver, _ = run(
        evaluate, workers=1, budget=60.0, clock=lambda: now[0], refit_share=1.25
    )
    assert driver.stop_reason == "time_budget"
    assert 30.0 <= now[0] <= 45.0
    assert all(trial.task.seconds <= 0.3 * 60.0 for trial in driver.trials)


def test_a_search_without_a_finished_trial_gives_up():
    def evaluate(task):
        return TrialOutcome("failed", error="ValueError: no")

    driver, _ = run(evaluate, workers=1)
    assert driver.stop_reason == "failures"
    assert len(driver.trials) == MAX_FAILURES


def test_trials_of_a_low_rung_do_not_end_the_search():
    strategy = Numbers(epochs=lambda number: 1, limit=2 * PATIENCE)
    driver, _ = run(lambda task: outcome(-task.number), strategy=strategy, workers=1)
    assert driver.stop_reason == "exhausted"
    assert len(driver.trials) == 2 * PATIENCE


def test_a_small_budget_is_not_one_trial():
    now = [0.0]

    def evaluate(task):
        now[0] += 0.4
        return outcome(task.number, seconds=0.4)

    driver, _ = run(evaluate, workers=1, budget=4.0, clock=lambda: now[0])
    assert driver.stop_reason == "time_budget"
    assert len(driver.trials) >= 2


def test_an_answer_that_waits_for_its_turn_keeps_the_strategy_waiting():
    first_done = threading.Event()

    def evaluate(task):
        if task.number == 0:
            first_done.wait(0.2)
        return outcome(task.number)

    class Slow(Numbers):
        """Has nothing to propose between trial 1 and the news of both."""

        def ask(self):
            if self.asked == 2 and len(self.told) < 2:
                return None
            return super().ask()

    driver, _ = run(evaluate, strategy=Slow(), workers=2, max_trials=4, in_order=True)
    assert len(driver.trials) == 4


def test_a_failed_trial_is_told_with_its_error():
    def evaluate(task):
        if task.number == 1:
            return TrialOutcome("failed", error="ValueError: no")
        return outcome(1.0)

    driver, strategy = run(evaluate, workers=1, max_trials=3)
    assert strategy.told[1] == (1, None, "ValueError: no")
    assert driver.trials[1].outcome.status == "failed"


def test_an_exception_of_a_worker_is_a_failed_trial():
    def evaluate(task):
        if task.number == 0:
            raise RuntimeError("killed")
        return outcome(1.0)

    driver, _ = run(evaluate, workers=1, max_trials=2)
    assert "killed" in driver.trials[0].outcome.error
    assert driver.incumbent.number == 1


def test_in_order_timing_decides_nothing():
    def evaluate(task):
        time.sleep(0.05 if task.number % 2 == 0 else 0.0)
        return outcome(task.number)

    _, strategy = run(evaluate, workers=2, max_trials=8, in_order=True)
    assert [x for x, _, _ in strategy.told] == list(range(8))
    assert strategy.known_at_ask == [0, 0, *range(1, 7)]


def test_a_low_fidelity_never_wins():
    strategy = Numbers(epochs=lambda number: 9 if number == 2 else 1)
    driver, _ = run(
        lambda task: outcome(-task.number), strategy=strategy, workers=1, max_trials=5
    )
    assert driver.incumbent.number == 2


def test_the_earliest_of_equals_wins():
    driver, _ = run(lambda task: outcome(0.5), workers=1, max_trials=4)
    assert driver.incumbent.number == 0


@pytest.mark.parametrize("budget", [0.5, 2.0])
def test_the_smallest_budget_still_starts_one_trial(budget):
    driver, _ = run(lambda task: outcome(0.5), workers=1, budget=budget)
    assert len(driver.trials) == 1


class Killable(ThreadPoolExecutor):
    """Remembers what it was asked to end."""

    def __init__(self, n_workers):
        super().__init__(n_workers)
        self.killed = []

    def kill(self, future):
        self.killed.append(future)


@pytest.mark.parametrize("dies", [True, False])
def test_a_trial_that_waits_for_a_new_worker_is_not_killed_for_it(dies):
    def evaluate(task):
        if task.number == 0:
            if dies:
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
            on_trial=lambda trial, leads: None,
            on_beaten=lambda trial: None,
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
    assert driver.incumbent.number == 0
    driver, _ = run(evaluate, workers=1, max_trials=2, by_standard_error=False)
    assert driver.incumbent.number == 1
    driver, _ = run(evaluate, workers=1, max_trials=3, by_standard_error=True)
    assert driver.incumbent.number == 2


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
    assert driver.incumbent.number == 3
