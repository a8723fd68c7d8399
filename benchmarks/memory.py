"""Peak memory of a fit on a large table: the parent and its two workers together.

Run: ``python benchmarks/memory.py``, on Linux. A table of 1 000 000 x 20 float32 (80
MB) is fitted in a process of its own, and so is one of 1 000 rows; what the large one
takes more is told in MB and as a multiple of the table. Memory is proportional set
size: a page that several processes map is counted once.
"""

import argparse
import os
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SIZES = (1_000, 1_000_000)
COLUMNS = 20
SAMPLE_SECONDS = 0.05


def fit(n_rows, seconds):
    """Fit a classifier with two workers."""
    import numpy as np

    from skautonas import TabularSearchClassifier

    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, COLUMNS), dtype="float32")
    y = X[:, 0] * X[:, 1] > 0
    search = TabularSearchClassifier(time_budget=seconds, n_jobs=2, random_state=0)
    search.fit(X, y)
    print(f"{search.n_trials_} trials, {search.search_time_:.0f} s", flush=True)


def proportional_set_size(processes):
    """Return the bytes that processes hold, shared pages counted once."""
    import psutil

    total = 0
    for process in processes:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            continue
    return total


def peak(n_rows, seconds):
    """Return the peak of a fit in a process of its own and its children, in bytes."""
    import psutil

    command = [sys.executable, __file__, "--rows", str(n_rows)]
    process = subprocess.Popen([*command, "--seconds", str(seconds)])
    parent, highest = psutil.Process(process.pid), 0
    while process.poll() is None:
        processes = [parent, *parent.children(recursive=True)]
        highest = max(highest, proportional_set_size(processes))
        time.sleep(SAMPLE_SECONDS)
    if process.returncode:
        sys.exit(f"The fit on {n_rows} rows failed; nothing was measured.")
    return highest


def main():
    """Measure both sizes, and print the difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="budget of a fit")
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rows:
        fit(arguments.rows, arguments.seconds)
        return
    small, large = (peak(n_rows, arguments.seconds) for n_rows in SIZES)
    table = 4 * COLUMNS * (SIZES[1] - SIZES[0])
    print(
        f"peak on {SIZES[0]:,} rows {small / 1e6:.0f} MB, on {SIZES[1]:,} rows "
        f"{large / 1e6:.0f} MB; the difference is {(large - small) / table:.1f} times "
        "the table"
    )


if __name__ == "__main__":
    main()
