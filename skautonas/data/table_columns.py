"""The columns of a table, and the raw tensors that a model takes of them."""

from dataclasses import dataclass
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

Kind = Literal["number", "date", "category"]


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
        Where X is not a table with at least one row and one column.
    """
    by_name = hasattr(X, "columns")
    if by_name:
        frame = nw.from_native(X, eager_only=True)
        names = list(X.columns)
        columns = [
            _read_column(
                name,
                np.asarray(X[name], dtype=object),
                frame[name].dtype if isinstance(name, str) else None,
            )
            for name in names
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
            if array.dtype.kind in "fiub"
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
    if dtype is not None and (dtype.is_numeric() or dtype == nw.Boolean):
        return Column(name, "number")
    if dtype is not None and dtype.is_temporal():
        times = np.asarray([str(v) for v in values if not _is_missing(v)])
        days = times.astype("datetime64[s]") if len(times) else np.array(["1970-01-01"])
        return Column(name, "date", str(np.min(days.astype("datetime64[D]"))))
    present = [v for v in values if not _is_missing(v)]
    numbers = (int, float, bool, np.number, np.bool_)
    if dtype != nw.Categorical and all(isinstance(v, numbers) for v in present):
        return Column(name, "number")
    return Column(name, "category")


def _is_missing(value: Any) -> bool:
    # pandas' NA has no truth value, so it must be known by its type.
    return type(value).__name__ in ("NoneType", "NAType", "NaTType") or value != value


def to_inputs(X, columns, by_name):
    """Return the raw tensors of a table: numpy arrays by input name.

    X is a DataFrame, a dict of columns, or a 2-D array; ``columns`` lists name or
    position, kind and date origin of each column, as in training.
    """
    import numpy as np

    def is_missing(value):
        kinds = ("NoneType", "NAType", "NaTType")
        return type(value).__name__ in kinds or value != value

    def numbers(values):
        if values.dtype.kind in "fiub":
            return values.astype("float32")
        floats = [np.nan if is_missing(v) else float(v) for v in values]
        return np.array(floats, dtype="float32")

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
        is_whole = isinstance(value, float) and value == int(value)
        return str(int(value)) if is_whole else str(value)

    if not by_name and not isinstance(X, np.ndarray):
        X = np.asarray(X, dtype=object)
    numeric, categorical = [], []
    for name, kind, origin in columns:
        values = np.asarray(X[name]) if by_name else X[:, name]
        if kind == "number":
            numeric.append(numbers(values))
        elif kind == "date":
            numeric.append(days(values, origin))
        else:
            categorical.append(np.array([text(v) for v in values], dtype=object))
    inputs = {}
    if numeric:
        inputs["numeric"] = np.stack(numeric, axis=1)
    if categorical:
        inputs["categorical"] = np.stack(categorical, axis=1)
    return inputs
