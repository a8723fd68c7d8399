"""The columns of a table, and what of them enters a model."""

import datetime
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args

import narwhals.stable.v2 as nw
import numpy as np

from skautonas.data.texts import tokenize

Part = Literal["date", "day of year", "day of month", "weekday", "hour"]
Kind = Literal["number", "category", "text"] | Part
PARTS: tuple[Part, ...] = get_args(Part)
# Levels with fewer training rows count as unknown, which so gets trained as well.
MIN_LEVEL_ROWS = 3
MAX_LEVELS = 1000
# Strings are texts where as categories more than this share of them would be unknown,
# and they have that many words on average.
UNKNOWN_SHARE = 0.2
MIN_TEXT_WORDS = 3
# What a cell must not hold, and what to do with it.
NESTED = (list, tuple, set, dict, np.ndarray)
SPREAD = "Spread its values over columns of their own"
DECODE = "Pass text, as value.decode() gives it, or a number"
SPLIT = "Pass two columns, value.real and value.imag"
EXTRACT = "Pass what of it matters, as numbers or strings"


@dataclass(frozen=True, slots=True)
class Column:
    """One column, or one part of a column of dates.

    ``name`` is the position where columns have no names; ``origin`` is an ISO date
    for days since then, otherwise "".
    """

    name: str | int
    position: int
    kind: Kind
    origin: str = ""

    def as_list(self) -> list[str | int]:
        """Return plain data, for a model card."""
        return [self.name, self.position, self.kind, self.origin]


def read_table(X: Any) -> tuple[list[Column], bool]:
    """Return what may enter a model, and whether columns go by name.

    Raises
    ------
    ValueError
        Where X is not a table with at least one row and one column, or where a
        column holds times of day.
    """
    by_name = hasattr(X, "columns")
    columns: list[Column] = []
    if by_name:
        frame = nw.from_native(X, eager_only=True)
        shape = frame.shape
        for position, given in enumerate(frame.columns):
            # The repr of numpy's own str is no literal that a model card could hold.
            name = str(given) if isinstance(given, str) else given
            values = np.asarray(X[given])
            columns += _read_column(name, position, values, frame[:, position].dtype)
    else:
        array = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
        shape = array.shape
        if array.ndim != 2:
            raise ValueError(
                f"Expected 2D array, got {array.ndim}D array instead: "
                f"X.shape={array.shape}. Reshape your data, e.g. X.reshape(-1, 1) for "
                "one column or X.reshape(1, -1) for one row."
            )
        for index in range(shape[1]):
            if array.dtype.kind in "fiubm":
                columns.append(Column(index, index, "number"))
            else:
                columns += _read_column(index, index, array[:, index], None)
    if 0 in shape:
        raise ValueError(
            f"Found array with {shape[0]} sample(s) and {shape[1]} feature(s) "
            f"(shape={shape}) while a minimum of 1 is required."
        )
    return columns, by_name


def _read_column(
    name: str | int, position: int, values: np.ndarray, dtype: Any
) -> list[Column]:
    """Tell the kind by the dtype, or by the values where those are objects."""
    if dtype is not None and (dtype.is_numeric() or dtype in (nw.Boolean, nw.Duration)):
        return [Column(name, position, "number")]
    _refuse_objects(name, values)
    present = [value for value in values if not is_missing(value)]
    if dtype == nw.Time or _all_are(present, datetime.time):
        raise ValueError(
            f"Expected numbers, dates or strings in column {name!r}; received times of "
            "day. Pass them as numbers, e.g. as seconds since midnight."
        )
    if (
        dtype in (nw.Date, nw.Datetime)
        or values.dtype.kind == "M"
        or _all_are(present, (datetime.date, np.datetime64))
    ):
        origin = _first_day(present)
        return [
            Column(name, position, part, origin if part == "date" else "")
            for part in PARTS
        ]
    if dtype in (nw.Categorical, nw.Enum):
        return [Column(name, position, "category")]
    numbers = (int, float, np.number, np.bool_, Decimal, datetime.timedelta)
    if _all_are(present, numbers):
        return [Column(name, position, "number")]
    # One without any value may get any later; as a category all of them are unknown.
    return [Column(name, position, "text" if _is_text(present) else "category")]


def _refuse_objects(name: str | int, values: np.ndarray) -> None:
    """Raise where a cell holds neither a number nor a date nor what reads as text."""
    for kind in set(map(type, values)):
        bare = kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__
        mends = {SPREAD: NESTED, DECODE: bytes, SPLIT: complex}
        mend = next((m for m, kinds in mends.items() if issubclass(kind, kinds)), "")
        if mend or bare:
            raise ValueError(
                f"Expected numbers, dates or strings in column {name!r}; received "
                f"{kind.__name__}. {mend or EXTRACT}."
            )


def _all_are(present: list[Any], types: Any) -> bool:
    return bool(present) and all(isinstance(value, types) for value in present)


def _is_text(present: list[Any]) -> bool:
    """Tell whether values are texts, of which categories would lose too many."""
    if not _all_are(present, str):
        return False
    counts = [count for _, count in frequent_levels(present)]
    lost = 1 - sum(counts) / len(present)
    n_words = sum(len(tokenize(text)) for text in present)
    return lost > UNKNOWN_SHARE and n_words >= MIN_TEXT_WORDS * len(present)


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


def _first_day(present: list[Any]) -> str:
    # As to_inputs reads them: without fractions of a second and without a time zone.
    times = [str(value)[:19] for value in present] or ["1970-01-01"]
    return str(np.array(times, dtype="datetime64[s]").min().astype("datetime64[D]"))


def is_missing(value: Any) -> bool:
    """Tell whether a cell or a label is None, NaN, NA or NaT."""
    # pandas' NA has no truth value, so it must be known by its type.
    return type(value).__name__ in ("NoneType", "NAType", "NaTType") or value != value
