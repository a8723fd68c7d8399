"""The columns of a table, and what kinds of values they hold."""

import datetime
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

from skautonas.data.bags import least_documents, tokenize
from skautonas.data.table_inputs import (
    as_array,
    date_part,
    is_missing,
    refuse_objects,
    times,
    zone_of,
)

Kind = Literal["number", "duration", "date", "category", "text"]
# What a date tells; the first one is the days since its origin.
DATE_PARTS = ("days", "day of year", "day of month", "weekday", "hour")
# Levels with fewer training rows count as unknown, which so gets trained as well.
MIN_LEVEL_ROWS = 3
MAX_LEVELS = 1000
# Strings are texts where as categories more than this share of them would be unknown,
# and they have that many words on average (docs/design/0004).
UNKNOWN_SHARE = 0.2
MIN_TEXT_WORDS = 3


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str or int
        The position where columns have no names.
    position : int
        Among the columns of the fit.
    kind : {"number", "duration", "date", "category", "text"}
        What it holds.
    zone : str
        Time zone of its dates, else "".
    origin : str
        ISO date from which dates count, else "".
    parts : tuple of str
        What enters of a date: the days, and what varies.
    """

    name: str | int
    position: int
    kind: Kind
    zone: str = ""
    origin: str = ""
    parts: tuple[str, ...] = ()

    def as_list(self) -> list[Any]:
        """Return plain data, for a model card."""
        date = [self.zone, self.origin, list(self.parts)]
        return [self.name, self.position, self.kind, *date]


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table, and whether they go by name.

    N-grams of fewer than ``min_documents`` texts of a column are unknown.
    """

    columns: list[Column]
    by_name: bool
    min_documents: int


def read_schema(X: Any) -> Schema:
    """Tell the kinds of a table's columns.

    Raises
    ------
    ValueError
        Where X is not a table with at least one row and one column, or where a
        column holds times of day, or neither numbers nor dates nor strings.
    """
    by_name = hasattr(X, "columns")
    columns: list[Column] = []
    if by_name:
        frame = nw.from_native(X, eager_only=True)
        shape = frame.shape
        for position, (given, dtype) in enumerate(frame.schema.items()):
            # The repr of numpy's own str is no literal that a model card could hold.
            name = str(given) if isinstance(given, str) else given
            columns.append(_read_column(name, position, X[given], dtype))
    else:
        array = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
        shape = array.shape
        if array.ndim != 2:
            raise ValueError(
                f"Expected 2D array, got {array.ndim}D array instead: "
                f"X.shape={array.shape}. Reshape your data, e.g. X.reshape(-1, 1) for "
                "one column or X.reshape(1, -1) for one row."
            )
        columns = [
            _read_column(index, index, array[:, index], None)
            for index in range(shape[1])
        ]
    if 0 in shape:
        raise ValueError(
            f"Found array with {shape[0]} sample(s) and {shape[1]} feature(s) "
            f"(shape={shape}) while a minimum of 1 is required."
        )
    return Schema(columns, by_name, least_documents(shape[0]))


def _read_column(name: str | int, position: int, column: Any, dtype: Any) -> Column:
    """Tell the kind by the dtype, or by the values where those are objects."""
    values = as_array(column)
    if values.ndim != 1:
        raise ValueError(
            f"Expected numbers, dates or strings in column {name!r}; received "
            f"{dtype}. Spread its values over columns of their own."
        )
    if dtype in (nw.Categorical, nw.Enum):
        return Column(name, position, "category")
    if dtype == nw.Duration or values.dtype.kind == "m":
        return Column(name, position, "duration")
    is_number = dtype is not None and (dtype.is_numeric() or dtype == nw.Boolean)
    if is_number or values.dtype.kind in "fiub":
        return Column(name, position, "number")
    if values.dtype.kind == "M":
        return _date_column(name, position, values, zone_of(column, values, name))
    refuse_objects(values, name)
    present = [value for value in values if not is_missing(value)]
    if dtype == nw.Time or _all_are(present, datetime.time):
        raise ValueError(
            f"Expected numbers, dates or strings in column {name!r}; received times of "
            "day. Pass them as numbers, e.g. as seconds since midnight."
        )
    if dtype in (nw.Date, nw.Datetime) or _all_are(
        present, (datetime.date, np.datetime64)
    ):
        return _date_column(name, position, values, zone_of(column, values, name))
    if _all_are(present, (datetime.timedelta, np.timedelta64)):
        return Column(name, position, "duration")
    numbers = (int, float, np.number, np.bool_, Decimal)
    if _all_are(present, numbers):
        return Column(name, position, "number")
    # One without any value may get any later; as a category all of them are unknown.
    return Column(name, position, "text" if _is_text(present) else "category")


def _all_are(present: list[Any], types: Any) -> bool:
    return bool(present) and all(isinstance(value, types) for value in present)


def _date_column(
    name: str | int, position: int, values: np.ndarray, zone: str
) -> Column:
    """Return a column of dates that count from the earliest day."""
    moments = times(values, name)
    present = moments[~np.isnat(moments)]
    first = present.min() if len(present) else np.datetime64("1970-01-01")
    origin = str(first.astype("datetime64[D]"))
    days, *others = DATE_PARTS
    varying = [p for p in others if _varies(date_part(moments, p, origin))]
    return Column(name, position, "date", zone, origin, (days, *varying))


def _varies(values: np.ndarray) -> bool:
    """Tell whether a column has two numbers."""
    present = values[~np.isnan(values)]
    return len(present) > 0 and np.ptp(present) > 0


def _is_text(present: list[Any]) -> bool:
    """Tell whether values are texts, of which categories would lose too many."""
    if not _all_are(present, str):
        return False
    known = sum(count for _, count in frequent_levels(present))
    if 1 - known / len(present) <= UNKNOWN_SHARE:
        return False
    n_words = sum(len(tokenize(text)) for text in present)
    return n_words >= MIN_TEXT_WORDS * len(present)


def frequent_levels(present: list[str]) -> list[tuple[str, int]]:
    """Return the values worth an id of their own, by falling number of rows.

    One that ends with a NUL is none: Keras keeps a vocabulary in an array of numpy,
    which drops it.
    """
    frequent = [
        (level, count)
        for level, count in Counter(present).items()
        if count >= MIN_LEVEL_ROWS and not level.endswith("\0")
    ]
    return sorted(frequent, key=lambda item: (-item[1], item[0]))[:MAX_LEVELS]
