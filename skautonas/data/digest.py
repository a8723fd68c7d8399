"""Short names of data, equal for equal data: in other processes and versions too."""

import hashlib
from typing import Any

import numpy as np

from skautonas.data.rows import chunks_of_rows
from skautonas.data.table_inputs import as_array, is_missing, zone_of

# Digits of a digest; two of a user's data sets agree by chance in one of 10^19 cases.
LENGTH = 16


def digest(X: Any) -> str:
    """Return the digest of an array, a list of strings or a dataframe.

    Parameters
    ----------
    X : array, list or dataframe of n rows
        The order of rows and columns counts, and so do their dtypes and names.

    Returns
    -------
    str
        Of `LENGTH` hexadecimal digits.
    """
    state = hashlib.blake2b(digest_size=LENGTH // 2)
    state.update(f"{len(X)} ".encode())
    for chunk in chunks_of_rows(X):
        for name, column in _columns(chunk):
            values = as_array(column)
            zone = zone_of(column, values, name) if values.dtype.kind == "M" else ""
            state.update(f"{name}\0{zone}\0".encode("utf-8", "surrogatepass"))
            _update(state, values)
    return state.hexdigest()


def _columns(chunk: Any) -> list[tuple[Any, Any]]:
    """Return names and columns of a dataframe; an array is one column."""
    kind = type(chunk)
    if hasattr(kind, "column_names"):  # pyarrow's
        return [(name, chunk[name]) for name in chunk.column_names]
    if hasattr(kind, "columns") or hasattr(chunk, "columns"):
        return [(name, chunk[name]) for name in chunk.columns]
    return [("", chunk)]


def _update(state: Any, array: np.ndarray) -> None:
    if array.dtype.kind in "mM":
        # pandas 2 and 3 count in other units.
        array = array.astype(f"{array.dtype.kind}8[us]")
    if array.dtype.kind in "OUST":
        state.update(f"cells{array.shape}".encode())
        text = "".join(map(_cell, array.ravel()))
        state.update(text.encode("utf-8", "surrogatepass"))
    else:
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
        state.update(f"{array.dtype}{array.shape}".encode())
        state.update(array.view(np.uint8).data)


def _cell(value: Any) -> str:
    """Return a cell with its type and length, so that no two cells look like others."""
    if is_missing(value):
        return "?"
    kind = "str" if isinstance(value, str) else type(value).__name__
    text = str(value)
    return f"{kind}{len(text)}:{text}"
