"""How many rungs a Hyperband of a minute should have.

Run: ``SKAUTONAS_DATA=... python benchmarks/rungs.py`` (the folder's layout is that of
``problems.py``). Warm searches on two workers; for each set and split, and each number
of rungs in turn: trials, share of the workers' time in training steps, score of the
best trial on the validation rows, and of its model on the test rows.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras_tuner
import problems
from ours import search, warm_up

SETS = ("trec6", "mnist5k", "adult")
RUNGS = (3, 2)
MOST_ROWS = 12_800


def measure(name, seed, rungs, budget):
    """Fit once, and print a line."""
    from skautonas.strategy.hyperband import HyperbandOracle

    X_train, X_test, y_train, y_test = problems.parts(name, seed)
    objective = keras_tuner.Objective("score", "max")
    estimator = search(
        problems.problem(name),
        budget,
        seed,
        strategy=HyperbandOracle(rungs=rungs, objective=objective),
        refit=False,
    )
    warm_up()
    estimator.fit(X_train[:MOST_ROWS], y_train[:MOST_ROWS])
    steps = sum(trial.parts["steps"] for trial in estimator.trials_)
    wall = estimator.search_time_ - estimator.refit_time_
    print(
        f"{name:10s} {seed:5d} {rungs:5d} {len(estimator.trials_):6d} "
        f"{steps / (2 * wall):10.2f} {estimator.best_score_:10.4f} "
        f"{estimator.score(X_test, y_test):6.4f}",
        flush=True,
    )


def main():
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--splits", type=int, default=2)
    parser.add_argument("--budget", type=float, default=60.0)
    arguments = parser.parse_args()
    print("set        split rungs trials   in steps validation   test")
    for name in arguments.sets:
        for seed in range(arguments.splits):
            for rungs in RUNGS:
                measure(name, seed, rungs, arguments.budget)


if __name__ == "__main__":
    main()
