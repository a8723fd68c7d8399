"""Dates and durations in tables, whatever holds them."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skautonas import TabularSearchClassifier, TabularSearchRegressor
from skautonas.data.tables import TableEncoder
from tests.test_data_tables import to_tensors

DAY = datetime.date(2024, 1, 1)
NOON = datetime.datetime(2024, 1, 2, 12)


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"t": pd.Series([DAY, NOON.date(), None], dtype=object)}),
        pd.DataFrame({"t": pd.Series([NOON, NOON, pd.NaT], dtype=object)}),
        np.array([[DAY], [NOON], [None]], dtype=object),
        np.array([["2024-01-01"], ["2024-01-02"], ["NaT"]], dtype="datetime64[D]"),
    ],
)
def test_dates_in_objects_and_arrays_are_no_categories(X):
    encoder = TableEncoder().fit(X)
    assert encoder.columns_[0].kind == "date"
    days = encoder.to_inputs(X)["numeric"][:, 0]
    assert days[1] in (0.5, 1, 1.5)
    assert np.isnan(days[2])


def test_dates_with_a_time_zone_count_from_their_first_local_day():
    times = pd.date_range("2024-01-01", periods=3, tz="Asia/Tokyo")
    table = pd.DataFrame({"t": times})
    numbers = TableEncoder().fit(table).to_inputs(table)["numeric"]
    assert numbers[:, 0].tolist() == [0, 1, 2]


TOKYO = datetime.timezone(datetime.timedelta(hours=9))
EVENING = datetime.datetime(2024, 2, 29, 23, 30, tzinfo=TOKYO)
MOMENTS = [EVENING, EVENING + datetime.timedelta(hours=1), None]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"t": pd.Series(MOMENTS, dtype="datetime64[us, UTC+09:00]")}),
        pd.DataFrame({"t": pd.Series(MOMENTS, dtype=object)}),
        pd.DataFrame({"t": MOMENTS}, dtype=pd.ArrowDtype(pa.timestamp("us", "+09:00"))),
        pl.DataFrame({"t": pl.Series(MOMENTS).dt.convert_time_zone("Asia/Tokyo")}),
        pa.table({"t": pa.array(MOMENTS, pa.timestamp("us", "Asia/Tokyo"))}),
    ],
)
def test_the_calendar_is_that_of_the_local_time(table):
    encoder = TableEncoder().fit(table)
    (column,) = encoder.columns_
    assert column.kind == "date"
    assert column.parts == ("days", "day of year", "day of month", "weekday", "hour")
    snippet: dict = {}
    exec(encoder.snippet(), snippet)
    numbers = snippet["to_inputs"](table)["numeric"]
    np.testing.assert_array_equal(encoder.to_inputs(table)["numeric"], numbers)
    evening = [23.5 / 24, 59, 28, 3, 23.5]  # Thursday, 29 February
    night = [1 + 0.5 / 24, 60, 0, 4, 0.5]
    np.testing.assert_allclose(numbers[:2], [evening, night], rtol=1e-6)
    assert np.isnan(numbers[2]).all()
    assert encoder.missing_ == [0]


UTC = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=9, freq="5h", tz="UTC")})


@pytest.mark.parametrize(
    "table",
    [
        UTC.assign(t=UTC.t.dt.tz_convert("Asia/Tokyo")),
        UTC.assign(t=UTC.t.dt.tz_localize(None)),
        UTC.assign(t=UTC.t.dt.tz_convert("Asia/Tokyo").astype(object)),
        pl.from_pandas(UTC.assign(t=UTC.t.dt.tz_convert("Asia/Tokyo"))),
        pa.Table.from_pandas(UTC.assign(t=UTC.t.dt.tz_convert("Asia/Tokyo"))),
    ],
    ids=["pandas", "naive", "objects", "polars", "pyarrow"],
)
def test_dates_of_another_time_zone_are_refused(table):
    encoder = TableEncoder().fit(UTC)
    with pytest.raises(ValueError, match=r"zone 'UTC' in column 't'.*dt\.tz_"):
        encoder.to_inputs(table)


def test_the_mend_for_a_zone_is_one_that_pandas_takes():
    tokyo = UTC.assign(t=UTC.t.dt.tz_convert("Asia/Tokyo"))
    naive = UTC.assign(t=UTC.t.dt.tz_localize(None))
    for known, given, mend in (
        (UTC, tokyo, r"dt\.tz_convert\('UTC'\)"),
        (UTC, naive, r"dt\.tz_localize\('UTC'\)"),
        (naive, tokyo, r"dt\.tz_localize\(None\)"),
    ):
        with pytest.raises(ValueError, match=mend):
            TableEncoder().fit(known).to_inputs(given)


def test_two_zones_in_one_column_are_refused():
    mixed = [UTC.t[0], UTC.t[1].tz_convert("Asia/Tokyo")]
    with pytest.raises(ValueError, match=r"one time zone.*utc=True"):
        TableEncoder().fit(pd.DataFrame({"t": mixed}, dtype=object))
    with pytest.raises(ValueError, match=r"one time zone.*utc=True"):
        TableEncoder().fit(UTC).to_inputs(pd.DataFrame({"t": mixed}, dtype=object))


def test_a_zone_may_be_spelt_in_several_ways():
    hours = datetime.timezone(datetime.timedelta(hours=9))
    nine = UTC.assign(t=UTC.t.dt.tz_convert(hours))
    arrow = nine.astype({"t": pd.ArrowDtype(pa.timestamp("ns", "+09:00"))})
    encoder = TableEncoder().fit(nine)
    expected = encoder.to_inputs(nine)["numeric"]
    np.testing.assert_array_equal(encoder.to_inputs(arrow)["numeric"], expected)
    plain = [value.to_pydatetime().astimezone(datetime.UTC) for value in UTC.t]
    utc = TableEncoder().fit(UTC)
    np.testing.assert_array_equal(
        utc.to_inputs({"t": plain})["numeric"], utc.to_inputs(UTC)["numeric"]
    )
    np.testing.assert_array_equal(
        utc.to_inputs({"t": pd.DatetimeIndex(UTC.t)})["numeric"],
        utc.to_inputs(UTC)["numeric"],
    )


def test_dates_of_the_same_time_zone_are_taken():
    encoder = TableEncoder().fit(UTC)
    expected = encoder.to_inputs(UTC)["numeric"]
    for table in (UTC.astype(object), pl.from_pandas(UTC), pa.Table.from_pandas(UTC)):
        np.testing.assert_array_equal(encoder.to_inputs(table)["numeric"], expected)


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"t": [None, None]}, dtype=object),
        pd.DataFrame({"t": [np.nan]}),
        pd.DataFrame({"t": [pd.NaT]}),
        pl.DataFrame({"t": [None]}),
        {"t": [None]},
    ],
)
def test_gaps_alone_have_no_time_zone(X):
    assert np.isnan(TableEncoder().fit(UTC).to_inputs(X)["numeric"]).all()


def test_lists_of_dates_know_their_time_zone():
    encoder = TableEncoder().fit(UTC)
    expected = encoder.to_inputs(UTC)["numeric"]
    for kind in (list, tuple):
        inputs = encoder.to_inputs({"t": kind(UTC.t)})
        np.testing.assert_array_equal(inputs["numeric"], expected)


def test_durations_and_numbers_do_not_stand_for_each_other():
    took = pd.DataFrame({"t": pd.to_timedelta([1, 2, None], unit="s")})
    plain = pd.DataFrame({"t": [1.0, 2.0, None]})
    with pytest.raises(ValueError, match=r"durations in column 't'.*to_timedelta"):
        TableEncoder().fit(took).to_inputs(plain)
    with pytest.raises(ValueError, match=r"numbers in column 't'.*total_seconds"):
        TableEncoder().fit(plain).to_inputs(took)
    gaps = pd.DataFrame({"t": [np.nan, None]}, dtype=float)
    assert np.isnan(TableEncoder().fit(took).to_inputs(gaps)["numeric"]).all()


def test_parts_of_the_calendar_that_never_change_are_left_out():
    mondays = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=60, freq="7D")})
    (column,) = TableEncoder().fit(mondays).columns_
    assert column.parts == ("days", "day of year", "day of month")


@pytest.mark.parametrize(
    "values",
    [
        ["soon"],
        ["now"],
        ["2024-01-01T00:00:00+09:00"],
        ["2024-01-01T00:00+09"],
        ["2024-01-01T00:00Z"],
        ["2024-01-01 10:00:00 PM"],
        ["2024-01-01 10:00:00 EST"],
        ["2024-13-01"],
        [5],
        [2024.5],
    ],
)
def test_what_is_no_date_is_refused_where_dates_were(values):
    encoder = TableEncoder().fit(pd.DataFrame({"t": pd.to_datetime(["2024-01-01"])}))
    with pytest.raises(ValueError, match=r"dates in column 't'.*to_datetime"):
        encoder.to_inputs(pd.DataFrame({"t": values}))


@pytest.mark.parametrize(
    "value",
    [
        "2024-03-01",
        "2024-03-01 10:00",
        "2024-03-01T10:00:00.123456789",
        datetime.date(2024, 3, 1),
        datetime.datetime(2024, 3, 1, 10, 0, 0, 5),
        np.datetime64("2024-03-01"),
        np.datetime64("2024-03"),
    ],
)
def test_dates_are_taken_as_strings_and_as_objects(value):
    first = pd.to_datetime(["2024-01-01 00:00", "2024-05-05 07:00"])
    encoder = TableEncoder().fit(pd.DataFrame({"t": first}))
    table = pd.DataFrame({"t": [value]}, dtype=object)
    days = encoder.to_inputs(table)["numeric"][0, 0]
    assert days == pytest.approx(60 + (10 / 24 if "10:00" in str(value) else 0))


@pytest.mark.parametrize("unit", ["M", "Y"])
def test_durations_in_months_have_no_length(unit):
    months = np.array([1, 2, 3], dtype=f"timedelta64[{unit}]")
    for X in (months.reshape(-1, 1), months.astype(object).reshape(-1, 1)):
        if X.dtype == object:
            X = np.array([[np.timedelta64(1, unit)]] * 3, dtype=object)
        with pytest.raises(ValueError, match="fixed length"):
            TableEncoder().fit(X)


def test_a_weekday_is_learnt_from_a_date():
    # Sales of a shop that is closed on Sundays; dates alone would need 60 steps.
    days = pd.date_range("2023-01-01", periods=420)
    X, y = pd.DataFrame({"day": days}), np.where(days.day_of_week == 6, 0.0, 100.0)
    search = TabularSearchRegressor(
        max_trials=2, max_epochs=60, time_budget=None, random_state=0
    )
    assert search.fit(X[:300], y[:300]).score(X[300:], y[300:]) > 0.8


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_polars_dates_of_any_unit_count_from_their_first_day(unit):
    times = pl.Series([NOON, None, NOON], dtype=pl.Datetime(unit))
    table = pl.DataFrame({"t": times})
    encoder = TableEncoder().fit(table)
    assert encoder.columns_[0].origin == "2024-01-02"
    assert encoder.to_inputs(table)["numeric"][2] == [0.5]


HALF = datetime.timedelta(seconds=0.5)


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"t": [HALF, 2 * HALF, None]}),
        pd.DataFrame({"t": pd.Series([HALF, 2 * HALF, None], dtype=object)}),
        pl.DataFrame({"t": [HALF, 2 * HALF, None]}),
        np.array([[500], [1000], ["NaT"]], dtype="timedelta64[ms]"),
        np.array([[HALF], [pd.Timedelta(2 * HALF)], [None]], dtype=object),
        np.array([[np.timedelta64(500, "ms")], [HALF * 2], [None]], dtype=object),
    ],
)
def test_durations_become_seconds(X):
    seconds = TableEncoder().fit(X).to_inputs(X)["numeric"][:, 0]
    np.testing.assert_array_equal(seconds, [0.5, 1, np.nan])


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
def test_times_of_day_are_refused_with_the_mend(make):
    table = make({"at": [datetime.time(12, 30), None]})
    with pytest.raises(ValueError, match=r"'at'.*seconds since midnight"):
        TableEncoder().fit(table)


def test_dates_keep_their_seconds():
    times = pd.to_datetime(["2024-01-01 00:00:00", "2024-01-01 00:00:30", None])
    table = pd.DataFrame({"t": times})
    numbers = TableEncoder().fit(table).to_inputs(table)["numeric"][:, 0]
    assert (numbers[1] - numbers[0]) * 86400 == pytest.approx(30, abs=0.1)
    assert np.isnan(numbers[2])


def test_python_dates_and_nullable_dtypes():
    table = pd.DataFrame(
        {
            "i": pd.array([1, None, 3] * 5, dtype="Int64"),
            "b": pd.array([True, None, False] * 5, dtype="boolean"),
            "s": pd.array(["x", None, "y"] * 5, dtype="string"),
        }
    )
    inputs = TableEncoder().fit(table).to_inputs(table)
    np.testing.assert_array_equal(inputs["numeric"][:3], [[1, 1], [np.nan] * 2, [3, 0]])
    assert inputs["categorical"][:3, 0].tolist() == ["x", "", "y"]
    dates = pl.DataFrame({"d": [datetime.date(2024, 1, 1 + i) for i in range(9)]})
    days = TableEncoder().fit(dates).to_inputs(dates)["numeric"][:, 0]
    assert days.tolist() == list(range(9))


def test_a_datetime_array_passes_the_estimator_s_check():
    X = np.array([["2024-01-01"], ["2024-01-02"]], dtype="datetime64[D]")
    assert TabularSearchClassifier()._check_X(X, reset=True).dtype == X.dtype


def test_a_datetime_array_without_a_date_takes_dates_later():
    encoder = TableEncoder().fit(np.array([["NaT"]], dtype="datetime64[s]"))
    later = np.array([["1970-01-03"]], dtype="datetime64[s]")
    assert to_tensors(encoder, later) == {"numeric": [[2]]}
