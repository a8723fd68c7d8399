"""Scores and seconds on few rows, beside a linear model on the same rows.

Run: ``SKAUTONAS_DATA=... python benchmarks/small.py --budget 15``; the folder's layout
is that of ``problems.py``. Of each set, 20 to 1000 rows train and 2000 others
test, in five random draws. Required: the mean score at least the linear model's less
one standard error of it, and the time at most the budget.
"""

import argparse
import statistics
import sys
import time

import numpy as np
import problems
from baselines import linear_model, thinned
from ours import search, warm_up
from sklearn.model_selection import train_test_split

SETS = ("adult", "trec6", "mnist5k")
SIZES = (20, 60, 200, 1000)
N_DRAWS = 5
TEST_ROWS = 2000


def draw(X, y, n_rows, seed):
    """Return rows that train and rows that test, by the shares of the classes."""
    rows = np.arange(len(y))
    train, test = train_test_split(
        rows, train_size=n_rows, test_size=TEST_ROWS, stratify=y, random_state=seed
    )
    take = X.iloc if hasattr(X, "iloc") else X
    return take[train], take[test], y[train], y[test]


def measure(problem, data, budget, seed):
    """Return our score and seconds, and the linear model's."""
    X_train, X_test, y_train, y_test = data
    ours = search(problem, budget, seed)
    start = time.monotonic()
    ours.fit(X_train, y_train)
    seconds = time.monotonic() - start
    score = ours.score(X_test, y_test)
    n_components = None
    if problem.modality == "image":
        X_train, X_test = thinned(X_train), thinned(X_test)
        n_components = min(X_train.shape)
    start = time.monotonic()
    linear = linear_model(problem.modality, "classification", n_components).fit(
        X_train, y_train
    )
    fitted = time.monotonic() - start
    return (
        score,
        seconds,
        linear.score(X_test, y_test),
        fitted,
        ours.n_trials_,
    )


def main():
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=15.0, help="seconds a fit")
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--sizes", nargs="*", type=int, default=SIZES)
    arguments = parser.parse_args()
    warm_up()
    print(
        f"{'set':10s} rows    ours  linear  st.err. max. s  linear s trials  required"
    )
    missed = 0
    for name in arguments.sets:
        X, y = problems.read(name)
        problem = problems.problem(name)
        for n_rows in arguments.sizes:
            results = [
                measure(problem, draw(X, y, n_rows, s), arguments.budget, s)
                for s in range(N_DRAWS)
            ]
            ours, seconds, linear, fitted, trials = zip(*results, strict=True)
            error = statistics.stdev(linear) / N_DRAWS**0.5
            required = statistics.mean(linear) - error
            reached = (
                statistics.mean(ours) >= required and max(seconds) <= arguments.budget
            )
            missed += not reached
            print(
                f"{name:10s} {n_rows:4d} {statistics.mean(ours):7.4f} "
                f"{statistics.mean(linear):7.4f} {error:8.4f} {max(seconds):6.1f} "
                f"{statistics.mean(fitted):9.2f} {statistics.mean(trials):6.1f}  "
                f"{required:.4f} {'reached' if reached else 'MISSED'}",
                flush=True,
            )
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
