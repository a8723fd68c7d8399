"""One fit of one system, in a process and with the packages of its own.

``python fit.py SYSTEM SET --rows R --budget B --seed S --out D`` trains on the rows of
R that train, and predicts those that test: their labels are not looked at here.
``D/progress.json`` tells how far it is, ``D/predictions.npz`` what was predicted.
"""

import argparse
import importlib
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(1, str(Path(__file__).parent.parent))

import numpy as np
import problems

N_CORES = 2


class Progress:
    """What is known of the fit so far, in a file that is replaced as a whole."""

    def __init__(self, path):
        self.path = path
        self.facts = {}

    def add(self, **facts):
        """Write more facts."""
        self.facts |= facts
        unfinished = self.path.with_suffix(".part")
        unfinished.write_text(json.dumps(self.facts))
        unfinished.replace(self.path)


def main():
    """Parse the command line, fit and predict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", help="of this folder, and after a colon the system")
    parser.add_argument("set")
    parser.add_argument("--rows", required=True)
    parser.add_argument("--budget", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:N_CORES])
    progress = Progress(arguments.out / "progress.json")
    problem = problems.problem(arguments.set)
    X, y = problems.read(arguments.set)
    rows = np.load(arguments.rows)
    X_train, y_train = problems.take(X, rows["train"]), y[rows["train"]]
    X_test = problems.take(X, rows["test"])
    del X, y
    name, _, system = arguments.module.partition(":")
    start = time.monotonic()
    module = importlib.import_module(name)
    module.prepare(problem)
    progress.add(import_seconds=time.monotonic() - start, began=time.time())
    start = time.monotonic()
    model = module.fit(
        system, problem, X_train, y_train, arguments.budget, arguments.seed
    )
    progress.add(seconds=time.monotonic() - start, **getattr(model, "facts", {}))
    start = time.monotonic()
    predictions = {"labels": np.asarray(model.predict(X_test))}
    progress.add(predict_seconds=time.monotonic() - start)
    if problem.task == "classification" and hasattr(model, "predict_proba"):
        predictions["probabilities"] = np.asarray(model.predict_proba(X_test))
        if hasattr(module, "uncalibrated") and model.ensemble_size == 1:
            predictions["uncalibrated"] = module.uncalibrated(model, X_test)
    np.savez(arguments.out / "predictions.npz", **as_plain(predictions))
    progress.add(versions=versions(module.PACKAGES))


def as_plain(arrays):
    """Return arrays that load without pickle."""
    return {
        name: array.astype(str) if array.dtype == object else array
        for name, array in arrays.items()
    }


def versions(packages):
    """Return the versions of packages."""
    from importlib.metadata import version

    return {package: version(package) for package in packages}


if __name__ == "__main__":
    main()
