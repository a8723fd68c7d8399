"""Columns of free text beside others in a table."""

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from skautonas import TabularSearchClassifier
from skautonas.data.encode import preprocessing_model, run_batches
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
        pd.Categorical([f"one of many {i}" for i in range(60)]),
        ["a b c", 1.0] * 30,
        ["? ! ?" + " ?" * i for i in range(60)],
    ],
    ids=["repeated", "one word", "two words", "declared", "mixed", "no words"],
)
def test_strings_that_are_no_texts_stay_categories(values):
    assert kinds(values) == ["category"]


def test_texts_are_known_by_their_words(docstrings):
    assert kinds(docstrings[0]["doc"]) == ["text"]
    assert kinds(["the only text"]) == ["text"]


def test_a_bag_is_that_of_the_text_estimators(docstrings):
    table = docstrings[0].assign(again=docstrings[0]["doc"])
    encoder = TableEncoder().fit(table)
    arrays = run_batches(preprocessing_model(encoder, False), encoder.to_inputs(table))
    texts = table["doc"].fillna("").tolist()
    alone = TextEncoder(max_ngrams=5000).fit(texts)
    bag = run_batches(preprocessing_model(alone, False), alone.to_inputs(texts))
    width, size = alone.ngrams_per_text, len(alone.idf)
    np.testing.assert_array_equal(arrays["ngrams"][:, :width], bag["ngrams"])
    np.testing.assert_array_equal(arrays["ngrams"][:, width:], bag["ngrams"] + size)
    np.testing.assert_array_equal(arrays["weights"][:, :width], bag["weights"])
    facts = encoder.facts(task="classification", n_outputs=3, n_rows=len(table))
    assert facts.n_ngrams == 2 * size
    assert facts.inputs["weights"].shape == (2 * width,)


def test_the_dense_matrix_holds_the_most_frequent_ngrams(docstrings):
    table = docstrings[0][["doc"]]
    encoder = TableEncoder().fit(table)
    dense = run_batches(preprocessing_model(encoder, True), encoder.to_inputs(table))
    assert dense["features"].shape == (len(table), MAX_DENSE_NGRAMS)
    bag = run_batches(preprocessing_model(encoder, False), encoder.to_inputs(table))
    first = np.where(bag["ngrams"] < MAX_DENSE_NGRAMS, bag["weights"], 0)
    np.testing.assert_allclose(dense["features"].sum(1), first.sum(1), rtol=1e-5)


def test_a_model_learns_from_the_texts_of_a_table(docstrings, tmp_path):
    X, y = docstrings
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    search = TabularSearchClassifier(**QUICK).fit(X_train, y_train)
    assert search.score(X_test, y_test) > 0.85
    search.export_model(tmp_path / "best.keras")
    model = keras.saving.load_model(tmp_path / "best.keras")
    names: dict = {}
    exec(TableEncoder().fit(X_train).snippet(), names)
    outputs = model(names["to_inputs"](X_test)).numpy()
    np.testing.assert_allclose(outputs, search.predict_proba(X_test), atol=1e-5)
