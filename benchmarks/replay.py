"""Strategies with and without rungs on recorded learning curves, at equal epochs.

Part of ``strategies.py``; the curves are those of ``record_curves.py``. A proposal
stands for the recorded configuration that is the nearest to it and was not tried yet.
As in a fit, a rung is a share of the epochs that the configuration plans, here at least
one of them. The score of a trial is the best of its epochs so far; the incumbent is the
best trial of the longest rung that has any; reported is its score after all epochs, as
regret that is 0 for the best recorded configuration and 1 for the median one. What was
trained once has one score: a trial in full is observed without noise.
"""

import joblib
import numpy as np
from record_curves import FOLDER, read

STRATEGIES = ("random", "bayesian", "hyperband", "asha", "bohb")
# Of the epochs of so many whole trainings, on average.
BUDGETS = (9, 18, 27)


class Curves:
    """The recorded configurations of one set, and their curves."""

    def __init__(self, name):
        from keras_tuner import HyperParameters

        from skautonas.strategy.configurations import Configurations

        space, self.configurations, curves = read(FOLDER / f"{name}.zip")
        self.hp = HyperParameters.from_config(space)
        self.space = Configurations(self.hp)
        rows = np.stack([self.space.row(values) for values in self.configurations])
        self.points = self.space.encode(rows)
        # Of the first epochs, where there was no validation, that of the next is taken.
        first = np.isfinite(curves).argmax(axis=1)
        known = np.where(
            np.arange(curves.shape[1]) < first[:, None],
            np.take_along_axis(curves, first[:, None], axis=1),
            curves,
        )
        # The best so far; where a training stopped earlier, it stays.
        self.best = np.fmax.accumulate(known, axis=1)
        self.trained = curves.shape[1] - np.isfinite(curves[:, ::-1]).argmax(axis=1)
        planned = [values["recipe/epochs"] for values in self.configurations]
        self.planned = np.minimum(planned, curves.shape[1])
        final = self.best[:, -1]
        self.regrets = (final.max() - final) / (final.max() - np.median(final))

    def epochs(self, number, share):
        """Return how long a configuration trains for a share of what it plans."""
        wanted = max(1, round(share * self.planned[number]))
        return min(wanted, self.trained[number])

    def nearest(self, values, taken):
        """Return the number of the nearest configuration that is not taken."""
        from skautonas.strategy.encoding import distances

        point = self.space.encode(self.space.row(values)[None])
        apart = distances(point, self.points)[0]
        apart[list(taken)] = np.inf
        return int(apart.argmin())


def replay(name, curves, seed):
    """Return the regret after each budget of whole trainings."""
    from keras_tuner import Objective

    from skautonas._compat import silence_oracle
    from skautonas.strategy import make
    from skautonas.strategy.own_values import (
        EPOCHS,
        INITIAL_EPOCH,
        PARENT,
        split_values,
    )

    oracle = make(
        name,
        objective=Objective("score", "max"),
        hyperparameters=curves.hp,
        max_trials=10_000,
        seed=seed,
    )
    longest = getattr(oracle, "longest_rung", 1)
    silence_oracle(oracle)
    numbers, spent, regrets = {}, 0, []
    leader, incumbent = (0, -np.inf), None
    budgets = [budget * curves.trained.mean() for budget in BUDGETS]
    while len(regrets) < len(budgets):
        trial = oracle.create_trial("one")
        values, own = split_values(trial.hyperparameters.values)
        parent = own.get(PARENT)
        number = numbers[parent] if parent else curves.nearest(values, numbers.values())
        numbers[trial.trial_id] = number
        # It was this one that was tried.
        trial.hyperparameters.values = curves.configurations[number] | own
        share = own.get(EPOCHS, longest) / longest
        until = curves.epochs(number, share)
        begun = own.get(INITIAL_EPOCH, 0) / longest
        cost = until - (curves.epochs(number, begun) if begun else 0)
        while len(regrets) < len(budgets) and spent + cost > budgets[len(regrets)]:
            regrets.append(1.0 if incumbent is None else curves.regrets[incumbent])
        spent += cost
        score = curves.best[number, until - 1]
        if (share, score) > leader:
            leader, incumbent = (share, score), number
        oracle.update_trial(trial.trial_id, {"score": float(score)})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return regrets


def print_table(strategies, names, n_seeds, n_jobs):
    """Print mean regrets with standard errors, and how far ahead of the first they are.

    That is in standard errors of the difference.
    """
    print(
        f"{'curves':20s} {'strategy':10s} regret after {BUDGETS} whole trainings, and "
        "standard errors ahead of the first"
    )
    for name in names or sorted(path.stem for path in FOLDER.glob("*.zip")):
        curves, first = Curves(name), None
        for strategy in strategies:
            regrets = np.array(
                joblib.Parallel(n_jobs)(
                    joblib.delayed(replay)(strategy, curves, seed)
                    for seed in range(n_seeds)
                )
            )
            mean, error = regrets.mean(axis=0), regrets.std(axis=0, ddof=1)
            error /= np.sqrt(n_seeds)
            first = first or (mean, error)
            ahead = (first[0] - mean) / np.hypot(first[1], error)
            cells = [f"{m:.3f}+-{e:.3f}" for m, e in zip(mean, error, strict=True)]
            print(f"{name:20s} {strategy:10s}", *cells, *ahead.round(1), flush=True)
