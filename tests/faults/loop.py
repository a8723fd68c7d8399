"""A search without models, that a test may kill where it runs in another process."""

import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

import keras_tuner

from skautonas.estimation.task import Seconds, TrialOutcome, TrialTask
from skautonas.search.budget import Budget
from skautonas.search.directory import open_directory
from skautonas.search.driver import Driver
from skautonas.search.oracle import OracleAdapter
from skautonas.search.rules import Rules
from skautonas.strategy.registry import make_oracle


def declare():
    """Return a space of one number."""
    hp = keras_tuner.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    return hp


def run(path, max_trials, n_workers=1, strategy="hyperband", log=None, seconds=0.005):
    """Search, and return the driver."""
    oracle = make_oracle(
        strategy, declare(), max_trials=max_trials, max_epochs=9, seed=3
    )
    adapter = OracleAdapter(oracle, [{"x": 0.5}])

    def make_task(proposal, attempt, parent):
        states = () if parent is None else parent.outcome.states
        return TrialTask(
            proposal.number,
            attempt,
            proposal.values,
            0,
            "",
            str(directory.trials),
            share=proposal.share,
            states=states,
        )

    def evaluate(task):
        for name in task.states:
            assert (directory.trials / name).exists(), name
        time.sleep(seconds)
        kinds = ("v", "s") if task.share < 1 else ("v",)
        names = [f"{task.number:04d}-{task.attempt}-{kind}.npz" for kind in kinds]
        for name in names:
            (directory.trials / name).write_bytes(b"0" * 100)
        if log is not None:
            with log.open("a") as file:
                file.write(f"{task.number} {task.attempt}\n")
        return TrialOutcome(
            "completed",
            score=task.values["x"] * task.share,
            scores=(task.values["x"] * task.share,),
            seconds=Seconds(total=seconds),
            epochs=1.0,
            checkpoint=names[0],
            states=tuple(names[1:]),
        )

    with open_directory(path) as directory, ThreadPoolExecutor(n_workers) as executor:
        directory.begin({"fingerprint": {"data": "1"}})
        driver = Driver(
            adapter,
            executor,
            n_workers=n_workers,
            budget=Budget(None),
            rules=Rules(max_trials, 0.0, 1, in_order=True),
            make_task=make_task,
            evaluate=evaluate,
            record=directory.journal.append,
            forget=directory.forget,
            on_trial=lambda trial, leads: print(trial.number, flush=True),
        )
        try:
            driver.replay(directory.journal.events)
            directory.keep_only(driver.files())
            driver.run()
        finally:
            adapter.close()
        left = sorted(file.name for file in directory.trials.iterdir())
        assert left == sorted(driver.files())
    return driver


def run_and_tell(connection, target, max_trials, n_workers):
    """Search, and print the trials' numbers to a connection.

    Each evaluation is noted in ``evaluated.txt`` beside the directory when it is done.
    """
    log = target.parent / f"{target.name}-evaluated.txt"
    output = os.fdopen(os.dup(connection.fileno()), "w")
    with output, contextlib.redirect_stdout(output):
        # So slow that few are done between two kills.
        run(target, max_trials, n_workers, log=log, seconds=0.02)
