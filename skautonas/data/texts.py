"""Texts to ids of words and to weighted ids of n-grams."""

import inspect
import statistics
from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Self

from skautonas.data.bags import (
    SPECIALS,
    character_bag,
    count_words,
    cover,
    most_frequent,
    word_bag,
)

if TYPE_CHECKING:
    from skautonas.data.encoder import Arrays
    from skautonas.data.facts import Task, TextFacts

PADDING, UNKNOWN = 0, 1
# Of words, special ids included; the size of Google's guide, as that of n-grams.
MAX_WORDS = 20_000
LENGTH_QUANTILE, MAX_LENGTH = 0.95, 256


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


class TextEncoder:
    """Encodes texts as sequences of words and as tf-idf weighted bags of n-grams.

    One bag holds words and word pairs, another one, of short texts, sequences of
    characters. Weights equal those of scikit-learn's
    ``TfidfVectorizer(sublinear_tf=True)`` over the same n-grams [1]_, stored
    sparsely: ids beside the weight of each.

    Parameters
    ----------
    characters : bool, default=False
        Whether there is a bag of characters.
    min_documents : int, default=1
        N-grams of fewer training texts are unknown, where there are others.

    Attributes
    ----------
    words : list of str
        Known words by falling document frequency; the first has id 2.
    n_words : int
        Ids that a model has room for: those of the words, or more.
    length : int
        Words a text is padded or cut to.
    median_words : float
        Words of a usual text.
    bags : dict of str to Bag
        "ngrams" of words, and "characters".

    References
    ----------
    .. [1] Manning, Raghavan and Schuetze (2008), Introduction to Information
       Retrieval, section 6.4.
    """

    def __init__(self, characters: bool = False, min_documents: int = 1) -> None:
        self.characters = characters
        self.min_documents = min_documents

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
        words, word_pairs, lengths = count_words(texts)
        if not words:
            raise ValueError(
                f"Expected texts with words; received {len(texts)} texts of "
                "punctuation and white space only. Pass texts that hold a word."
            )
        self.words = [word for word, _ in most_frequent(words, 1, MAX_WORDS)]
        self.n_words = SPECIALS + len(self.words)
        self.length = cover(lengths, LENGTH_QUANTILE, MAX_LENGTH)
        self.median_words = statistics.median(lengths.tolist())
        minimum = self.min_documents
        self.bags = {"ngrams": word_bag(words | word_pairs, lengths, minimum)}
        if self.characters:
            self.bags["characters"] = character_bag(texts, minimum)
        return self

    def with_room_for(self, others: Sequence[Self]) -> Self:
        """Return an encoder with room for the texts and vocabularies of all.

        Parameters
        ----------
        others : sequence of TextEncoder
            Fitted, this one among them.
        """
        wider = copy(self)
        for name in ("length", "median_words", "n_words"):
            setattr(wider, name, max(getattr(other, name) for other in others))
        wider.bags = {
            name: bag.with_room_for(other.bags[name] for other in others)
            for name, bag in self.bags.items()
        }
        return wider

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

        inputs = {"words": TensorSpec((self.length,), "int32")}
        for name, bag in self.bags.items():
            inputs |= bag_specs(name, bag.kept)
        return TextFacts(
            task=task,
            n_outputs=n_outputs,
            n_rows=n_rows,
            inputs=inputs,
            n_words=self.n_words,
            median_words=self.median_words,
            bags={name: bag.size for name, bag in self.bags.items()},
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
