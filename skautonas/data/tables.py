"""Tables: columns of numbers, of dates, of categories and of texts."""

import inspect
from collections.abc import Sequence
from copy import copy
from typing import Any, Self

import numpy as np

from skautonas.data import table_inputs
from skautonas.data.bags import Bag, count_words, word_bag
from skautonas.data.encoder import Arrays
from skautonas.data.facts import TabularFacts, Task, TensorSpec, bag_specs
from skautonas.data.table_columns import Schema, frequent_levels, read_schema
from skautonas.data.table_scales import Scales, fit_scale, side_by_side

# Of a column of texts; more cost more time a step and overfit sooner
# (docs/design/0004).
MAX_COLUMN_NGRAMS = 5_000


class TableEncoder:
    """Numbers scaled, categories as ids, texts as bags; fitted on training rows.

    Parameters
    ----------
    schema : Schema, optional
        Kinds of the columns; read from the training rows where it is not given.
    """

    def __init__(self, schema: Schema | None = None) -> None:
        self.schema = schema

    def fit(self, X: Any) -> Self:
        """Learn the columns' scales, levels and n-grams from the training rows.

        Parameters
        ----------
        X : array-like or dataframe of shape (n, columns)
            Numbers, booleans, dates, durations, categories and texts; missing values
            anywhere.

        Raises
        ------
        ValueError
            Where X is no table, or a column holds infinite numbers, times of day, or
            neither numbers nor dates nor strings.
        """
        schema = self.schema or read_schema(X)
        self.by_name_ = schema.by_name
        self.columns_, self.missing_, self.levels_, self.texts_ = [], [], [], []
        scales: list[Scales] = []
        if not self.by_name_ and not isinstance(X, np.ndarray):
            X = np.asarray(X, dtype=object)
        # Column by column, or a large table would be in memory several times.
        for column in schema.columns:
            # Of this column alone: the names of all are gone through otherwise.
            part = {column.name: X[column.name]} if self.by_name_ else X
            inputs = table_inputs.to_inputs(part, [column.as_list()], self.by_name_)
            values = next(iter(inputs.values()))
            if column.kind == "category":
                present = [level for level in values[:, 0] if level]
                self.levels_.append([level for level, _ in frequent_levels(present)])
            elif column.kind == "text":
                texts = _fit_texts(values[:, 0], schema.min_documents)
                self.texts_.append(texts)
            else:
                if np.isnan(values[:, 0]).any():
                    # One flag for all parts of a date.
                    self.missing_.append(len(scales))
                scales += [fit_scale(part.astype("float64")) for part in values.T]
            self.columns_.append(column)
        self.scales_ = side_by_side(scales)
        self.n_levels_ = [len(levels) for levels in self.levels_]
        return self

    def with_room_for(self, others: Sequence[Self]) -> Self:
        """Return an encoder with the flags, levels and n-grams that one of others has.

        Parameters
        ----------
        others : sequence of TableEncoder
            Fitted with the same schema, this one among them.
        """
        wider = copy(self)
        wider.missing_ = sorted(set().union(*(other.missing_ for other in others)))
        counts = zip(*(other.n_levels_ for other in others), strict=True)
        wider.n_levels_ = list(map(max, counts))
        bags = zip(*(other.texts_ for other in others), strict=True)
        wider.texts_ = [
            bag.with_room_for(alike)
            for bag, alike in zip(self.texts_, bags, strict=True)
        ]
        return wider

    def to_inputs(self, X: Any) -> Arrays:
        """Return the raw tensors, of the kinds of columns that there are.

        ``numeric`` float32 (n, p), ``categorical`` and ``text`` str (n, q) and (n, r).
        """
        columns = [column.as_list() for column in self.columns_]
        return table_inputs.to_inputs(X, columns, self.by_name_)

    def facts(self, *, task: Task, n_outputs: int, n_rows: int) -> TabularFacts:
        """Return the number of columns by kind, and the levels of each category."""
        n_numeric, n_missing = len(self.scales_.center), len(self.missing_)
        inputs = {}
        if n_numeric:
            inputs["numeric"] = TensorSpec((n_numeric,), "float32")
            inputs["quantile"] = TensorSpec((n_numeric,), "float32")
        if n_missing:
            inputs["missing"] = TensorSpec((n_missing,), "float32")
        if self.levels_:
            inputs["categorical"] = TensorSpec((len(self.levels_),), "int32")
        if self.texts_:
            inputs |= bag_specs("ngrams", sum(bag.kept for bag in self.texts_))
        return TabularFacts(
            task=task,
            n_outputs=n_outputs,
            n_rows=n_rows,
            inputs=inputs,
            n_numeric=n_numeric,
            n_missing=n_missing,
            cardinalities=tuple(count + 2 for count in self.n_levels_),
            n_ngrams=sum(bag.size for bag in self.texts_),
        )

    def preprocessing(self) -> Any:
        """Return the Keras model from raw inputs to the arrays that facts name."""
        from skautonas.data.table_layers import encoded_table

        return encoded_table(self)

    def dense_preprocessing(self) -> Any:
        """Return the Keras model to one float matrix, for a user's own models."""
        from skautonas.data.table_layers import dense_table

        return dense_table(self)

    def snippet(self) -> str:
        """Return Python source that defines ``to_inputs(X)`` with numpy alone."""
        columns = [column.as_list() for column in self.columns_]
        source = inspect.getsource(table_inputs)
        source = source.replace("def to_inputs(", "def table_inputs(", 1)
        return (
            f"{source}\n\nCOLUMNS = {columns!r}\n\n\n"
            f"def to_inputs(X):\n"
            f"    return table_inputs(X, COLUMNS, {self.by_name_})\n"
        )


def _fit_texts(column: np.ndarray, min_documents: int) -> Bag:
    """Learn the n-grams of one column, which may have no word in this fold."""
    words, pairs, lengths = count_words(column)
    return word_bag(words | pairs, lengths, min_documents, MAX_COLUMN_NGRAMS)
