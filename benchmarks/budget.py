"""Seconds asked and used: twenty fits of all modalities, alone and beside another.

Run: ``SKAUTONAS_DATA=... python benchmarks/budget.py`` (the folder's layout is that of
``problems.py``). Required: at most 5 % or 3 s more than asked, and at least 90 % used
while there is something to search. A search that has converged, or has tried all,
stops earlier; the last column says why it ended. Where a trial would have no time any
more, the rest is left: as long as the slowest trial took to start.
"""

import argparse
import multiprocessing
import time
from contextlib import contextmanager, nullcontext

import problems
from ours import search, warm_up

# Set, rows, pixels a side (0 as they are), and seconds.
CASES = (
    ("adult", 20_000, 0, 10),
    ("adult", 20_000, 0, 40),
    ("trec6", 5_000, 0, 20),
    ("mnist5k", 5_000, 0, 20),
    ("mnist5k", 2_000, 64, 30),
)


def spin():
    """Keep a core busy."""
    while True:
        pass


@contextmanager
def another_process():
    """Keep one core busy beside the body."""
    process = multiprocessing.get_context("spawn").Process(target=spin, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def rows_of(name, n_rows, side):
    """Return rows and labels, images enlarged to ``side`` pixels by repetition."""
    X, y = problems.read(name)
    X, y = problems.take(X, slice(n_rows)), y[:n_rows]
    if side:
        times = -(-side // X.shape[1])
        X = X.repeat(times, axis=1).repeat(times, axis=2)[:, :side, :side]
    return X, y


def main():
    """Parse the command line and print the table."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    warm_up()
    print(
        "set        rows side workers beside  asked   used  share trials ended by"
        "      required"
    )
    for name, n_rows, side, budget in CASES:
        X, y = rows_of(name, n_rows, side)
        for n_jobs in (1, 2):
            for busy in (False, True):
                fitted = search(problems.problem(name), budget, 0)
                fitted.set_params(n_jobs=n_jobs)
                with another_process() if busy else nullcontext():
                    start = time.monotonic()
                    fitted.fit(X, y)
                    used = time.monotonic() - start
                asked = budget + min(fitted.cold_start_time_, 6.0)
                most = max(1.05 * asked, asked + 3.0)
                ended = fitted.stop_reason_
                reached = used <= most and (used >= 0.9 * asked or ended == "converged")
                print(
                    f"{name:10s} {n_rows:5d} {side:3d} {n_jobs:5d} "
                    f"{'one' if busy else 'none':>9s} {asked:7.1f} {used:6.1f} "
                    f"{used / asked:6.2f} {fitted.n_trials_:5d}  {ended:12s} "
                    f"{'reached' if reached else 'MISSED'}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
