"""The search space of texts."""

from collections.abc import Callable
from typing import Any

import numpy as np

from skautonas.data.facts import TextFacts
from skautonas.space.base import Configuration, SearchSpace
from skautonas.space.chooser import Chooser
from skautonas.space.options import (
    check_fractions,
    check_names,
    check_rates,
    check_sizes,
    check_windows,
)
from skautonas.space.recipe import RecipeOptions
from skautonas.space.text_blocks import convolution, recurrent, transformer
from skautonas.space.text_combined import combined
from skautonas.space.text_ngrams import LOG_RATIOS, ngrams, spread_of_log_ratios
from skautonas.space.text_starts import (
    has_many_texts,
    starts_for,
    starts_of_words,
    text_recipe,
)

ENCODERS: dict[str, Callable] = {
    "ngrams": ngrams,
    "combined": combined,
    "convolution": convolution,
    "recurrent": recurrent,
    "transformer": transformer,
}

SHORTEST_LENGTH = 4
# Padding and unknown words take two entries.
SMALLEST_VOCABULARY = 3


class TextSpace(SearchSpace):
    """The search space of texts: encoders of words and of n-grams.

    Parameters
    ----------
    encoders : tuple of str, default=all
        The encoders that are searched, of "ngrams", "combined", "convolution",
        "recurrent", "transformer"; "combined" is convolutions beside n-grams.
    vocabulary_sizes : tuple of int, default=(1000, 2000, 5000, 10000, 20000)
        Words that the encoders of words know, the most frequent ones; sizes beyond
        the data's vocabulary are left out.
    ngram_vocabulary_sizes : tuple of int, default=(2000, 10000, 30000)
        Words and pairs in bags of n-grams, likewise; those of characters are always
        all known.
    length_fractions : tuple of float, default=(0.5, 1.0)
        Parts of the encoded length that are read.
    embedding_widths : tuple of int, default=(16, 32, 64, 128)
        Numbers a word or n-gram is described by.
    units : tuple of int, default=(64, 128, 256)
        Units of dense layers.
    recurrent_units : tuple of int, default=(16, 32, 64)
        Units of recurrent layers, in each direction.
    filters : tuple of int, default=(32, 64, 128)
        Filters of convolutions.
    kernel_sizes : tuple of int, default=(3, 5, 7)
        Words that a stacked convolution spans.
    windows : tuple of str, default=("3", "2-3-4", "3-4-5")
        Words that parallel convolutions span, joined by hyphens.
    heads : tuple of int, default=(2, 4)
        Attention heads; at most the smallest embedding width.
    dropout_rates : tuple of float, default=(0.0, 0.1, 0.2, 0.4, 0.6)
        Rates of all dropout layers.

    Raises
    ------
    ValueError
        For an empty option, an unknown encoder, and values out of range.
    """

    facts: TextFacts

    def __init__(
        self,
        *,
        encoders: tuple[str, ...] = tuple(ENCODERS),
        vocabulary_sizes: tuple[int, ...] = (1_000, 2_000, 5_000, 10_000, 20_000),
        ngram_vocabulary_sizes: tuple[int, ...] = (2_000, 10_000, 30_000),
        length_fractions: tuple[float, ...] = (0.5, 1.0),
        embedding_widths: tuple[int, ...] = (16, 32, 64, 128),
        units: tuple[int, ...] = (64, 128, 256),
        recurrent_units: tuple[int, ...] = (16, 32, 64),
        filters: tuple[int, ...] = (32, 64, 128),
        kernel_sizes: tuple[int, ...] = (3, 5, 7),
        windows: tuple[str, ...] = ("3", "2-3-4", "3-4-5"),
        heads: tuple[int, ...] = (2, 4),
        dropout_rates: tuple[float, ...] = (0.0, 0.1, 0.2, 0.4, 0.6),
    ) -> None:
        super().__init__()
        self.encoders = check_names("encoders", encoders, ENCODERS)
        self.vocabulary_sizes = check_sizes(
            "vocabulary_sizes", vocabulary_sizes, SMALLEST_VOCABULARY
        )
        self.ngram_vocabulary_sizes = check_sizes(
            "ngram_vocabulary_sizes", ngram_vocabulary_sizes, SMALLEST_VOCABULARY
        )
        self.length_fractions = check_fractions("length_fractions", length_fractions)
        self.embedding_widths = check_sizes("embedding_widths", embedding_widths)
        self.units = check_sizes("units", units)
        self.recurrent_units = check_sizes("recurrent_units", recurrent_units)
        self.filters = check_sizes("filters", filters)
        self.kernel_sizes = check_sizes("kernel_sizes", kernel_sizes)
        self.windows = check_windows("windows", windows)
        self.heads = check_sizes("heads", heads)
        self.dropout_rates = check_rates("dropout_rates", dropout_rates)
        if max(self.heads) > min(self.embedding_widths):
            raise ValueError(
                "Expected at most as many heads as the smallest embedding width; "
                f"received heads={heads}, embedding_widths={embedding_widths}. Pass "
                "fewer heads or wider embeddings."
            )

    def body(self, choose: Chooser, inputs: Any) -> Any:
        """Describe the encoders, from words and n-grams to the raw output."""
        encoders = {name: ENCODERS[name] for name in self.encoders}
        return choose.one("encoder", encoders, "ngrams")(choose, inputs, space=self)

    def initialise(self, model: Any, x: Any, y: Any) -> None:
        """Set how much each n-gram tells of the classes of the training rows."""
        for layer in model.layers:
            if layer.name.startswith(LOG_RATIOS):
                bag = layer.name.removeprefix(f"{LOG_RATIOS}_")
                ids, weights = (np.asarray(x[name]) for name in (bag, f"{bag}_weights"))
                spread = spread_of_log_ratios(
                    ids, weights, np.asarray(y), layer.input_dim
                )
                layer.set_weights([spread])

    def lengths(self) -> list[int]:
        """Return the offered numbers of words to read.

        Returns
        -------
        list of int
            In rising order, up to the encoded length.
        """
        (length,) = self.facts.inputs["words"].shape
        shortest = min(SHORTEST_LENGTH, length)
        return sorted(
            {max(shortest, round(length * part)) for part in self.length_fractions}
        )

    def recipe_options(self) -> RecipeOptions:
        """Return the recipe's defaults for this number of rows, and what is offered."""
        return text_recipe(self.facts)

    def known_starts(self) -> list[Configuration]:
        """Return models of n-grams, and of words in order where there is much data."""
        offered = self._offered(starts_for(self.facts))
        if has_many_texts(self.facts) or not offered:
            offered += self._offered(starts_of_words(self.facts))
        return offered

    def _offered(self, starts: list[Configuration]) -> list[Configuration]:
        return [start for start in starts if start["encoder"] in self.encoders]
