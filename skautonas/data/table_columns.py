"""The columns of a table, and the raw tensors that a model takes of them."""

import datetime
from dataclasses import dataclass
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

Kind = Literal["number", "date", "category"]
# What a cell must not hold.
NESTED = (list, tuple, set, dict, np.ndarray)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name or position, its kind, and the origin of its dates.

    ``origin`` is an ISO date; numbers and categories have "".
    """

    name: str | int
    kind: Kind
    origin: str = ""

    def as_list(self) -> list[str | int]:
        """Return plain data, for a model card."""
        return [self.name, self.kind, self.origin]


def read_table(X: Any) -> tuple[list[Column], bool]:
    """Return the columns of X, and whether they go by name.

    Raises
    ------
    ValueError
        Where X is not a table with at least one row and one column, or where a
        column holds times of day.
    """
    by_name = hasattr(X, "columns")
    if by_name:
        frame = nw.from_native(X, eager_only=True)
        # The repr of numpy's own str is no literal that a model card could hold.
        names = [str(n) if isinstance(n, str) else n for n in X.columns]
        columns = [
            _read_column(name, np.asarray(X[name]), frame[:, position].dtype)
            for position, name in enumerate(names)
        ]
        shape = (len(X), len(names))
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
            Column(index, "number")
            if array.dtype.kind in "fiubm"
            else _read_column(index, array[:, index], None)
            for index in range(array.shape[1])
        ]
    if 0 in shape:
        raise ValueError(
            f"Found array with {shape[0]} sample(s) and {shape[1]} feature(s) "
            f"(shape={shape}) while a minimum of 1 is required."
        )
    return columns, by_name


def _read_column(name: Any, values: np.ndarray, dtype: Any) -> Column:
    """Tell a column's kind by its dtype, or by its values where those are objects."""
    if dtype is not None and (dtype.is_numeric() or dtype in (nw.Boolean, nw.Duration)):
        return Column(name, "number")
    nested = [value for value in values if isinstance(value, NESTED)]
    if nested:
        raise ValueError(
            f"Expected numbers, dates or strings in column {name!r}; received "
            f"{type(nested[0]).__name__}. Spread its values over columns of their own."
        )
    present = [value for value in values if not is_missing(value)]
    if dtype == nw.Time or _all_are(present, datetime.time):
        raise ValueError(
            f"Expected numbers, dates or strings in column {name!r}; received times of "
            "day. Pass them as numbers, e.g. as seconds since midnight."
        )
    if dtype in (nw.Date, nw.Datetime) or values.dtype.kind == "M":
        return Column(name, "date", _first_day(present))
    if dtype == nw.Categorical:
        return Column(name, "category")
    if _all_are(present, (datetime.date, np.datetime64)):
        return Column(name, "date", _first_day(present))
    numbers = (int, float, np.number, np.bool_, datetime.timedelta)
    # One without any value may get any later; as a category all of them are unknown.
    return Column(name, "number" if _all_are(present, numbers) else "category")


def _all_are(present: list[Any], types: Any) -> bool:
    return bool(present) and all(isinstance(value, types) for value in present)


def _first_day(present: list[Any]) -> str:
    # As to_inputs reads them: without fractions of a second and without a time zone.
    times = [str(value)[:19] for value in present] or ["1970-01-01"]
    return str(np.array(times, dtype="datetime64[s]").min().astype("datetime64[D]"))


def is_missing(value: Any) -> bool:
    """Tell whether a cell or a label is None, NaN, NA or NaT."""
    # pandas' NA has no truth value, so it must be known by its type.
    return type(value).__name__ in ("NoneType", "NAType", "NaTType") or value != value


def to_inputs(X, columns, by_name):
    """Return the raw tensors of a table: numpy arrays by input name.

    X is a DataFrame, a dict of columns, or a 2-D array; ``columns`` lists name or
    position, kind and date origin of each column, as in training. Arrays and lists of
    rows are read by position. Durations become seconds.
    """
    import numpy as np

    def is_missing(value):
        kinds = ("NoneType", "NAType", "NaTType")
        return type(value).__name__ in kinds or value != value

    def number(value, name):
        if is_missing(value):
            return np.nan
        if isinstance(value, np.timedelta64) or hasattr(value, "total_seconds"):
            return value / np.timedelta64(1, "s")
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Expected numbers in column {name!r}, as in training; received "
                f"{value!r:.50}. Replace it, e.g. by NaN, a missing number."
            ) from error

    def numbers(values, name):
        if values.dtype.kind == "m":
            values = values / np.timedelta64(1, "s")
        elif values.dtype.kind not in "fiub":
            values = np.array([number(v, name) for v in values], dtype="float64")
        with np.errstate(over="ignore"):
            values = values.astype("float32")
        if np.isinf(values).any():
            raise ValueError(
                f"Expected finite float32 numbers in column {name!r}; received "
                "infinite or larger ones. Replace them, e.g. by NaN, a missing number."
            )
        return values

    def days(values, origin):
        # In float64 from the origin: float32 has no seconds at today's epoch times.
        times = ["NaT" if is_missing(v) else str(v)[:19] for v in values]
        since = np.array(times, dtype="datetime64[s]") - np.datetime64(origin)
        missing = np.isnat(since)
        numbers = since.astype("timedelta64[s]").astype("float64") / 86400
        return np.where(missing, np.nan, numbers).astype("float32")

    def text(value):
        if is_missing(value):
            return ""
        is_whole = isinstance(value, float) and value.is_integer()
        return str(int(value)) if is_whole else str(value)

    def texts(values, name):
        column = np.array([text(value) for value in values], dtype=object)
        try:
            "".join(column).encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(
                f"Expected valid Unicode in column {name!r}; received a lone "
                'surrogate. Pass text.encode("utf-8", "replace").decode().'
            ) from error
        return column

    has_names = by_name and (isinstance(X, dict) or hasattr(X, "columns"))
    if not has_names and not isinstance(X, np.ndarray):
        X = np.asarray(X, dtype=object)
    numeric, categorical = [], []
    for position, (name, kind, origin) in enumerate(columns):
        values = X[name] if has_names else X[:, position]
        # A list of strings with NaN would become strings with "nan".
        values = np.asarray(values, dtype=object if isinstance(values, list) else None)
        if kind == "number":
            numeric.append(numbers(values, name))
        elif kind == "date":
            numeric.append(days(values, origin))
        else:
            categorical.append(texts(values, name))
    inputs = {}
    if numeric:
        inputs["numeric"] = np.stack(numeric, axis=1)
    if categorical:
        inputs["categorical"] = np.stack(categorical, axis=1)
    return inputs
