"""How soon the model decides where a search has starts, on recorded trainings.

Run: ``python benchmarks/replay_starts.py``. The trainings are those of
``record_curves.py``, in full; configurations and regrets are as in ``replay.py``. The
starts are drawn from the best quarter without its best 2 %. It takes five minutes.
"""

import numpy as np
from replay import FOLDER, Curves

STARTS = (2, 4, 5)
TRIALS = (8, 10, 15, 25)
N_SEEDS = 40


def regrets(curves, n_starts, seed, *, strategy="bayesian", spared=True):
    """Return the regret after each number of trials."""
    from keras_tuner import Objective

    from skautonas._compat import silence_oracle
    from skautonas.strategy import make

    oracle = make(
        strategy,
        objective=Objective("score", "max"),
        hyperparameters=curves.hp,
        max_trials=max(TRIALS),
        seed=seed,
    )
    oracle.n_starts = n_starts if spared else 0
    silence_oracle(oracle)
    final = curves.best[:, -1]
    best = np.argsort(-final)
    good = best[len(best) // 50 : len(best) // 4]
    numbers = list(
        np.random.default_rng(1000 + seed).choice(good, n_starts, replace=False)
    )
    propose = oracle.populate_space
    for index in range(max(TRIALS)):
        if index < n_starts:
            values = curves.configurations[numbers[index]]
            oracle.populate_space = lambda _, values=values: oracle.propose(values)
            trial = oracle.create_trial("one")
            oracle.populate_space = propose
        else:
            trial = oracle.create_trial("one")
            numbers.append(curves.nearest(trial.hyperparameters.values, numbers))
        trial.hyperparameters.values = dict(curves.configurations[numbers[index]])
        oracle.update_trial(trial.trial_id, {"score": float(final[numbers[index]])})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    so_far = np.minimum.accumulate(curves.regrets[numbers])
    return so_far[np.array(TRIALS) - 1]


def main():
    """Print mean regrets and their standard errors."""
    variants = {
        "random": {"strategy": "random"},
        "eight trials first": {"spared": False},
        "starts spare others": {},
    }
    print(f"regret after {TRIALS} trials, mean of {N_SEEDS} seeds and standard error")
    for path in sorted(FOLDER.glob("*.zip")):
        curves = Curves(path.stem)
        for n_starts in STARTS:
            for name, options in variants.items():
                all_regrets = np.array(
                    [regrets(curves, n_starts, s, **options) for s in range(N_SEEDS)]
                )
                error = all_regrets.std(axis=0, ddof=1) / np.sqrt(N_SEEDS)
                cells = [
                    f"{mean:.3f}±{err:.3f}"
                    for mean, err in zip(all_regrets.mean(axis=0), error, strict=True)
                ]
                print(f"{path.stem:20s} {n_starts} {name:20s}", *cells, flush=True)


if __name__ == "__main__":
    main()
