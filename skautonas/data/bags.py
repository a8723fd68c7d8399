"""Bags of n-grams: which terms count, and how much each of them."""

import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

# Padding and unknown terms.
SPECIALS = 2
# Of a corpus of so many texts, terms of one text are left out: they cannot generalise.
MIN_DOCUMENTS = 2
TINY_CORPUS = 2000
# Sizes of the vocabularies, special ids included. Google's guide to text
# classification (https://developers.google.com/machine-learning/guides) keeps the
# top 20 000 features; word pairs need some more room than words.
MAX_NGRAMS, MAX_CHARACTER_NGRAMS = 30_000, 15_000
# Characters of an n-gram: that of four is most of a word's stem (docs/design/0013).
CHARACTERS = (2, 3, 4)
# Stands for the terms where there are none.
UNUSED = "\x1aunused"
# Terms of a text that are read, and of these the heaviest ones, which are kept.
READ_QUANTILE, MOST_READ, LEAST_KEPT = 0.99, 2048, 4
MOST_WORDS_KEPT, MOST_CHARACTERS_KEPT = 1024, 192
# An int32 id and a float32 weight, and all texts in one bag.
BYTES_PER_TERM, MAX_BAG_BYTES = 8, 1_000_000_000
# Texts of at most so many characters on average have bags of characters: in long ones
# words say it all, and there are too many n-grams of characters to a text.
SHORT_TEXT = 256
# Of texts with more characters, some tell how often n-grams of characters occur: so
# many are counted in one to three seconds.
COUNTED_CHARACTERS = 1_000_000
_PUNCTUATION = string.punctuation.encode()


@dataclass(frozen=True, slots=True)
class Bag:
    """What is known of the n-grams of a corpus.

    Parameters
    ----------
    split, standardize : str
        What an n-gram is made of, and what is done to a text before, as Keras'
        ``TextVectorization`` names them.
    lengths : tuple of int
        Tokens in an n-gram.
    terms : list of str
        N-grams, tokens joined by spaces, by falling document frequency; the first
        one has id 2.
    idf : ndarray of shape (2 + len(terms),), float32
        Smoothed inverse document frequency by id; 0 for padding and unknown.
    read : int
        N-grams of a text that are read, known or not; of a longer text the longest
        n-grams are left out first.
    kept : int
        The heaviest of them, which the bag holds.
    size : int
        Ids that a model has room for: those of the terms, or more.
    """

    split: Literal["whitespace", "character"]
    standardize: Literal["lower", "lower_and_strip_punctuation"]
    lengths: tuple[int, ...]
    terms: list[str]
    idf: np.ndarray
    read: int
    kept: int
    size: int

    def with_room_for(self, others: Iterable["Bag"]) -> "Bag":
        """Return this bag with as many ids, and of a text, as the largest of others."""
        sizes = ((bag.read, bag.kept, bag.size) for bag in others)
        read, kept, size = (max(each) for each in zip(*sizes, strict=True))
        return replace(self, read=read, kept=kept, size=size)


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


def count_words(texts: np.ndarray) -> tuple[Counter, Counter, np.ndarray]:
    """Return in how many texts each word and each pair is, and words by text."""
    words: Counter[bytes] = Counter()
    word_pairs: Counter[bytes] = Counter()
    lengths = np.empty(len(texts), dtype=np.int64)
    for row, text in enumerate(texts):
        tokens = tokenize(text)
        lengths[row] = len(tokens)
        words.update(distinct_terms(tokens))
        word_pairs.update(distinct_terms(pairs(tokens)))
    return words, word_pairs, lengths


def word_bag(
    counts: Counter,
    lengths: np.ndarray,
    min_documents: int,
    max_terms: int = MAX_NGRAMS,
) -> Bag:
    """Return the bag of words and word pairs.

    Parameters
    ----------
    counts : Counter of bytes
        In how many texts each of them is.
    lengths : ndarray of int, shape (n,)
        Number of words of each text.
    min_documents : int
        Those of fewer texts are left out.
    max_terms : int, default=30_000
        Size of the vocabulary, special ids included.
    """
    read = 2 * lengths - 1
    terms = _frequent(counts, min_documents, max_terms)
    sizes = (*_sizes(read, len(lengths), MOST_WORDS_KEPT), SPECIALS + len(terms))
    weighed = _weighed(terms, len(lengths))
    return Bag("whitespace", "lower_and_strip_punctuation", (1, 2), *weighed, *sizes)


def character_bag(texts: np.ndarray, min_documents: int) -> Bag:
    """Return the bag of sequences of characters, punctuation and spaces included."""
    total = sum(min(len(text), MOST_READ) for text in texts)
    counted = texts[:: max(1, -(-total // COUNTED_CHARACTERS))]
    counts: Counter[str] = Counter()
    lengths = np.empty(len(counted), dtype=np.int64)
    for row, text in enumerate(counted):
        # More n-grams than characters are never read.
        characters = text[:MOST_READ].encode(errors="ignore").lower().decode()
        lengths[row] = len(characters)
        distinct: set[str] = set()
        for length in CHARACTERS:
            ends = range(length, len(characters) + 1)
            distinct.update(characters[end - length : end] for end in ends)
        counts.update(distinct)
    joined = {
        " ".join(term).encode(): count
        for term, count in counts.items()
        if count >= min_documents and not term.endswith("\0")
    }
    terms = _frequent(Counter(joined), min_documents, MAX_CHARACTER_NGRAMS)
    read = len(CHARACTERS) * lengths - sum(CHARACTERS) + len(CHARACTERS)
    sizes = (*_sizes(read, len(texts), MOST_CHARACTERS_KEPT), SPECIALS + len(terms))
    weighed = _weighed(terms, len(counted))
    return Bag("character", "lower", CHARACTERS, *weighed, *sizes)


def are_short(texts: np.ndarray) -> bool:
    """Tell whether texts are worth a bag of characters."""
    return sum(map(len, texts)) <= SHORT_TEXT * len(texts)


def distinct_terms(tokens: Iterable[bytes]) -> set[bytes]:
    """Return the distinct terms that a vocabulary can hold.

    Keras keeps it in an array of numpy, which drops the NULs at the end of a string.
    """
    return {token for token in tokens if not token.endswith(b"\0")}


def most_frequent(counts: Counter, minimum: int, size: int) -> list[tuple[str, int]]:
    """Return the terms of at least ``minimum`` texts, the most frequent ones first.

    Ties are broken by the alphabet, so that equal data give equal ids.
    """
    offered = [item for item in counts.items() if item[1] >= minimum]
    if not offered and minimum > 1:
        return most_frequent(counts, 1, size)
    offered.sort(key=lambda item: (-item[1], item[0]))
    return [(term.decode(), count) for term, count in offered[: size - SPECIALS]]


def _frequent(counts: Counter, minimum: int, size: int) -> list[tuple[str, int]]:
    return most_frequent(counts, minimum, size) or [(UNUSED, 0)]


def least_documents(n_texts: int) -> int:
    """Return in how many of so many texts a term must be."""
    return MIN_DOCUMENTS if n_texts >= TINY_CORPUS else 1


def _weighed(
    terms: list[tuple[str, int]], n_texts: int
) -> tuple[list[str], np.ndarray]:
    """Return the terms, and the inverse document frequency by id."""
    frequencies = np.array([count for _, count in terms], dtype=np.float64)
    idf = np.log((1 + n_texts) / (1 + frequencies)) + 1
    padded = np.concatenate([np.zeros(SPECIALS), idf]).astype(np.float32)
    return [term for term, _ in terms], padded


def _sizes(terms: np.ndarray, n_texts: int, most: int) -> tuple[int, int]:
    """Return how many terms of a text are read, and how many of them are kept."""
    read = cover(terms, READ_QUANTILE, MOST_READ)
    fit = max(MAX_BAG_BYTES // BYTES_PER_TERM // n_texts, LEAST_KEPT)
    return read, min(read, most, fit)


def cover(lengths: np.ndarray, quantile: float, largest: int) -> int:
    """Return a length that covers ``quantile`` of the lengths, within bounds."""
    covering = int(np.ceil(np.quantile(lengths, quantile)))
    return max(min(covering, largest), LEAST_KEPT)
