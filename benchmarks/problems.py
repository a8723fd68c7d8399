"""The data sets of a comparison: their splits, and how predictions are scored.

The folder ``SKAUTONAS_DATA`` has ``load.py`` in it, with ``load(name)``, which returns
X and y, ``names(group="open")``, and ``info(name)`` with the ``modality``; photographs
are JPEG files, which ``pip install pillow`` reads.
"""

import hashlib
import os
import sys
from dataclasses import dataclass

import numpy as np

CORE = (
    "california_housing",
    "ames_housing",
    "concrete",
    "wine_quality",
    "adult",
    "letter",
    "german_credit",
    "titanic",
    "trec6",
    "rt_polarity",
    "banking77",
    "vader_tweets",
    "mnist5k",
    "kannada_mnist_10k",
    "cifar10_12k",
    "kannada_morpho_10k",
)
# For daily work.
WORKING = (
    "california_housing",
    "adult",
    "concrete",
    "rt_polarity",
    "banking77",
    "cifar10_12k",
)
# Made of another set: which, and the share that the rarer class is thinned to.
THINNED = {"sms_spam_rare": ("sms_spam", 0.02)}
TEST_SHARE = 0.2
# What is left out of "open": sets of another kind than a row and its label.
LEFT_OUT = "time_series"


@dataclass(frozen=True)
class Problem:
    """What is to be learned of a data set, and by what it is judged."""

    name: str
    modality: str
    task: str
    scoring: str


def open_data():
    """Return the loader of the data folder."""
    folder = os.environ.get("SKAUTONAS_DATA")
    if not folder:
        sys.exit(
            "SKAUTONAS_DATA is not set: it names the folder of the data sets, with "
            "load.py in it. Nothing was measured."
        )
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import load

    return load


def all_open():
    """Return the names of all sets that are compared."""
    load = open_data()
    names = [n for n in load.names(group="open") if not is_left_out(load, n)]
    return (*names, *THINNED)


def is_left_out(load, name):
    """Tell whether a set is of another kind."""
    return LEFT_OUT in load.info(name)["modality"]


def problem(name):
    """Return the problem of a set."""
    source, _ = THINNED.get(name, (name, None))
    modality, task = open_data().info(source)["modality"].split("_", 1)
    task = "regression" if task == "multioutput" else task
    scoring = {"classification": "accuracy", "regression": "r2", "multilabel": "f1"}
    return Problem(
        name,
        modality,
        task,
        "average_precision" if name in THINNED else scoring[task],
    )


def read(name):
    """Return all rows of a set, and their labels or values as an array."""
    source, share = THINNED.get(name, (name, None))
    X, y = open_data().load(source)
    y = np.asarray(y)
    if share is None:
        return X, y
    _, codes = np.unique(y.astype(str), return_inverse=True)
    rare = int(np.argmin(np.bincount(codes)))
    others = np.flatnonzero(codes != rare)
    kept = round(share / (1 - share) * len(others))
    rng = np.random.default_rng(0)
    few = rng.permutation(np.flatnonzero(codes == rare))[:kept]
    rows = np.sort(np.concatenate([others, few]))
    # What is to be found is 1.
    return take(X, rows), (codes[rows] == rare).astype(int)


def take(X, rows):
    """Return some rows."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def split(name, number):
    """Return the rows that train and those that test, classes in equal shares."""
    _, y = read(name)
    rng = np.random.default_rng(number)
    if problem(name).task == "classification":
        _, codes = np.unique(y.astype(str), return_inverse=True)
    else:
        codes = np.zeros(len(y), int)
    test = []
    for code in range(codes.max() + 1):
        members = rng.permutation(np.flatnonzero(codes == code))
        test.append(members[: round(TEST_SHARE * len(members))])
    test = np.sort(np.concatenate(test))
    train = rng.permutation(np.setdiff1d(np.arange(len(y)), test))
    return train, test


def parts(name, number):
    """Return X that trains, X that tests, and their y."""
    X, y = read(name)
    train, test = split(name, number)
    return take(X, train), take(X, test), y[train], y[test]


def digest(rows):
    """Return a short name of some rows: two splits of one name are the same."""
    return hashlib.sha256(np.asarray(rows, "int64").tobytes()).hexdigest()[:12]


def log_loss(y, probabilities):
    """Return the cross-entropy of probabilities, their columns by sorted labels."""
    from sklearn import metrics

    return float(metrics.log_loss(y, probabilities, labels=np.unique(y)))


def score(scoring, y, predictions):
    """Return the score of predictions, greater is better.

    ``predictions`` has ``labels``, as predicted, and where there are any
    ``probabilities`` of shape (n, classes).
    """
    from sklearn import metrics

    # AutoKeras predicts a column: compared with a row, that is all with all.
    labels = predictions["labels"].reshape(y.shape)
    if scoring == "average_precision":
        return metrics.average_precision_score(y, predictions["probabilities"][:, 1])
    if scoring == "accuracy":
        return float(np.mean(labels.astype(str) == y.astype(str)))
    if scoring == "f1":
        return metrics.f1_score(y, labels, average="micro", zero_division=0.0)
    return metrics.r2_score(y, labels)
