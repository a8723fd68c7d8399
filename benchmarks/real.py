"""Strategies in real fits of a minute: a table, texts, and images.

Part of ``strategies.py``; sets and splits are those of ``problems.py``. Every fit has
the defaults but for its strategy, and workers that have started. Reported are the score
of the winner on test rows that no search saw, and how many trials were completed.
"""

import statistics

import problems
from ours import search, warm_up

SETS = ("letter", "trec6", "mnist5k")
BUDGET = 60.0


def measure(name, strategy, seed):
    """Fit once; return the score on the test rows, and the completed trials."""
    X_train, X_test, y_train, y_test = problems.parts(name, seed)
    estimator = search(problems.problem(name), BUDGET, seed, strategy=strategy)
    warm_up()
    estimator.fit(X_train, y_train)
    completed = sum(trial.status == "completed" for trial in estimator.trials_)
    return estimator.score(X_test, y_test), completed


def print_table(strategies, names, n_seeds):
    """Print scores by seed, their mean, and the mean number of trials."""
    print(f"{'set':10s} {'strategy':12s} test score: mean, by seed   trials")
    for name in names:
        for strategy in strategies:
            results = [measure(name, strategy, seed) for seed in range(n_seeds)]
            scores, trials = zip(*results, strict=True)
            cells = " ".join(f"{score:.4f}" for score in scores)
            print(
                f"{name:10s} {strategy:12s} {statistics.mean(scores):.4f}   {cells} "
                f"{statistics.mean(trials):6.1f}",
                flush=True,
            )
