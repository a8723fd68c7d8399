"""Bad inputs: each is refused before any training, by words that help to mend it."""

import datetime
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import tensorflow as tf
from scipy import sparse

from skautonas import (
    ImageSearchClassifier,
    ImageSearchRegressor,
    TabularSearchClassifier,
    TabularSearchRegressor,
    TextSearchClassifier,
    TextSearchRegressor,
)
from skautonas.estimators._base import BaseSearch
from skautonas.space import ImageSpace, TabularSpace

N = 20
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(N, 3))
LABELS = np.arange(N) % 2
VALUES = TABLE[:, 0] * 3
IMAGES = RNG.integers(0, 255, (N, 8, 8)).astype("uint8")
WORDS = ["red fish", "blue bird"] * (N // 2)
FRAME = pd.DataFrame(TABLE, columns=["a", "b", "c"])
QUICK = {"max_trials": 1, "max_epochs": 1, "time_budget": None, "random_state": 0}


SMALL = TabularSpace(architectures=("mlp",), units=(8, 16), layers=(1, 1))


def column(values, **options):
    return FRAME.assign(b=pd.Series([values] * N, **options))


def stream():
    yield from TABLE


# Input → words of the refusal, for X at fit.
TABLES_REFUSED = {
    "no X": (None, "2D array"),
    "one number": (3.0, "2D array.*reshape"),
    "one axis": (TABLE[:, 0], r"2D array.*reshape\(-1, 1\)"),
    "three axes": (TABLE[None], "dim 3"),
    "no rows": (TABLE[:0], "0 sample"),
    "no columns": (TABLE[:, :0], r"0 feature\(s\)"),
    "a frame without columns": (FRAME[[]], r"0 feature\(s\)"),
    "infinity": (column(np.inf), "finite.*column 'b'.*Replace"),
    "too large for floats": (column(1e300), "finite float32.*column 'b'.*Replace"),
    "infinity in an array": (np.full((N, 2), np.inf), "infinity"),
    "complex": (TABLE + 1j, "Complex data"),
    "complex in a frame": (column(1j), "column 'b'.*complex.*value.real"),
    "single complex": (column(1j, dtype="complex64"), "column 'b'.*complex64"),
    "lists in cells": (column([1, 2]), "column 'b'.*list.*Spread"),
    "times of day": (column(datetime.time(8)), "column 'b'.*seconds since midnight"),
    "bytes": (column(b"red"), "column 'b'.*bytes.*decode"),
    "objects": (column(object()), "column 'b'.*object"),
    "rows of two lengths": ([[1, 2], [3]] * 10, "2D array"),
    "a generator": (stream(), "rows in memory.*generator.*list"),
    "a tf.data dataset": (
        tf.data.Dataset.from_tensor_slices(TABLE),
        "rows in memory.*Dataset.*concatenate",
    ),
    "a lazy frame": (pl.DataFrame(TABLE).lazy(), r"LazyFrame.*\.collect\(\)"),
    "a batch of pyarrow": (pa.RecordBatch.from_pandas(FRAME), "Table.from_batches"),
    "a dict of columns": ({"a": VALUES}, "dict.*DataFrame"),
    "structs in cells": (
        pl.DataFrame(TABLE).select(pl.struct("column_0", "column_1").alias("b")),
        "column 'b'.*Struct.*Spread",
    ),
    "too large a sparse matrix": (sparse.csr_array((N, 10**8)), "TruncatedSVD"),
    "two columns of one name": (
        pd.DataFrame(TABLE, columns=["a", "a", "b"]),
        "'a'.*more than once",
    ),
    "fewer rows than y": (TABLE[:9], "inconsistent numbers of samples"),
}
IMAGES_REFUSED = {
    "file names": (np.array(["a.png"] * N), "decoded pixels"),
    "flat": (IMAGES.reshape(N, -1), r"reshape\(-1, 8, 8\)"),
    "two sizes": ([IMAGES[0], IMAGES[0, 1:]] * 10, "Resize or crop"),
    "NaN": (np.full((N, 8, 8), np.nan), "nan_to_num"),
    "a frame": (FRAME, r"X\.shape=\(20, 3\)"),
    "one image": (IMAGES[0], r"shape \(n, h, w\[, c\]\); received X.shape=\(8, 8\)"),
    "no images": (IMAGES[:0], "at least one image"),
}
TEXTS_REFUSED = {
    "one text": ("red fish", r"\[text\]"),
    "numbers": (list(range(N)), "str.*int at position 0"),
    "a gap": ([*WORDS[:-1], None], "position 19.*empty strings"),
    "NaN": ([*WORDS[:-1], float("nan")], "position 19.*empty strings"),
    "a table": (FRAME, 'one column.*df\\["a"\\]'),
    "no words": (["?!"] * N, "Pass texts that hold a word"),
    "empty strings": ([""] * N, "Pass texts that hold a word"),
    "surrogates": (["\ud800"] * N, "Unicode.*replace"),
}
LABELS_REFUSED = {
    "none": (None, "None"),
    "one class": (np.zeros(N), "two classes.*1 class"),
    "NaN": (np.where(LABELS, 1.0, np.nan), "NaN.*Drop"),
    "gaps": (["a", None] * 10, "NaN.*Drop"),
    "continuous": (VALUES, "use the regressor"),
    "one-hot": (np.eye(2, dtype=int)[LABELS], "argmax"),
    "probabilities": (np.full((N, 2), 0.5), "argmax"),
    "several columns of classes": (np.full((N, 2), 7), "MultiOutputClassifier"),
    "numbers and strings": ([1, "a"] * 10, "one type.*int, str.*Convert"),
    "three axes": (np.zeros((N, 2, 2)), "dim 3"),
    "another length": (LABELS[:-1], "inconsistent numbers of samples"),
}
VALUES_REFUSED = {
    "none": (None, "None"),
    "NaN": (np.where(LABELS, 1.0, np.nan), "NaN.*Drop"),
    "infinity": (np.full(N, np.inf), "infinity.*Drop"),
    "words": (["a"] * N, "numbers.*use the classifier"),
    "dates": (pd.to_datetime(["2024-01-01"] * N), "numbers.*date"),
    "complex": (VALUES + 1j, "numbers.*complex"),
    "dates in objects": ([np.datetime64("2024-01-01")] * N, "numbers.*the days"),
    "three axes": (np.zeros((N, 2, 2)), r"y\.shape=\(20, 2, 2\)"),
    "no columns": (np.zeros((N, 0)), r"y\.shape=\(20, 0\).*one column a target"),
    "another length": (VALUES[:-1], "inconsistent numbers of samples"),
}
# Parameters and arguments of fit → words of the refusal.
PARAMETERS_REFUSED = {
    "no bound": ({"time_budget": None, "max_trials": None}, "time_budget.*max_trials"),
    "no time": ({"time_budget": 0}, r"time_budget.*Got 0"),
    "a time in words": ({"time_budget": "60s"}, "time_budget.*Got '60s'"),
    "no trials": ({"max_trials": 0}, "max_trials.*Got 0"),
    "half a trial": ({"max_trials": 1.5}, "max_trials.*Got 1.5"),
    "an unknown strategy": ({"strategy": "annealing"}, "strategy.*annealing"),
    "an unknown scorer": ({"scoring": "acuracy"}, "acuracy"),
    "a metric for a scorer": (
        {"scoring": lambda y, p: 0.0},
        "which fails on them.*Choose another scoring",
    ),
    "all rows validate": ({"validation_fraction": 1.0}, "Got 1.0"),
    "no workers": ({"n_jobs": 0}, "n_jobs.*Got 0"),
    "strings for a positive class": ({"scoring": "f1"}, "labels of 0 and 1"),
    "one fold": ({"cv": 1}, r"cv.*\[2, inf\)"),
    "more folds than rows": ({"cv": 50}, "n_splits=50"),
    "cv without refit": ({"cv": 3, "refit": False}, "refit=True"),
    "a space of another modality": ({"space": ImageSpace()}, "TabularSpace"),
    "a class for a space": ({"space": TabularSpace}, r"TabularSpace\(\)"),
    "unknown class weights": ({"class_weight": "heavy"}, "class_weight.*heavy"),
    "a weight of no class": ({"class_weight": {7: 2.0}}, "not in class_weight"),
}
ARGUMENTS_REFUSED = {
    "negative weights": ({"sample_weight": -np.ones(N)}, "Negative"),
    "NaN weights": ({"sample_weight": np.full(N, np.nan)}, "NaN"),
    "only zero weights": ({"sample_weight": np.zeros(N)}, "non-zero"),
    "weights of other rows": ({"sample_weight": np.ones(3)}, "inconsistent"),
    "X_val alone": ({"X_val": TABLE}, "together"),
    "y_val of a new class": (
        {"X_val": TABLE, "y_val": np.full(N, 5)},
        r"received \[5\] in y_val.*Put a row",
    ),
    "X_val of other columns": ({"X_val": TABLE[:, :2], "y_val": LABELS}, "3 features"),
    "groups without cv": ({"groups": LABELS}, r"cv=GroupKFold\(\)"),
}


# X at predict, after a fit on FRAME with words in column "d".
PREDICTED_REFUSED = {
    "no rows": (FRAME[:0].assign(d="x"), "0 sample"),
    "a column too few": (FRAME, "missing.*d"),
    "a new column": (FRAME.assign(d="x", e=1), "unseen.*e"),
    "other names": (FRAME.assign(D="x"), "unseen.*D.*missing.*d"),
    "an array of another width": (TABLE, "3 features.*expecting 4"),
    "words for numbers": (FRAME.assign(d="x", a="many"), "column 'a'.*'many'.*NaN"),
    "bytes for words": (FRAME.assign(d=b"x"), "column 'd'.*bytes.*decode"),
    "arrays for words": (
        FRAME.assign(d=pd.Series([np.arange(2)] * N)),
        "column 'd'.*ndarray.*Spread",
    ),
    "complex for numbers": (FRAME.assign(d="x", a=1j), "column 'a'.*value.real"),
    "infinity": (FRAME.assign(d="x", a=np.inf), "column 'a'.*Replace"),
    "one row without its axis": (FRAME.assign(d="x").iloc[0], "Pass a DataFrame"),
}
# What may look bad at predict, and is fine.
PREDICTED_TAKEN = {
    "one row": FRAME.assign(d="red")[:1],
    "an unseen category": FRAME.assign(d="violet"),
    "an empty string": FRAME.assign(d=""),
    "a very long string": FRAME.assign(d="x" * 100_000),
    "another type of category": FRAME.assign(d=7),
    "gaps everywhere": FRAME.assign(a=np.nan, b=None, c=np.nan, d=None),
    "columns in another order": FRAME.assign(d="red")[["d", "c", "b", "a"]],
    "an array of objects": FRAME.assign(d="red").to_numpy(),
    "rows as lists": FRAME.assign(d="red").to_numpy().tolist(),
    "booleans for numbers": FRAME.assign(a=True, d="red"),
    "numbers as strings": FRAME.assign(a="1.5", d="red"),
}
# (X, y) that may look bad at fit, and are fine.
TAKEN = {
    "a column of NaN": (FRAME.assign(b=np.nan), LABELS),
    "a constant column": (FRAME.assign(b=1.0), LABELS),
    "only constant columns": (FRAME * 0, LABELS),
    "booleans": (TABLE > 0, LABELS),
    "mixed types in a column": (column("a").assign(c=[1, "x"] * 10), LABELS),
    "strings in an array": (np.array([["a", "b"], ["c", "d"]] * 10), LABELS),
    "dates": (column("2024-01-01", dtype="datetime64[s]"), LABELS),
    "a sparse matrix": (sparse.csr_matrix(TABLE), LABELS),
    "4 rows": (TABLE[:4], LABELS[:4]),
    "labels of -1 and 1": (TABLE, LABELS * 2 - 1),
    "labels of whole floats": (TABLE, LABELS * 1.0),
    "labels of booleans": (TABLE, LABELS == 1),
    "labels of strings": (TABLE, np.array(["no", "yes"])[LABELS]),
    "labels as a category": (TABLE, pd.Series(LABELS).astype("category")),
    "a class of one row": (TABLE, np.arange(N) == 3),
    "classes of one row": (TABLE, np.r_[np.arange(N - 5), np.zeros(5, int)]),
    "another class in each row": (TABLE, np.arange(N)),
}


def refuse_to_train(monkeypatch):
    def run(*arguments):
        raise AssertionError("this was to be refused before any training")

    monkeypatch.setattr(BaseSearch, "_run", run)


def check(monkeypatch, search, X, y, words, **arguments):
    refuse_to_train(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with pytest.raises((ValueError, TypeError), match=f"(?s){words}"):
            search.fit(X, y, **arguments)


NAMELESS = pytest.mark.filterwarnings("ignore:X does not have valid feature names")


def rows(table):
    return pytest.mark.parametrize("case", table.values(), ids=table)


@rows(TABLES_REFUSED)
def test_tables(case, monkeypatch):
    check(monkeypatch, TabularSearchClassifier(**QUICK), case[0], LABELS, case[1])


@rows(IMAGES_REFUSED)
def test_images(case, monkeypatch):
    check(monkeypatch, ImageSearchRegressor(**QUICK), case[0], VALUES, case[1])


@rows(TEXTS_REFUSED)
def test_texts(case, monkeypatch):
    check(monkeypatch, TextSearchRegressor(**QUICK), case[0], VALUES, case[1])


@rows(LABELS_REFUSED)
def test_labels(case, monkeypatch):
    check(monkeypatch, TextSearchClassifier(**QUICK), WORDS, *case)
    check(monkeypatch, ImageSearchClassifier(**QUICK), IMAGES, *case)


@rows(VALUES_REFUSED)
def test_values(case, monkeypatch):
    check(monkeypatch, TabularSearchRegressor(**QUICK), TABLE, *case)


@rows(PARAMETERS_REFUSED)
def test_parameters(case, monkeypatch):
    search = TabularSearchClassifier(**(QUICK | case[0]))
    y = np.array(["no", "yes"])[LABELS] if "0 and 1" in case[1] else LABELS
    check(monkeypatch, search, TABLE, y, case[1])


@rows(ARGUMENTS_REFUSED)
def test_arguments(case, monkeypatch):
    search = TabularSearchClassifier(**QUICK)
    check(monkeypatch, search, TABLE, LABELS, case[1], **case[0])


@pytest.fixture(scope="module")
def fitted():
    X = FRAME.assign(d=["red", "blue"] * (N // 2))
    return TabularSearchClassifier(space=SMALL, **QUICK).fit(X, LABELS)


@NAMELESS
@rows(PREDICTED_REFUSED)
def test_tables_at_predict(case, fitted):
    with pytest.raises(ValueError, match=f"(?s){case[1]}"):
        fitted.predict(case[0])


@NAMELESS
@rows(PREDICTED_TAKEN)
def test_tables_that_predict_takes(case, fitted):
    probabilities = fitted.predict_proba(case)
    assert probabilities.shape == (len(case), 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


@rows(TAKEN)
def test_what_fit_takes(case):
    X, y = case
    search = TabularSearchClassifier(space=SMALL, **QUICK).fit(X, y)
    assert set(search.predict(X)) <= set(np.asarray(y))
    assert search.classes_.tolist() == np.unique(y).tolist()
    assert search.predict_proba(X).shape == (len(y), len(np.unique(y)))


@pytest.mark.parametrize("n_rows", [2, 3, 5, 9])
def test_few_rows_of_values(n_rows):
    X, y = TABLE[:n_rows], VALUES[:n_rows]
    scoring = "neg_root_mean_squared_error" if n_rows == 2 else None
    search = TabularSearchRegressor(space=SMALL, scoring=scoring, **QUICK).fit(X, y)
    assert search.predict(X).shape == (n_rows,)


def test_columns_with_numbers_for_names_are_named_too():
    frame = pd.DataFrame(TABLE)
    search = TabularSearchClassifier(space=SMALL, **QUICK).fit(frame, LABELS)
    with pytest.raises(ValueError, match=r"columns of the training.*without \[0\]"):
        search.predict(frame.rename(columns={0: 9}))


def test_two_rows_are_too_few_for_r2():
    with pytest.raises(ValueError, match=r"scorer for the 1 validation rows"):
        TabularSearchRegressor(**QUICK).fit(TABLE[:2], VALUES[:2])


def test_one_row_is_refused():
    with pytest.raises(ValueError, match=r"at least 2 rows.*n_samples=1"):
        TabularSearchRegressor(**QUICK).fit(TABLE[:1], VALUES[:1])


@pytest.mark.parametrize(
    ("shape", "warns"),
    [((40, 3, 12, 12), True), ((40, 1, 12, 12), True), ((40, 3, 12, 3), False)],
)
def test_channels_first_are_suspected(shape, warns):
    X = np.random.default_rng(0).normal(size=shape)
    quick = {"max_trials": 1, "max_epochs": 1, "time_budget": None}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ImageSearchClassifier(**quick).fit(X, np.arange(40) % 2)
    told = [w for w in caught if "channels first" in str(w.message)]
    assert len(told) == warns
    assert all(w.filename == __file__ for w in told)
