"""The search space of texts."""

from collections.abc import Iterable
from typing import Any

from skautonas.space.base import Configuration, SearchSpace, complete, declared
from skautonas.space.chooser import Chooser, nearest
from skautonas.data.facts import TextFacts
from skautonas.space.recipe import RecipeOptions
from skautonas.space.text_blocks import ENCODERS

SHORTEST = 4


class TextSpace(SearchSpace):
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
        dropout_rates: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6),
    ) -> None:
        self.name, self.tunable = None, True
        self.encoders = encoders
        self.vocabulary_sizes = vocabulary_sizes
        self.ngram_vocabulary_sizes = ngram_vocabulary_sizes
        self.length_fractions = length_fractions
        self.embedding_widths = embedding_widths
        self.units = units
        self.recurrent_units = recurrent_units
        self.filters = filters
        self.kernel_sizes = kernel_sizes
        self.windows = windows
        self.heads = heads
        self.dropout_rates = dropout_rates

    def body(self, choose: Chooser, inputs: Any) -> Any:
        encoders = {name: ENCODERS[name] for name in self.encoders}
        return choose.one("encoder", encoders, "ngrams")(choose, inputs, space=self)

    def lengths(self) -> list[int]:
        (length,) = self.facts.inputs["words"].shape
        lengths = {max(SHORTEST, round(length * f)) for f in self.length_fractions}
        return sorted(lengths)

    def recipe_options(self) -> RecipeOptions:
        return RecipeOptions(
            optimizer="adamw", learning_rate=2e-3, sgd_learning_rate=0.1,
            schedule="cosine", weight_decay=1e-4, batch_sizes=(32, 64, 128, 256),
            batch_size=64, label_smoothing=0.0, epochs=(5, 10, 20, 40),
            default_epochs=10, patience=8)

    def known_starts(self) -> list[Configuration]:
        return []
