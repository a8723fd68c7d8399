"""The raw tensors that a model takes of a table; printed into model cards."""

import re

import numpy as np

# How a date is written as a string: without a zone, which would be lost.
DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?")
# What a cell must not hold, and what to do with it.
REFUSED = (
    (
        (list, tuple, set, frozenset, dict, np.ndarray),
        "Spread its values over columns of their own",
    ),
    ((bytes, bytearray, memoryview), "Pass text, as value.decode() gives it"),
    ((complex, np.complexfloating), "Pass two columns, value.real and value.imag"),
)


def to_inputs(X, columns, by_name):
    """Return the raw tensors of a table: numpy arrays by input name.

    X is a DataFrame, a dict of columns, or a 2-D array, a sparse one too; ``columns``
    lists name, position and kind, and of dates time zone, origin and parts, as in
    training. Arrays
    and lists of rows are read by position. Durations become seconds; dates become days
    from their origin and parts of the calendar, all in the time zone of the training.
    """
    if hasattr(X, "toarray"):
        X = X.toarray()
    has_names = by_name and (isinstance(X, dict) or hasattr(X, "columns"))
    if has_names:
        refuse_absent(X, [name for name, *_ in columns])
    elif not isinstance(X, np.ndarray):
        X = np.asarray(X, dtype=object)
    inputs: dict = {"numeric": [], "categorical": [], "text": []}
    for name, position, kind, zone, origin, parts in columns:
        column = X[name] if has_names else X[:, position]
        values = as_array(column)
        if kind in ("number", "duration"):
            inputs["numeric"].append(numbers(values, name, kind))
        elif kind == "date":
            moments = times(values, name)
            if not np.isnat(moments).all():
                refuse_other_zone(zone_of(column, values, name), zone, name)
            inputs["numeric"] += [date_part(moments, p, origin) for p in parts]
        else:
            target = "text" if kind == "text" else "categorical"
            inputs[target].append(texts(values, name))
    return {name: np.stack(arrays, axis=1) for name, arrays in inputs.items() if arrays}


def refuse_absent(X, names):
    """Raise where a table lacks columns."""
    if isinstance(X, dict):
        given = list(X)
    else:
        # A pyarrow table has arrays for columns.
        arrow = type(X).__module__.startswith("pyarrow")
        given = list(X.column_names if arrow else X.columns)
    known = set(given)
    absent = [name for name in names if name not in known]
    if absent:
        raise ValueError(
            f"Expected the columns of the training; received {given[:20]}, without "
            f"{absent[:20]}. Rename or add them."
        )


def zone_of(column, values, name):
    """Return the name of the one time zone of a column of dates, or ""."""
    if values.dtype != object:
        dtype = getattr(column, "dtype", None)
        dtype = getattr(dtype, "pyarrow_dtype", dtype)
        return zone_name(getattr(dtype, "tz", None) or getattr(dtype, "time_zone", ""))
    present = [value for value in values if not is_missing(value)]
    zones = {zone_name(getattr(value, "tzinfo", None)) for value in present}
    if len(zones) > 1:
        raise ValueError(
            f"Expected dates of one time zone in column {name!r}; received "
            f"{sorted(zones)}. Convert them, by pandas.to_datetime(values, utc=True)."
        )
    return next(iter(zones), "")


def zone_name(zone):
    """Return a time zone's name, one for all spellings of an offset; "" for none."""
    name = "" if zone is None else str(zone)
    if name in ("tzutc()", "Etc/UTC", "+00:00", "UTC+00:00"):
        return "UTC"
    return name.removeprefix("UTC") or name


def refuse_other_zone(zone, expected, name):
    """Raise where dates are of another time zone than in training."""
    if zone != expected:
        between = zone and expected
        mend = "tz_convert" if between else "tz_localize"
        raise ValueError(
            f"Expected dates of time zone {expected or None!r} in column {name!r}, as "
            f"in training; received {zone or None!r}. Convert them, e.g. by "
            f"dt.{mend}({expected or None!r})."
        )


def as_array(column):
    """Return a column as an array: gaps stay gaps, and dates are in local time."""
    if isinstance(column, list | tuple):
        # Strings with NaN would become strings with "nan".
        return np.asarray(column, dtype=object)
    if hasattr(column, "combine_chunks"):  # pyarrow's, of which numpy loses both
        if "dictionary" in str(column.type) or "tz=" in str(column.type):
            return np.asarray(column.to_pylist(), dtype=object)
        return np.asarray(column)
    dtype = getattr(column.dtype, "pyarrow_dtype", column.dtype)
    if getattr(dtype, "tz", None) is not None:  # pandas'
        column = getattr(column, "dt", column).tz_localize(None)
    elif getattr(dtype, "time_zone", None) is not None:  # polars'
        column = column.dt.replace_time_zone(None)
    return np.asarray(column)


def is_missing(value):
    """Tell whether a cell is None, NaN, NA or NaT."""
    # pandas' NA has no truth value, so it must be known by its type.
    if type(value).__name__ in ("NoneType", "NAType", "NaTType"):
        return True
    return not isinstance(value, np.ndarray) and value != value


def refuse_objects(values, name):
    """Raise where a cell holds neither a number nor a date nor what reads as text."""
    for kind in set(map(type, values)):
        mend = next((mend for kinds, mend in REFUSED if issubclass(kind, kinds)), None)
        if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:
            mend = "Pass what of it matters, as numbers or strings"
        if mend:
            raise ValueError(
                f"Expected numbers, dates or strings in column {name!r}; received "
                f"{kind.__name__}. {mend}."
            )


def numbers(values, name, kind):
    """Return float32 numbers; gaps become NaN, durations seconds."""
    refuse_other_kind(values, name, kind)
    if values.dtype.kind == "m":
        values = seconds(values, name)
    elif values.dtype.kind not in "fiub":
        refuse_objects(values, name)
        values = np.array([number(v, name) for v in values], dtype="float64")
    with np.errstate(over="ignore"):
        values = values.astype("float32")
    if np.isinf(values).any():
        raise ValueError(
            f"Expected finite float32 numbers in column {name!r}; received infinite or "
            "larger ones. Replace them, e.g. by NaN, a missing number."
        )
    return values


def refuse_other_kind(values, name, kind):
    """Raise where numbers are among durations, or durations among numbers."""
    if values.dtype.kind in "fiubm":
        present = values[values == values][:1]
    else:
        present = [value for value in values if not is_missing(value)]
    durations = {
        isinstance(v, np.timedelta64) or hasattr(v, "total_seconds") for v in present
    }
    if durations and durations != {kind == "duration"}:
        raise ValueError(
            f"Expected {kind}s in column {name!r}, as in training; received "
            f"{'others' if kind == 'duration' else 'durations'}. Convert them, e.g. "
            "by pandas.to_timedelta or dt.total_seconds()."
        )


def number(value, name):
    """Return a cell as a float."""
    if is_missing(value):
        return np.nan
    if isinstance(value, np.timedelta64) or hasattr(value, "total_seconds"):
        return seconds(value, name)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Expected numbers in column {name!r}, as in training; received "
            f"{value!r:.50}. Replace it, e.g. by NaN, a missing number."
        ) from error


def seconds(durations, name):
    """Return a duration, or an array of them, in seconds."""
    try:
        return durations / np.timedelta64(1, "s")
    except TypeError as error:
        raise ValueError(
            f"Expected durations of a fixed length in column {name!r}; received months "
            "or years. Pass days."
        ) from error


def times(values, name):
    """Return dates as datetime64[s], without their time zone."""
    if values.dtype.kind == "M":
        return values.astype("datetime64[s]")
    try:
        cells = [moment(value) for value in values]
        return np.array(cells, dtype="datetime64[s]")
    except ValueError as error:
        raise ValueError(
            f"Expected dates in column {name!r}, as in training; received others: "
            f"{error}. Pass dates, e.g. by pandas.to_datetime."
        ) from error


def moment(value):
    """Return a cell as numpy reads dates, without its zone; raise where it is none."""
    if is_missing(value):
        return "NaT"
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[s]")
    # A date that is no string carries its zone itself, as refuse_other_zone knows.
    cell = value if isinstance(value, str) else str(value)[:19]
    if not DATE.fullmatch(cell):
        raise ValueError(repr(value))
    return cell[:19]


def date_part(moments, part, origin):
    """Return days since the origin, or a part of the calendar, as float32."""
    day = moments.astype("datetime64[D]")
    one_day, one_hour = np.timedelta64(1, "D"), np.timedelta64(1, "h")
    if part == "day of year":
        since = (day - moments.astype("datetime64[Y]")) / one_day
    elif part == "day of month":
        since = (day - moments.astype("datetime64[M]")) / one_day
    elif part == "weekday":
        since = (day - np.datetime64("1970-01-05")) / one_day % 7  # from Monday
    elif part == "hour":
        since = (moments - day) / one_hour
    else:
        # In float64 first: float32 has no seconds at today's epoch times.
        since = (moments - np.datetime64(origin)) / one_day
    return since.astype("float32")


def texts(values, name):
    """Return strings; gaps become empty ones."""
    refuse_objects(values, name)
    strings = [text(value) for value in values]
    try:
        for string in strings:
            string.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"Expected valid Unicode in column {name!r}; received a lone surrogate. "
            'Pass text.encode("utf-8", "replace").decode().'
        ) from error
    return np.array(strings, dtype=object)


def text(value):
    """Return a cell as a string; whole numbers are written without a point."""
    if is_missing(value):
        return ""
    is_whole = isinstance(value, float | np.floating) and value.is_integer()
    return str(int(value)) if is_whole else str(value)
