"""The driver alone: how many workers one process keeps busy, and for how long.

Run: ``python benchmarks/scaling.py``. Trials are evaluated by a timer, one second each,
so that all else is the driver's: asking the default strategy, the journal with its
``fsync``, telling. First 64 workers over 5000 trials; then one trial after another up
to 10 000, with the milliseconds of a trial as the study grows.
"""

import argparse
import resource
import statistics
import tempfile
import threading
import time
from concurrent.futures import Executor, Future
from pathlib import Path

import numpy as np

SECONDS = 1.0


class Timers(Executor):
    """Evaluates nothing: a future is done when its time is up."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.busy = 0.0
        self._queue = []
        self._ready = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def submit(self, function, task):
        """Return a future that is done after the time of an evaluation."""
        future = Future()
        with self._ready:
            self._queue.append((time.monotonic() + self.seconds, future, task))
            self._ready.notify()
        self.busy += self.seconds
        return future

    def _run(self):
        while True:
            with self._ready:
                while not self._queue:
                    self._ready.wait()
                due, future, task = self._queue.pop(0)
            time.sleep(max(0.0, due - time.monotonic()))
            future.set_result(outcome(task))


def outcome(task):
    """Return a score that depends on the configuration, with noise."""
    from skautonas.estimation.task import Seconds, TrialOutcome

    rng = np.random.default_rng(task.number)
    rate = task.values.get("recipe/adamw/learning_rate", 1e-3)
    score = 0.8 - 0.02 * abs(np.log10(rate) + 2.5) + 0.01 * rng.standard_normal()
    return TrialOutcome(
        "completed",
        score=float(score),
        scores=(float(score),),
        curve=[(float(epoch), 0.5, float(score)) for epoch in range(20)],
        epochs=20.0,
        best_epoch=20.0,
        planned_epochs=20.0,
        seconds=Seconds(total=1.0),
    )


def search(n_trials, n_workers, seconds, on_trial=lambda trial, leads: None):
    """Search the table space; return seconds of wall time, and busy ones."""
    from skautonas.data.facts import TabularFacts
    from skautonas.estimation.task import TrialTask
    from skautonas.search.budget import Budget
    from skautonas.search.directory import open_directory
    from skautonas.search.driver import Driver
    from skautonas.search.oracle import OracleAdapter
    from skautonas.search.rules import Rules
    from skautonas.space import TabularSpace
    from skautonas.space.base import complete, declared
    from skautonas.strategy import make_oracle

    facts = TabularFacts(
        task="classification",
        n_outputs=2,
        n_rows=10_000,
        inputs={},
        n_numeric=8,
        n_missing=0,
        cardinalities=(),
        n_ngrams=0,
    )
    space = TabularSpace().bind(facts)
    hp = declared(space)
    oracle = make_oracle("auto", hp, max_trials=n_trials, max_epochs=None, seed=1)
    strategy = OracleAdapter(oracle, [complete(hp, start) for start in space.starts])
    executor = Timers(seconds)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_directory(Path(folder) / "study") as directory,
    ):
        directory.begin({"fingerprint": {}})
        driver = Driver(
            strategy,
            executor,
            n_workers=n_workers,
            budget=Budget(None),
            rules=Rules(n_trials, 0.0, 1, in_order=False),
            make_task=lambda proposal, attempt, parent: TrialTask(
                proposal.number, attempt, proposal.values, 0, "", ""
            ),
            evaluate=None,
            record=directory.journal.append,
            forget=directory.forget,
            on_trial=on_trial,
        )
        start = time.monotonic()
        driver.run()
        wall = time.monotonic() - start
    strategy.close()
    return wall, executor.busy


def resident():
    """Return the peak of resident memory, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--growth", type=int, default=10_000)
    arguments = parser.parse_args()
    search(20, 4, 0.01)  # imports
    memory = resident()
    wall, busy = search(arguments.trials, arguments.workers, SECONDS)
    share = busy / (wall * arguments.workers)
    print(
        f"{arguments.workers} workers, {arguments.trials} trials of {SECONDS} s: "
        f"{wall:.1f} s, workers busy {100 * share:.1f} %, "
        f"{resident() - memory:.0f} MB more at the peak"
    )
    print("trials   ms a trial (median)   MB")
    times, last = [], [time.perf_counter()]

    def on_trial(trial, leads):
        now = time.perf_counter()
        times.append(now - last[0])
        last[0] = now
        if len(times) % (arguments.growth // 10) == 0:
            recent = times[-arguments.growth // 10 :]
            milliseconds = 1000 * statistics.median(recent)
            print(
                f"{len(times):6d} {milliseconds:12.2f} {resident():16.0f}", flush=True
            )

    search(arguments.growth, 1, 0.0, on_trial)


if __name__ == "__main__":
    main()
