"""Short names of data, equal for equal data: in other processes and versions too."""

import hashlib
from typing import Any

import numpy as np

from skautonas.data.rows import chunks_of_rows
from skautonas.data.table_inputs import as_array, is_missing

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
        if hasattr(chunk, "columns"):
            names = chunk.column_names if hasattr(chunk, "column_names") else None
            for name in names or chunk.columns:
                state.update(f"{name}\0".encode("utf-8", "surrogatepass"))
                _update(state, as_array(chunk[name]))
        else:
            _update(state, as_array(chunk))
    return state.hexdigest()


def _update(state: Any, array: np.ndarray) -> None:
    state.update(f"{array.dtype.kind}{array.shape}".encode())
    if array.dtype.kind in "OUST":
        cells = ("\0" if is_missing(cell) else str(cell) for cell in array.ravel())
        # No cell can hold the separator and count for two.
        text = "".join(f"{len(cell)}:{cell}" for cell in cells)
        state.update(text.encode("utf-8", "surrogatepass"))
    else:
        state.update(np.ascontiguousarray(array).view(np.uint8).data)
