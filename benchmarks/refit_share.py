"""How much of the budget is kept for a refit that the trials had no time for.

Run: ``SKAUTONAS_DATA=... python benchmarks/refit_share.py cifar10_12k``; the folder's
layout is that of ``problems.py``. Of the rows that train on split 0 of ``compare.py``,
80 % train here and the others are predicted: its test rows are not looked at. Each
search runs once, a budget and a share at a time.
"""

import argparse
import time

import problems
from ours import search, warm_up

HELD_OUT = 0.2


def held_out(name):
    """Return X that trains, X that is predicted, and their y."""
    X, _, y, _ = problems.parts(name, 0)
    # In random order already.
    n_held_out = round(HELD_OUT * len(y))
    some, others = slice(None, n_held_out), slice(n_held_out, None)
    return problems.take(X, others), problems.take(X, some), y[others], y[some]


def main():
    """Parse the command line; print a row for each budget and share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--budgets", type=float, nargs="+", default=[60.0])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.4, 0.6, 0.75])
    arguments = parser.parse_args()
    from skautonas.search import deadlines

    warm_up()
    print("| set | budget, s | share | score | seconds |\n|---|---|---|---|---|")
    for name in arguments.sets:
        X_train, X_test, y_train, y_test = held_out(name)
        for budget in arguments.budgets:
            for share in arguments.shares:
                deadlines.REFIT_SHARE = share
                model = search(problems.problem(name), budget, 0)
                start = time.monotonic()
                model.fit(X_train, y_train)
                seconds = time.monotonic() - start
                score = model.score(X_test, y_test)
                told = f"{budget:.0f} | {share} | {score:.4f} | {seconds:.0f}"
                print(f"| {name} | {told} |", flush=True)


if __name__ == "__main__":
    main()
