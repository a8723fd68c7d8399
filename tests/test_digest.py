"""Equal data have equal digests, and others have others."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skautonas.data.digest import digest

DATES = pd.Series(pd.date_range("2024-01-01", periods=3, freq="h"))
EQUAL = [
    (["a", "b"], np.array(["a", "b"]), np.array(["a", "b"], dtype=object)),
    (np.arange(4.0), np.arange(4.0, dtype=">f8")),
    (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
    (
        pd.DataFrame({"t": DATES.astype("datetime64[ns]")}),
        pd.DataFrame({"t": DATES.astype("datetime64[us]")}),
    ),
]
DIFFERENT = [
    (np.array([1], "m8[s]"), np.array([1], "m8[ms]")),
    (np.array([1], "M8[s]"), np.array([1], "M8[D]")),
    (np.array([1], dtype=object), np.array(["1"], dtype=object)),
    (np.array([1]), np.array([1.0])),
    (np.array([[1, 2]]), np.array([[1], [2]])),
    (["ab", "c"], ["a", "bc"]),
    (["a", None], ["a", "?"]),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
    (pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"b": [2], "a": [1]})),
    (
        pd.DataFrame({"t": DATES.dt.tz_localize("UTC")}),
        pd.DataFrame({"t": DATES.dt.tz_localize("Asia/Tokyo")}),
    ),
]


@pytest.mark.parametrize("arrays", EQUAL)
def test_equal_data(arrays):
    assert len({digest(array) for array in arrays}) == 1


@pytest.mark.parametrize("arrays", DIFFERENT)
def test_different_data(arrays):
    assert len({digest(array) for array in arrays}) == len(arrays)


def test_dataframes_of_all_libraries():
    columns = {"column_names": [1.5, 2.5], "collect": ["x", None]}
    frame = pd.DataFrame(columns)
    for made in (frame, pl.DataFrame(columns), pa.Table.from_pandas(frame)):
        assert len(digest(made)) == 16
