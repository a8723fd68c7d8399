"""Generated data: a fit works, or says what is wrong with the data."""

import datetime
import warnings

import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from skautonas import (
    SearchFailedError,
    TabularSearchClassifier,
    TabularSearchRegressor,
    TextSearchClassifier,
)
from skautonas.space import TabularSpace, TextSpace

# No shrinking: an example costs a search.
examples = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
TINY = {"max_trials": 1, "max_epochs": 2, "time_budget": None, "random_state": 0}
TABLES = TabularSpace(architectures=("mlp",), units=(4, 8), layers=(1, 1))
TEXTS = TextSpace(encoders=("ngrams",))

numbers = (
    st.floats(width=32) | st.integers(-(10**6), 10**6) | st.sampled_from([0.0, 1.0])
)
words = st.text(max_size=8) | st.sampled_from(["a", "b", "ä", "nan", "1", "?"])
texts = st.lists(words, max_size=6).map(" ".join)
dates = st.datetimes(datetime.datetime(1680, 1, 1), datetime.datetime(2260, 1, 1))
durations = st.timedeltas(datetime.timedelta(-9999), datetime.timedelta(9999))
cells = {
    "numbers": numbers,
    "flags": st.booleans(),
    "words": words,
    "texts": texts,
    "dates": dates,
    "durations": durations,
    "anything": numbers | words | st.booleans() | dates,
}


@st.composite
def columns(draw, n_rows):
    kind = draw(st.sampled_from(sorted(cells)))
    values = cells[kind]
    if draw(st.booleans()):
        values = values | st.none()
    drawn = draw(st.lists(values, min_size=n_rows, max_size=n_rows))
    dtype = draw(st.sampled_from([None, object]))
    return pd.Series(drawn, dtype=dtype)


@st.composite
def tables(draw, n_rows):
    names = draw(st.lists(words.filter(bool), min_size=1, max_size=4, unique=True))
    return pd.DataFrame({name: draw(columns(n_rows)) for name in names})


@st.composite
def labels(draw, n_rows):
    kind = draw(st.sampled_from([numbers, st.booleans(), words, st.integers(-1, 2)]))
    few = draw(st.lists(kind, min_size=2, max_size=4, unique_by=str))
    return draw(st.permutations([few[i % len(few)] for i in range(n_rows)]))


sizes = st.integers(2, 40)


def refusal(search, X, y):
    """Fit and predict; return the words of a refusal, or "" where all went well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            search.fit(X, y)
        except SearchFailedError:
            raise
        except (ValueError, TypeError) as error:
            return str(error)
        predicted = search.predict(X)
    if len(predicted) != len(X):
        raise AssertionError(f"{len(predicted)} predictions of {len(X)} rows")
    return ""


# Of scikit-learn, and words of ours that its checks require.
KNOWN = (
    "Unknown label type",
    "Input y contains",
    "Input X contains",
    "Expected texts with words",
)


def assert_teaches(message):
    ours = "Expected" in message and "received" in message
    assert not message or ours or message.startswith(KNOWN), message


@examples
@given(st.data())
def test_any_table_with_any_labels(data):
    n_rows = data.draw(sizes)
    X, y = data.draw(tables(n_rows)), data.draw(labels(n_rows))
    assert_teaches(
        refusal(TabularSearchClassifier(space=TABLES, refit=False, **TINY), X, y)
    )


@examples
@given(st.data())
def test_any_table_with_any_values(data):
    n_rows = data.draw(sizes)
    X = data.draw(tables(n_rows))
    y = data.draw(st.lists(numbers, min_size=n_rows, max_size=n_rows))
    assert_teaches(refusal(TabularSearchRegressor(space=TABLES, **TINY), X, y))


@examples
@given(st.data())
def test_any_texts_with_any_labels(data):
    n_rows = data.draw(sizes)
    X = data.draw(st.lists(texts, min_size=n_rows, max_size=n_rows))
    y = data.draw(labels(n_rows))
    assert_teaches(
        refusal(TextSearchClassifier(space=TEXTS, refit=False, **TINY), X, y)
    )
