"""Texts to ids of words and to weighted ids of n-grams."""

import inspect
import math
import string
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from skautonas.data.encoder import Arrays
    from skautonas.data.facts import Task, TextFacts

PADDING, UNKNOWN = 0, 1
SPECIALS = 2
# Sizes of the vocabularies, special ids included. Google's guide to text
# classification (https://developers.google.com/machine-learning/guides) keeps the
# top 20 000 features; word pairs need some more room than words.
MAX_WORDS = 20_000
MAX_NGRAMS = 30_000
# An n-gram seen in one text only cannot generalise, unless there are few texts.
MIN_DOCUMENTS = 2
TINY_CORPUS = 2000
LENGTH_QUANTILE, MIN_LENGTH, MAX_LENGTH = 0.95, 4, 256
NGRAMS_QUANTILE, MAX_NGRAMS_PER_TEXT = 0.99, 2048
# An int32 id and a float32 weight.
BYTES_PER_NGRAM, MAX_NGRAM_BYTES = 8, 1_000_000_000
_PUNCTUATION = string.punctuation.encode()


def to_inputs(X):
    """Return {"text": array of shape (n,)} for n texts, as the model takes them."""
    import numpy as np

    if isinstance(X, str | bytes):
        raise TypeError(
            f"Expected a list or array of texts; received one {type(X).__name__}. "
            "Pass [text]."
        )
    names = []
    if hasattr(X, "columns"):
        names = list(getattr(X, "column_names", X.columns))
    if len(names) > 1:
        raise ValueError(
            "Expected a list or a single column of texts; received a table with "
            f"columns {names}. Pass one column, as in "
            f'df["{names[0]}"].'
        )
    texts = np.asarray(X, dtype=object)
    if texts.ndim == 2 and texts.shape[1] == 1:
        texts = texts[:, 0]
    if texts.ndim == 0:
        raise TypeError(
            f"Expected a list or array of texts; received {type(X).__name__}. "
            "Pass list(X), or one column of a table."
        )
    if texts.ndim > 1:
        raise ValueError(
            f"Expected texts of shape (n,); received X.shape={texts.shape}. Pass one "
            'column, as in df["column"], or join them: [" ".join(row) for row in X].'
        )
    if len(texts) == 0:
        raise ValueError(
            "Expected at least one text; received an empty X. Pass one text a row."
        )
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            kind = type(text).__name__
            missing = kind in ("NoneType", "NAType", "float")
            mend = "[str(text) for text in X]"
            if isinstance(text, list | tuple):
                mend = '[" ".join(tokens) for tokens in X]'
            if missing:
                fills = hasattr(X, "fillna")
                mend = 'X.fillna("")' if fills else "empty strings in their place"
            if isinstance(text, bytes):
                mend = "[text.decode() for text in X]"
            raise TypeError(
                f"Expected every text to be a str; received {kind} at position "
                f"{position}: {text!r:.50}. Pass {mend}."
            )
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"Expected valid Unicode; received a lone surrogate at position "
                f'{position}. Pass text.encode("utf-8", "replace").decode().'
            ) from error
    return {"text": texts}


def tokenize(text: str) -> list[bytes]:
    """Split a text as Keras' ``TextVectorization`` does by default.

    On bytes: only ASCII letters are lowered, only ASCII punctuation and white space
    count as such. Lone surrogates are left out.

    Examples
    --------
    >>> tokenize("It's a test!")
    [b'its', b'a', b'test']
    """
    return text.encode(errors="ignore").lower().translate(None, _PUNCTUATION).split()


def pairs(words: list[bytes]) -> Iterable[bytes]:
    """Return the word pairs of a text, each joined by a space."""
    return map(b" ".join, pairwise(words))


class TextEncoder:
    """Encodes texts as sequences of words and as tf-idf weighted bags of n-grams.

    The bag holds words and word pairs. Its weights equal those of scikit-learn's
    ``TfidfVectorizer(sublinear_tf=True)`` over the same n-grams [1]_, stored
    sparsely: the sorted ids of a text beside the weight of each.

    Parameters
    ----------
    max_ngrams : int, default=30_000
        Size of the vocabulary of n-grams, special ids included.

    Attributes
    ----------
    words : list of str
        Known words by falling document frequency; the first has id 2.
    ngrams : list of str
        Known words and word pairs, likewise.
    idf : ndarray of shape (2 + len(ngrams),), float32
        Smoothed inverse document frequency by id; 0 for padding and unknown.
    length : int
        Words a text is padded or cut to.
    ngrams_per_text : int
        N-grams a text is padded or cut to.

    References
    ----------
    .. [1] Manning, Raghavan and Schuetze (2008), Introduction to Information
       Retrieval, section 6.4.
    """

    def __init__(self, max_ngrams: int = MAX_NGRAMS) -> None:
        self.max_ngrams = max_ngrams

    def fit(self, X: Any) -> Self:
        """Learn vocabularies, document frequencies and lengths.

        Parameters
        ----------
        X : list, array or Series of str, of length n
            Training texts.

        Raises
        ------
        TypeError, ValueError
            Where X is not a sequence of texts, or holds no word at all.
        """
        texts = self.to_inputs(X)["text"]
        words: Counter[bytes] = Counter()
        word_pairs: Counter[bytes] = Counter()
        lengths = np.empty(len(texts), dtype=np.int64)
        for row, text in enumerate(texts):
            tokens = tokenize(text)
            lengths[row] = len(tokens)
            words.update(distinct_terms(tokens))
            word_pairs.update(distinct_terms(pairs(tokens)))
        if not words:
            raise ValueError(
                f"Expected texts with words; received {len(texts)} texts of "
                "punctuation and white space only. Pass texts that hold a word."
            )
        minimum = MIN_DOCUMENTS if len(texts) >= TINY_CORPUS else 1
        ngrams = _most_frequent(words | word_pairs, minimum, self.max_ngrams)
        frequencies = np.array([count for _, count in ngrams], dtype=np.float64)
        idf = np.log((1 + len(texts)) / (1 + frequencies)) + 1
        self.words = [word for word, _ in _most_frequent(words, 1, MAX_WORDS)]
        self.ngrams = [ngram for ngram, _ in ngrams]
        self.idf = np.concatenate([np.zeros(SPECIALS), idf]).astype(np.float32)
        self.length = _cover(lengths, LENGTH_QUANTILE, MAX_LENGTH)
        self.ngrams_per_text = _cover(
            2 * lengths - 1,
            NGRAMS_QUANTILE,
            min(MAX_NGRAMS_PER_TEXT, MAX_NGRAM_BYTES // BYTES_PER_NGRAM // len(texts)),
        )
        return self

    def facts(self, *, task: "Task", n_outputs: int, n_rows: int) -> "TextFacts":
        """Return what a search space must know of the encoded arrays.

        Parameters
        ----------
        task : {"classification", "multilabel", "regression"}
            What the model predicts.
        n_outputs : int
            Number of classes, or of target columns.
        n_rows : int
            Number of training rows.
        """
        from skautonas.data.facts import TensorSpec, TextFacts, bag_specs

        return TextFacts(
            task=task,
            n_outputs=n_outputs,
            n_rows=n_rows,
            inputs={"words": TensorSpec((self.length,), "int32")}
            | bag_specs(self.ngrams_per_text),
            n_words=SPECIALS + len(self.words),
            n_ngrams=SPECIALS + len(self.ngrams),
        )

    def to_inputs(self, X: Any) -> "Arrays":
        """Return the raw input tensor of the model: ``{"text": array of shape (n,)}``.

        Parameters
        ----------
        X : list, array or Series of str, of length n
            Texts; an array of shape (n, 1) is taken as well.

        Raises
        ------
        TypeError, ValueError
            For a single text, elements that are not str, tables, and an empty X.
        """
        return to_inputs(X)

    def snippet(self) -> str:
        """Return Python source that defines ``to_inputs(X)`` with numpy alone."""
        return inspect.getsource(to_inputs)

    def preprocessing(self) -> Any:
        """Return the Keras model from texts to words, n-grams and their weights."""
        from skautonas.data.text_layers import text_preprocessing

        return text_preprocessing(self)


def distinct_terms(tokens: Iterable[bytes]) -> set[bytes]:
    """Return the distinct terms that a vocabulary can hold.

    Keras keeps it in an array of numpy, which drops the NULs at the end of a string.
    """
    return {token for token in tokens if not token.endswith(b"\0")}


def _most_frequent(
    documents: Counter[bytes], minimum: int, size: int
) -> list[tuple[str, int]]:
    """Return the terms of at least ``minimum`` texts, the most frequent ones first.

    Ties are broken by the alphabet, so that equal data give equal ids.
    """
    offered = [item for item in documents.items() if item[1] >= minimum]
    if not offered:
        return _most_frequent(documents, 1, size)
    offered.sort(key=lambda item: (-item[1], item[0]))
    return [(term.decode(), count) for term, count in offered[: size - SPECIALS]]


def _cover(lengths: np.ndarray, quantile: float, largest: int) -> int:
    """Return a length that covers ``quantile`` of the lengths, within bounds."""
    covering = math.ceil(np.quantile(lengths, quantile))
    return int(max(min(covering, largest), MIN_LENGTH))
