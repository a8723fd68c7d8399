"""Texts: validation, tokenization, vocabularies and tf-idf weights."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from skautonas.data.bags import (
    COUNTED_CHARACTERS,
    are_short,
    character_bag,
    pairs,
    tokenize,
)
from skautonas.data.encode import run_batches
from skautonas.data.texts import TextEncoder, to_inputs

ODD_TEXTS = [
    "",
    "   \t\n",
    "!!! ... ?",
    "ÉCOLE Straße\u00a0x \u2003y 日本語 テキスト\uff01 😀",
    "line\u2028separator next\x85line \x1c",
    "nul\0byte",
    "the " * 10_000,
]


def docstrings() -> list[str]:
    """Return the docstrings of numpy's functions: a few hundred real texts."""
    texts = {str(getattr(np, name).__doc__) for name in dir(np)}
    return sorted(text[:2_000] for text in texts if len(text) > 100)


def analyze(text: str) -> list[str]:
    words = tokenize(text)
    return [term.decode() for term in [*words, *pairs(words)]]


def analyze_characters(text: str) -> list[str]:
    clean = text.encode().lower().decode()
    starts = range(len(clean))
    return [
        " ".join(clean[start : start + n])
        for n in (2, 3, 4)
        for start in starts[: max(0, len(clean) - n + 1)]
    ]


ANALYZERS = {"ngrams": analyze, "characters": analyze_characters}


@pytest.fixture(scope="module")
def texts():
    return docstrings()


@pytest.fixture(scope="module")
def encoder(texts):
    return TextEncoder(characters=True).fit(texts + ODD_TEXTS[:5])


@pytest.fixture(scope="module")
def preprocessing(encoder):
    return encoder.preprocessing()


def encode(model, texts):
    import tensorflow as tf

    encoded = model({"text": tf.constant(np.asarray(texts, dtype=object))})
    return {name: np.asarray(array) for name, array in encoded.items()}


@pytest.mark.parametrize(
    "X",
    [
        ["one", "two words"],
        ("one", "two words"),
        np.array(["one", "two words"]),
        np.array(["one", "two words"], dtype=object),
        np.array([["one"], ["two words"]], dtype=object),
        pd.Series(["one", "two words"], index=[7, 3]),
        pd.Series(["one", "two words"], dtype="category"),
        pl.Series(["one", "two words"]),
    ],
    ids=lambda X: type(X).__module__,
)
def test_sequences_of_str_are_taken(X):
    inputs = to_inputs(X)
    assert list(inputs) == ["text"]
    assert inputs["text"].dtype == object
    assert inputs["text"].tolist() == ["one", "two words"]


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("text", TypeError, r"received one str\. Pass \[text\]"),
        (b"text", TypeError, "received one bytes"),
        (3, TypeError, "received int"),
        ([], ValueError, "received an empty X"),
        (["a", 3], TypeError, r"int at position 1: 3\. Pass \[str\(text\)"),
        (["a", "b", None], TypeError, "NoneType at position 2.*empty strings"),
        ([float("nan"), "b"], TypeError, "float at position 0.*empty strings"),
        (pd.Series(["a", pd.NA]), TypeError, r'position 1.*X\.fillna\(""\)'),
        ([b"a"], TypeError, r"bytes at position 0.*decode"),
        (["a", "\ud800"], ValueError, "lone surrogate at position 1"),
        (np.array([["a", "b"]]), ValueError, r"X\.shape=\(1, 2\).*df\[\"column\"\]"),
        (pd.DataFrame({"t": ["a"], "u": ["b"]}), ValueError, r"df\[\"t\"\]"),
        (pl.DataFrame({"t": ["a"], "u": ["b"]}), ValueError, r"\['t', 'u'\]"),
    ],
)
def test_refusals_teach(X, error, message):
    with pytest.raises(error, match=message):
        to_inputs(X)


def test_texts_without_words_are_refused():
    with pytest.raises(ValueError, match="punctuation and white space only"):
        TextEncoder().fit(["!", " "])


def test_snippet_needs_numpy_alone():
    scope: dict = {}
    exec(TextEncoder().snippet(), scope)
    assert scope["to_inputs"](["a"])["text"].tolist() == ["a"]


def test_importing_does_not_import_tensorflow():
    code = "import sys, skautonas.data.texts; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_vocabularies_are_ordered_by_document_frequency():
    encoder = TextEncoder().fit(["b a", "B! c", "b c", "d"])
    assert encoder.words == ["b", "c", "a", "d"]
    bag = encoder.bags["ngrams"]
    assert bag.terms[:2] == ["b", "b c"] or bag.terms[:2] == ["b", "c"]
    assert bag.idf[:2].tolist() == [0.0, 0.0]
    assert bag.idf[2] == pytest.approx(np.log(5 / 4) + 1)


def test_ngrams_of_one_text_are_dropped_from_large_corpora():
    encoder = TextEncoder(min_documents=2).fit(["common words"] * 2000 + ["rare"])
    assert sorted(encoder.bags["ngrams"].terms) == ["common", "common words", "words"]
    assert "rare" in encoder.words


def test_facts_describe_the_arrays(encoder, preprocessing):
    facts = encoder.facts(task="classification", n_outputs=3, n_rows=10)
    encoded = encode(preprocessing, ["one text", "another"])
    assert {
        name: (array.shape[1:], array.dtype.name) for name, array in encoded.items()
    } == {name: (spec.shape, spec.dtype) for name, spec in facts.inputs.items()}
    assert facts.n_words == 2 + len(encoder.words)
    for name, bag in encoder.bags.items():
        assert facts.bags[name] == 2 + len(bag.terms) == len(bag.idf)


@pytest.mark.parametrize("name", ["ngrams", "characters"])
def test_weights_equal_scikit_learn(name, texts, encoder, preprocessing):
    """The heaviest n-grams of each text, that is."""
    bag, analyze = encoder.bags[name], ANALYZERS[name]
    fitted_on = texts + ODD_TEXTS[:5]
    reference = TfidfVectorizer(
        sublinear_tf=True, analyzer=analyze, vocabulary=bag.terms
    ).fit(fitted_on)
    most = 600 if name == "characters" else None
    tested = [text[:most] for text in [*texts, *ODD_TEXTS[:6], "the the the cat"]]
    tested = [text for text in tested if len(analyze(text)) <= bag.read]
    assert len(tested) > 100
    encoded = encode(preprocessing, tested)
    dense = np.zeros((len(tested), len(bag.idf)))
    rows = np.arange(len(tested))[:, None]
    np.add.at(dense, (rows, encoded[name]), encoded[f"{name}_weights"])
    expected = reference.transform(tested).toarray()
    least = -np.sort(-expected, axis=1)[:, [bag.kept]]
    assert (least > 0).any() == (name == "characters"), "not all of all texts are kept"
    # Which of equal ones are kept is not told.
    told = np.abs(expected - least) > 1e-5
    expected[expected < least] = 0
    np.testing.assert_allclose(dense[:, 2:][told], expected[told], atol=1e-5)
    assert not dense[:, :2].any()
    if name == "ngrams":  # of which all are kept
        assert (np.diff(encoded[name], axis=1) >= 0).all()


def test_as_many_texts_as_ngrams_are_weighed_as_others(texts, encoder, preprocessing):
    some = [text for text in texts if len(text) < 300][:1] * encoder.bags["ngrams"].read
    square = encode(preprocessing, some)["ngrams_weights"]
    alone = encode(preprocessing, some[:1])["ngrams_weights"]
    np.testing.assert_allclose(square, np.repeat(alone, len(some), axis=0))
    np.testing.assert_allclose(np.linalg.norm(square, axis=1), 1.0, rtol=1e-5)


def test_words_equal_the_tokens(encoder, preprocessing, texts):
    tested = [*texts[:50], *ODD_TEXTS]
    words = encode(preprocessing, tested)["words"]
    ids = {word: 2 + rank for rank, word in enumerate(encoder.words)}
    for row, text in zip(words, tested, strict=True):
        expected = [ids.get(word.decode(), 1) for word in tokenize(text)]
        expected = expected[: encoder.length]
        assert row.tolist() == expected + [0] * (encoder.length - len(expected))


def test_odd_texts_give_finite_weights(encoder, preprocessing):
    encoded = encode(preprocessing, ODD_TEXTS)
    for name in encoder.bags:
        assert np.isfinite(encoded[f"{name}_weights"]).all()
    for name in ("words", "ngrams", "ngrams_weights"):
        assert not encoded[name][:3].any()


def test_batches_do_not_mix(preprocessing, texts):
    together, alone = (
        run_batches(preprocessing, {"text": np.array(some, dtype=object)})
        for some in (texts[:20], texts[11:12])
    )
    for name in together:
        np.testing.assert_array_equal(together[name][11:12], alone[name])


@pytest.mark.parametrize("batch", [None, 8])
def test_preprocessing_traces(preprocessing, texts, batch):
    import tensorflow as tf

    spec = tf.TensorSpec((batch,), tf.string)
    traced = tf.function(lambda text: preprocessing({"text": text}), [spec])
    expected = encode(preprocessing, texts[:8])
    encoded = traced(tf.constant(texts[:8]))
    for name in expected:
        np.testing.assert_allclose(encoded[name], expected[name], rtol=1e-6)


def test_preprocessing_survives_saving(preprocessing, texts, tmp_path):
    import keras

    preprocessing.save(tmp_path / "text.keras")
    loaded = keras.saving.load_model(tmp_path / "text.keras", safe_mode=True)
    tested = texts[:20] + ODD_TEXTS
    expected, encoded = encode(preprocessing, tested), encode(loaded, tested)
    for name in expected:
        np.testing.assert_array_equal(encoded[name], expected[name])


def test_encoder_pickles(encoder):
    copied = pickle.loads(pickle.dumps(encoder))
    assert copied.words == encoder.words
    assert copied.facts(task="regression", n_outputs=1, n_rows=5) == encoder.facts(
        task="regression", n_outputs=1, n_rows=5
    )


def test_words_that_end_with_nul_are_unknown():
    texts = ["a\0 b", "b \0", "b"] * 9
    encoder = TextEncoder().fit(texts)
    assert encoder.words == ["b"]
    inputs = {"text": np.array(texts, dtype=object)}
    words = run_batches(encoder.preprocessing(), inputs)["words"]
    assert words[0].tolist() == [1, 2, 0, 0]


def test_a_corpus_without_any_sequence_of_characters_has_an_empty_bag():
    encoder = TextEncoder(characters=True).fit(["a", "b", "a"])
    texts = np.array(["a", "a b", ""], dtype=object)
    encoded = run_batches(encoder.preprocessing(), {"text": texts})
    assert not encoded["characters_weights"].any()
    assert encoded["ngrams_weights"].any(axis=1).tolist() == [True, True, False]


def test_bags_of_characters_are_for_short_texts():
    assert are_short(np.array(["a" * 50, "b" * 500, "c"]))
    assert not are_short(np.array(["a" * 50, "b" * 5000, "c"]))


def test_many_texts_are_counted_in_part():
    texts = np.array([f"text {i % 10}" for i in range(200_000)], dtype=object)
    assert len(texts) * 6 > COUNTED_CHARACTERS
    bag = character_bag(texts, 2)
    assert bag.idf[2] == pytest.approx(1, abs=1e-4)
    assert "t e x" in bag.terms


def test_a_giant_text_is_counted_up_to_what_is_read():
    texts = np.array(["x y z" * 10_000_000, *["short"] * 3000], dtype=object)
    bag = character_bag(texts, 2)
    assert "s h o" in bag.terms
    assert "x   y" not in bag.terms, "of one text of many"
    assert bag.read < 20


def test_sequences_that_end_with_nul_are_unknown():
    texts = np.array(["ab\0", "ab"], dtype=object)
    bag = character_bag(texts, 1)
    assert bag.terms == ["a b"]
    encoder = TextEncoder(characters=True).fit(texts)
    weights = run_batches(encoder.preprocessing(), {"text": texts})
    assert (weights["characters_weights"] > 0).sum(axis=1).tolist() == [1, 1]
