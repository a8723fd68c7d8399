"""The raw tensors that a model takes of a table."""


def to_inputs(X, columns, by_name):
    """Return the raw tensors of a table: numpy arrays by input name.

    X is a DataFrame, a dict of columns, or a 2-D array; ``columns`` lists name,
    position, kind and date origin of what enters, as in training. Arrays and lists of
    rows are read by position. Durations become seconds; dates, in local time, become
    days from their origin and parts of the calendar.
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

    def times(values, name):
        if values.dtype.kind == "M":
            return values.astype("datetime64[s]")
        # Without fractions of a second and without the time zone.
        texts = ["NaT" if is_missing(v) else str(v)[:19] for v in values]
        try:
            if any(text.lstrip("-").isdigit() for text in texts):
                raise ValueError("a number is no date")
            return np.array(texts, dtype="datetime64[s]")
        except ValueError as error:
            raise ValueError(
                f"Expected dates in column {name!r}, as in training; received others: "
                f"{error}. Pass dates, e.g. by pandas.to_datetime."
            ) from error

    def dates(values, name, part, origin):
        moments = times(values, name)
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
    inputs: dict = {"numeric": [], "categorical": [], "text": []}
    for name, position, kind, origin in columns:
        values = X[name] if has_names else X[:, position]
        # A list of strings with NaN would become strings with "nan".
        values = np.asarray(values, dtype=object if isinstance(values, list) else None)
        if kind == "number":
            inputs["numeric"].append(numbers(values, name))
        elif kind in ("category", "text"):
            target = "text" if kind == "text" else "categorical"
            inputs[target].append(texts(values, name))
        else:
            inputs["numeric"].append(dates(values, name, kind, origin))
    return {name: np.stack(parts, axis=1) for name, parts in inputs.items() if parts}
