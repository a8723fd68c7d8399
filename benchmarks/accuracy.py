"""Scores on real data beside well-known models, from the same splits.

Run: ``SKAUTONAS_DATA=... python benchmarks/accuracy.py --budget 60``. The folder's
layout: ``load.py`` with ``load(name)``, which returns X and y, ``names(group="open")``,
and ``info(name)`` with the ``modality``; its photographs are JPEG files, which ``pip
install pillow`` reads. Every fit runs in a process of its
own, one after another. Accuracy for classes, R2 for values; the test rows (20 %,
stratified for classes) are never seen in a search.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from baselines import boosting, linear_model, thinned

# Scores that this package means to reach, as the mean of three splits.
REQUIRED = {
    "digits8x8": 0.980,
    "mnist5k": 0.965,
    "kannada_mnist_10k": 0.970,
    "california_housing": 0.800,
    "concrete": 0.910,
    "adult": 0.856,
    "letter": 0.950,
}
# Sets on which it means to reach the linear model's score, less this margin.
AS_LINEAR = ("trec6", "banking77", "sms_spam", "rt_polarity", "vader_tweets")
MARGIN = 0.005
N_SPLITS = 3
SKIPPED = ("time_series", "multilabel")


def open_data():
    """Return the loader of the data folder."""
    folder = os.environ.get("SKAUTONAS_DATA")
    if not folder:
        sys.exit(
            "SKAUTONAS_DATA is not set: it names the folder of the data sets, with "
            "load.py in it. Nothing was measured."
        )
    sys.path.insert(0, folder)
    import load

    return load


def split(name, seed):
    """Return modality, task and the parts of the data."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    load = open_data()
    X, y = load.load(name)
    modality, task = load.info(name)["modality"].split("_", 1)
    task = "regression" if task == "multioutput" else task
    y = np.asarray(y)
    strata = None
    if task == "classification":
        _, codes, counts = np.unique(
            y.astype(str), return_inverse=True, return_counts=True
        )
        strata = codes if counts.min() > 1 else None
    return (
        modality,
        task,
        train_test_split(X, y, test_size=0.2, random_state=seed, stratify=strata),
    )


def search(modality, task, budget, seed):
    """Return our estimator."""
    import skautonas

    kind = "Classifier" if task == "classification" else "Regressor"
    estimator = getattr(skautonas, f"{modality.title()}Search{kind}")
    return estimator(time_budget=budget, n_jobs=2, random_state=seed)


def warm_up():
    """Start the workers and import TensorFlow, so that budgets compare."""
    import keras_tuner  # noqa: F401

    from skautonas.search.executor import LocalExecutor

    with LocalExecutor(2) as executor:
        for future in executor.warm_up():
            future.result()


def measure(name, seed, budget):
    """Fit everything on one split; return scores and seconds."""
    modality, task, (X_train, X_test, y_train, y_test) = split(name, seed)
    warm_up()
    ours = search(modality, task, budget, seed)
    start = time.monotonic()
    ours.fit(X_train, y_train)
    result = {
        "seconds": time.monotonic() - start,
        "ours": ours.score(X_test, y_test),
        "validation": ours.best_score_,
        "trials": ours.n_trials_,
        "failed": sum(trial.status == "failed" for trial in ours.trials_),
        "stop": ours.stop_reason_,
        "best": {k: v for k, v in ours.best_params_.items() if "/" not in k},
    }
    if modality == "image":
        X_train, X_test = thinned(X_train), thinned(X_test)
    n_features = X_train.shape[1] if modality == "image" else None
    linear = linear_model(modality, task, n_features).fit(X_train, y_train)
    result["linear"] = linear.score(X_test, y_test)
    if modality == "tabular":
        result["boosting"] = (
            boosting(task).fit(X_train, two_d(task, y_train)).score(X_test, y_test)
        )
    return result


def two_d(task, y):
    """Return values as the columns that `MultiOutputRegressor` takes."""
    return y.reshape(len(y), -1) if task == "regression" else y


def measure_apart(name, seed, budget):
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--budget", str(budget)]
    result = subprocess.run(
        [*command, "--one", name, "--seed", str(seed)],
        capture_output=True,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    if result.returncode:
        sys.exit(f"{name}, split {seed}: {result.stderr[-3000:]}")
    return json.loads(result.stdout.splitlines()[-1])


def row(name, results):
    """Print one set's row, with what is required of it."""

    def mean(key):
        values = [r[key] for r in results if key in r]
        return f"{statistics.mean(values):8.4f}" if values else " " * 8

    ours = statistics.mean(r["ours"] for r in results)
    required = REQUIRED.get(name)
    if name in AS_LINEAR:
        required = statistics.mean(r["linear"] for r in results) - MARGIN
    verdict = ""
    if required is not None:
        verdict = f"{required:.4f} {'reached' if ours >= required else 'MISSED'}"
    seconds = max(r["seconds"] for r in results)
    trials = statistics.mean(r["trials"] for r in results)
    print(
        f"{name:22s}{len(results):2d} {mean('ours')} {mean('validation')} "
        f"{mean('linear')} {mean('boosting')} {seconds:7.1f} {trials:6.1f}  {verdict}",
        flush=True,
    )


def main():
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds a fit")
    parser.add_argument("--sets", nargs="*", help="only these sets")
    parser.add_argument("--splits", type=int, help="splits of every set")
    parser.add_argument("--log", help="file that receives every result as JSON lines")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one, arguments.seed, arguments.budget)))
        return
    load = open_data()
    chosen = arguments.sets or [
        name
        for name in load.names(group="open")
        if not any(word in load.info(name)["modality"] for word in SKIPPED)
    ]
    print(
        f"{'set':22s} n     ours validat.   linear boosting  max. s trials  required",
        flush=True,
    )
    if not arguments.sets:
        print("left out: sets of time series and of several labels a row", flush=True)
    for name in chosen:
        needed = name in REQUIRED or name in AS_LINEAR
        n_splits = arguments.splits or (N_SPLITS if needed else 1)
        results = [
            measure_apart(name, seed, arguments.budget) for seed in range(n_splits)
        ]
        row(name, results)
        if arguments.log:
            with Path(arguments.log).open("a") as file:
                for seed, result in enumerate(results):
                    file.write(json.dumps({"set": name, "seed": seed} | result) + "\n")


if __name__ == "__main__":
    main()
