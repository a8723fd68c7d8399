"""What is declared for all rows fits each split of them, at every number of rows."""

import keras_tuner
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import TimeSeriesSplit

from skautonas import (
    ImageSearchClassifier,
    TabularSearchClassifier,
    TextSearchClassifier,
)
from skautonas.data.rows import Rows
from skautonas.datasets import load_docstrings
from skautonas.estimation.scoring import make_scorer
from skautonas.estimators._study import make_study
from skautonas.space.base import complete
from skautonas.strategy.configurations import Configurations


def study_of(search, X, y, folder):
    search.scorer_ = make_scorer("accuracy")
    rows = Rows(search._check_X(X, reset=True), search._check_y(y))
    search._fit_targets(rows.y, rows)
    return make_study(search, rows, rows, None, 0, str(folder))


def images(n_rows):
    X, y = load_digits(return_X_y=True)
    return X[:n_rows].reshape(-1, 8, 8), y[:n_rows]


def texts(n_rows, n_words):
    """Return texts whose splits differ in length, and in words of two texts."""
    rng = np.random.default_rng(0)
    counts = rng.integers(n_words // 2, n_words, size=n_rows)
    words = rng.integers(0, 3 * n_rows, size=(n_rows, n_words))
    made = [
        " ".join(f"w{word}" for word in row[:count])
        for row, count in zip(words, counts, strict=True)
    ]
    made[0] = " ".join(["the longest of all"] * n_words)
    return made, rng.integers(0, 2, size=n_rows)


def table(n_rows):
    notes, y = texts(n_rows, 10)
    numbers = np.where(np.arange(n_rows) == 3, np.nan, np.arange(n_rows))
    dates = pd.Series(pd.to_datetime(["2024-01-01"] * (n_rows - 1) + ["2025-05-05"]))
    kinds = ["rare"] * 3 + [f"k{i % 7}" for i in range(3, n_rows)]
    columns = {"note": notes, "date": dates, "kind": kinds, "number": numbers}
    return pd.DataFrame(columns), y


CASES = [
    *((ImageSearchClassifier, {}, images(n)) for n in (999, 1001, 1200, 1251)),
    (ImageSearchClassifier, {"cv": 2}, images(1500)),
    *(
        (TextSearchClassifier, {}, texts(n, 6))
        for n in (25, 60, 1999, 2000, 2100, 2501)
    ),
    (TextSearchClassifier, {"cv": 4}, texts(200, 5)),
    (TextSearchClassifier, {}, load_docstrings()),
    *((TabularSearchClassifier, {}, table(n)) for n in (80, 1001, 2100)),
]


@pytest.mark.parametrize(
    ("estimator", "options", "data"),
    CASES,
    ids=lambda value: str(len(value[1])) if isinstance(value, tuple) else None,
)
def test_a_configuration_of_all_rows_fits_each_split(
    estimator, options, data, tmp_path
):
    study = study_of(estimator(**options), *data, tmp_path)
    hp = study.whole.source.declare()
    rng = np.random.default_rng(0)
    asked = [complete(hp, start) for start in study.whole.source.starts]
    asked += [Configurations(hp).sample(rng) for _ in range(8)]
    spaces = {fold.source.space for fold in (*study.folds, study.whole)}
    assert len({str(space.facts.inputs) for space in spaces}) == 1
    for space in spaces:
        own = keras_tuner.HyperParameters()
        space.declare(own)
        assert own.get_config() == hp.get_config()
        for values in asked:
            reading = hp.copy()
            reading.values = dict(values)
            model = space.build(reading)
            arrays = {
                name: np.zeros((2, *spec.shape), spec.dtype)
                for name, spec in space.facts.inputs.items()
            }
            assert model(arrays, training=True).shape[-1] == space.facts.n_outputs


def test_splits_of_unequal_size_are_trained_as_a_usual_one(tmp_path):
    rng = np.random.default_rng(0)
    search = TabularSearchClassifier(cv=TimeSeriesSplit(5))
    X, y = rng.normal(size=(12_000, 2)), rng.integers(2, size=12_000)
    study = study_of(search, X, y, tmp_path)
    assert [fold.n_rows for fold in study.folds] == [2000, 4000, 6000, 8000, 10_000]
    assert study.whole.source.space.facts.n_rows == 6000
