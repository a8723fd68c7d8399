"""Columns of free text beside others in a table."""

import contextlib

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.model_selection import KFold, train_test_split

from skautonas import TabularSearchClassifier
from skautonas.data import encode
from skautonas.data.bags import count_words, word_bag
from skautonas.data.encode import encode_folder, preprocessing_model, run_batches
from skautonas.data.store import open_arrays, write_arrays
from skautonas.data.table_layers import MAX_DENSE_NGRAMS
from skautonas.data.tables import TableEncoder
from skautonas.data.texts import TextEncoder
from skautonas.datasets import load_docstrings

QUICK = {"max_trials": 1, "max_epochs": 12, "time_budget": None, "random_state": 0}


@pytest.fixture(scope="module")
def docstrings():
    texts, libraries = load_docstrings()
    frame = pd.DataFrame({"n": [len(text) for text in texts], "doc": texts})
    frame.loc[::50, "doc"] = None
    return frame.iloc[::3], libraries[::3]


def kinds(values):
    encoder = TableEncoder().fit(pd.DataFrame({"c": values}))
    return [column.kind for column in encoder.columns_]


@pytest.mark.parametrize(
    "values",
    [
        ["never seen before", "not this one either", "nor this last one"] * 20,
        [f"code-{i}" for i in range(60)],
        [f"code {i}" for i in range(60)],
        ["a b c", 1.0] * 30,
        ["? ! ?" + " ?" * i for i in range(60)],
    ],
    ids=["repeated", "one word", "two words", "mixed", "no words"],
)
def test_strings_that_are_no_texts_stay_categories(values):
    assert kinds(values) == ["category"]


LEVELS = [f"one of many {i}" for i in range(60)]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"c": pd.Categorical(LEVELS)}),
        pl.DataFrame({"c": pl.Series(LEVELS, dtype=pl.Categorical)}),
        pl.DataFrame({"c": pl.Series(LEVELS, dtype=pl.Enum(LEVELS))}),
        pa.table({"c": pa.array(LEVELS).dictionary_encode()}),
    ],
    ids=["pandas", "polars", "enum", "pyarrow"],
)
def test_a_declared_category_stays_one(table):
    assert [column.kind for column in TableEncoder().fit(table).columns_] == [
        "category"
    ]


def test_a_gap_in_a_dictionary_of_pyarrow_stays_one():
    table = pa.table({"c": pa.array(["x", None, "x", "y"]).dictionary_encode()})
    inputs = TableEncoder().fit(table).to_inputs(table)
    assert inputs["categorical"][:, 0].tolist() == ["x", "", "x", "y"]


def test_texts_are_known_by_their_words(docstrings):
    assert kinds(docstrings[0]["doc"]) == ["text"]
    assert kinds(["the only text"]) == ["text"]


def test_few_rows_are_encoded_as_many_are(docstrings, tmp_path, monkeypatch):
    table = docstrings[0].assign(kind=docstrings[1])
    encoder, stored = TableEncoder().fit(table), []
    for few in (len(table), len(table) - 1):
        monkeypatch.setattr(encode, "FEW_ROWS", few)
        raw, encoded = tmp_path / f"raw{few}", tmp_path / f"encoded{few}"
        write_arrays(raw, [encoder.to_inputs(table)], len(table))
        encode_folder(encoder, False, raw, encoded)
        stored.append(open_arrays(encoded))
    at_once, compiled = stored
    assert set(at_once) == set(compiled) == set(encoder_inputs(encoder))
    for name, array in at_once.items():
        np.testing.assert_allclose(array, compiled[name], atol=1e-6)


def encoder_inputs(encoder):
    return encoder.facts(task="classification", n_outputs=2, n_rows=9).inputs


def test_a_bag_is_that_of_the_text_estimators(docstrings):
    table = docstrings[0].assign(again=docstrings[0]["doc"])
    encoder = TableEncoder().fit(table)
    arrays = run_batches(preprocessing_model(encoder, False), encoder.to_inputs(table))
    texts = table["doc"].fillna("").tolist()
    alone = TextEncoder().fit(texts)
    words, word_pairs, lengths = count_words(texts)
    alone.bags["ngrams"] = word_bag(words | word_pairs, lengths, 1, 5000)
    bag = run_batches(preprocessing_model(alone, False), alone.to_inputs(texts))
    width, size = alone.bags["ngrams"].kept, len(alone.bags["ngrams"].idf)
    np.testing.assert_array_equal(arrays["ngrams"][:, :width], bag["ngrams"])
    np.testing.assert_array_equal(arrays["ngrams"][:, width:], bag["ngrams"] + size)
    np.testing.assert_array_equal(
        arrays["ngrams_weights"][:, :width], bag["ngrams_weights"]
    )
    facts = encoder.facts(task="classification", n_outputs=3, n_rows=len(table))
    assert facts.n_ngrams == 2 * size
    assert facts.inputs["ngrams_weights"].shape == (2 * width,)


@pytest.mark.parametrize(
    "strings",
    [
        [None] * 45 + [f"the text of row {i}" for i in range(45)],
        ["\0 \0 \0"] * 45 + [f"the text of row {i}" for i in range(45)],
        # As a category in all rows, as text in each fold.
        [f"one of thirty {i}" for i in range(30)] * 3,
    ],
    ids=["one fold without texts", "one fold without words", "rarer in folds"],
)
def test_all_folds_agree_on_the_kinds_of_columns(strings):
    X, y = pd.DataFrame({"n": range(90), "doc": strings}), np.arange(90) % 2
    search = TabularSearchClassifier(cv=KFold(2), **QUICK).fit(X, y)
    assert [trial.status for trial in search.trials_] == ["completed"]


def test_the_dense_matrix_holds_the_most_frequent_ngrams(docstrings):
    table = docstrings[0][["doc"]]
    encoder = TableEncoder().fit(table)
    dense = run_batches(preprocessing_model(encoder, True), encoder.to_inputs(table))
    assert dense["features"].shape == (len(table), MAX_DENSE_NGRAMS)
    bag = run_batches(preprocessing_model(encoder, False), encoder.to_inputs(table))
    first = np.where(bag["ngrams"] < MAX_DENSE_NGRAMS + 2, bag["ngrams_weights"], 0)
    np.testing.assert_allclose(dense["features"].sum(1), first.sum(1), rtol=1e-5)


def test_a_model_learns_from_the_texts_of_a_table(docstrings, tmp_path):
    X, y = docstrings
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    search = TabularSearchClassifier(**QUICK).fit(X_train, y_train)
    assert search.score(X_test, y_test) > 0.85
    search.export_model(tmp_path / "best.keras")
    code = (tmp_path / "best.md").read_text().split("```")[1].removeprefix("python")
    names: dict = {}
    with contextlib.chdir(tmp_path):
        exec(code, names)
    outputs = names["predict"](X_test)
    np.testing.assert_allclose(outputs, search.predict_proba(X_test), atol=1e-5)
