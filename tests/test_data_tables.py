"""Columns by kind, and the preprocessing model that stands in the export."""

import pickle
import tracemalloc

import keras
import numpy as np
import pandas as pd
import polars as pl
import pytest

from skautonas import TabularSearchClassifier
from skautonas.data import encode
from skautonas.data.encode import preprocessing_model, run_batches
from skautonas.data.store import open_arrays, write_arrays
from skautonas.data.tables import TableEncoder

N = 120
RNG = np.random.default_rng(0)


def frame():
    numbers = RNG.lognormal(size=N)
    numbers[::11] = np.nan
    cities = np.array(["Bern", "Ulm", "Graz"], dtype=object)[RNG.integers(0, 3, N)]
    cities[5] = None
    cities[7] = "Rarissimo"
    days = pd.date_range("2020-03-01", periods=N, freq="36h")
    return pd.DataFrame(
        {
            "number": numbers,
            "count": RNG.integers(0, 9, N),
            "flag": RNG.random(N) > 0.5,
            "city": cities,
            "level": pd.Categorical(np.where(numbers > 1, "high", "low")),
            "day": days,
            "constant": 4.0,
            "empty": np.full(N, np.nan),
        }
    )


@pytest.fixture(params=["pandas", "polars"])
def table(request):
    pandas = frame()
    return pandas if request.param == "pandas" else to_polars(pandas)


def encoded(encoder, X, plain=False):
    return run_batches(preprocessing_model(encoder, plain), encoder.to_inputs(X))


def to_polars(pandas):
    columns = {name: pandas[name].tolist() for name in pandas}
    columns["city"] = [v if isinstance(v, str) else None for v in columns["city"]]
    columns["day"] = [day.to_pydatetime() for day in columns["day"]]
    return pl.DataFrame(columns).with_columns(pl.col("level").cast(pl.Categorical))


def test_columns_are_sorted_by_kind(table):
    encoder = TableEncoder().fit(table)
    kinds = {column.name: column.kind for column in encoder.columns_}
    numbers = ["number", "count", "flag", "constant", "empty"]
    assert kinds == dict.fromkeys(numbers, "number") | {
        "city": "category",
        "level": "category",
        "day": "date",
    }


def test_pandas_and_polars_give_the_same_tensors():
    pandas = frame()
    polars = to_polars(pandas)
    one = encoded(TableEncoder().fit(pandas), pandas)
    two = encoded(TableEncoder().fit(polars), polars)
    for name, array in one.items():
        np.testing.assert_array_equal(array, two[name])


def test_everything_encoded_is_finite_and_flags_the_gaps(table):
    arrays = encoded(TableEncoder().fit(table), table)
    assert all(np.isfinite(array).all() for array in arrays.values())
    gaps = np.isnan(np.asarray(table["number"]).astype(float))
    assert arrays["missing"][:, 0].tolist() == gaps.astype(float).tolist()
    assert arrays["missing"][:, 1].all()


def test_quantiles_become_normal_scores():
    x = RNG.lognormal(sigma=2, size=(5000, 1))
    scores = encoded(TableEncoder().fit(x), x)["quantile"]
    assert scores.mean() == pytest.approx(0, abs=0.05)
    assert scores.std() == pytest.approx(1, abs=0.05)
    assert np.all(np.diff(scores[np.argsort(x[:, 0]), 0]) >= -1e-5)


def test_numbers_that_are_mostly_zero_are_told_apart():
    few = RNG.lognormal(sigma=2, size=400)
    x = np.concatenate([np.zeros(4600), few])[:, None]
    scores = encoded(TableEncoder().fit(x), x)["quantile"][:, 0]
    # Zero counts as an eighth of all rows, 625 of 1025.
    assert scores[4600:].min() > 0.1
    assert scores[4600:].min() < 0.5
    assert np.ptp(scores[4600:]) > 2.0
    assert scores[0] == pytest.approx(-0.51, abs=0.1)


def test_equal_quantiles_do_not_divide_by_zero():
    x = np.where(RNG.random((500, 1)) < 0.8, 0.0, RNG.normal(size=(500, 1)))
    scores = encoded(TableEncoder().fit(x), x)["quantile"]
    zeros = scores[x[:, 0] == 0]
    assert np.ptp(zeros) < 1e-6
    assert scores[x[:, 0] > 0].min() > zeros[0]


def test_a_constant_or_empty_column_becomes_zero():
    x = np.column_stack([np.full(50, 3.0), np.full(50, np.nan)])
    arrays = encoded(TableEncoder().fit(x), x)
    assert not arrays["numeric"].any()
    assert not arrays["quantile"].any()


def test_what_a_constant_column_holds_later_tells_nothing():
    x = RNG.normal(size=(50, 3))
    x[:, 1], x[:, 2] = 2023.0, np.nan
    encoder = TableEncoder().fit(x)
    later = np.column_stack([x[:, 0], np.full(50, 2024.0), np.full(50, -1.0)])
    arrays, others = encoded(encoder, x), encoded(encoder, later)
    for name in ("numeric", "quantile"):
        np.testing.assert_array_equal(arrays[name], others[name])


def test_missing_unknown_and_rare_levels_have_ids_of_their_own():
    table = pd.DataFrame({"c": ["a"] * 10 + ["b"] * 5 + ["rare", None]})
    encoder = TableEncoder().fit(table)
    new = pd.DataFrame({"c": ["a", "b", "rare", "never seen", None]})
    assert encoded(encoder, new)["categorical"][:, 0].tolist() == [2, 3, 1, 1, 0]


def test_a_level_may_have_the_name_of_a_special_one():
    table = pd.DataFrame({"c": ["[UNK]"] * 9 + ["b"] * 5})
    assert set(encoded(TableEncoder().fit(table), table)["categorical"].flat) == {2, 3}


def test_high_cardinality_does_not_explode():
    codes = [f"code {i % 3000}" for i in range(10_000)]
    facts = (
        TableEncoder()
        .fit(pd.DataFrame({"code": codes}))
        .facts(task="classification", n_outputs=2, n_rows=10_000)
    )
    assert facts.inputs["categorical"].shape == (1,)
    assert facts.cardinalities[0] <= 1002


def test_near_unique_strings_become_one_unknown_level():
    names = pd.DataFrame({"name": [f"passenger {i}" for i in range(300)]})
    encoder = TableEncoder().fit(names)
    assert encoder.levels_ == [[]]
    assert encoded(encoder, names)["categorical"].tolist() == [[1]] * 300


def test_an_object_array_has_columns_by_position():
    x = np.array([[1, "a"], [2.5, "b"], [None, "a"]] * 4, dtype=object)
    encoder = TableEncoder().fit(x)
    assert [(c.name, c.kind) for c in encoder.columns_] == [
        (0, "number"),
        (1, "category"),
    ]


def test_one_axis_is_refused_with_the_mend():
    with pytest.raises(ValueError, match=r"reshape\(-1, 1\)"):
        TableEncoder().fit(np.arange(3.0))


def to_tensors(encoder, X):
    return {name: array.tolist() for name, array in encoder.to_inputs(X).items()}


def test_an_array_is_read_by_position_after_a_fit_on_a_dataframe():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "z"], "c": [4, 5, 6]})
    encoder = TableEncoder().fit(table)
    expected = {
        "numeric": [[1, 4], [2, 5], [3, 6]],
        "categorical": [["x"], ["y"], ["z"]],
    }
    array = table.to_numpy()
    for X in (table, array, array.tolist(), table.to_dict("list")):
        assert to_tensors(encoder, X) == expected


def test_an_array_is_read_by_position_where_column_names_are_numbers():
    table = pd.DataFrame({1: [1.0, 2.0], 0: [3.0, 4.0]})
    encoder = TableEncoder().fit(table)
    assert to_tensors(encoder, table) == to_tensors(encoder, table.to_numpy())


def test_the_snippet_reads_an_array_by_position():
    names = {}
    exec(TableEncoder().fit(pd.DataFrame({"a": [1.0], "b": [2.0]})).snippet(), names)
    inputs = names["to_inputs"](np.array([[3.0, 4.0], [5.0, 6.0]]))
    assert inputs["numeric"].tolist() == [[3, 4], [5, 6]]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
def test_infinite_numbers_are_refused_by_the_column_s_name(make, value):
    fine, bad = make({"a": [1.0, 2.0], "b": [1.0, None]}), make({"b": [1.0, value]})
    with pytest.raises(ValueError, match=r"column 'b'.*infinite.*Replace"):
        TableEncoder().fit(bad)
    encoder = TableEncoder().fit(fine)
    both = make({"a": [1.0, 2.0], "b": [1.0, value]})
    with pytest.raises(ValueError, match="column 'b'"):
        encoder.to_inputs(both)


@pytest.mark.parametrize("value", [np.inf, 1e39])
def test_infinite_numbers_in_an_array_are_refused_by_position(value):
    X = np.array([[1.0, 2.0], [3.0, value]], dtype=object)
    with pytest.raises(ValueError, match="column 1"):
        TableEncoder().fit(X)


def test_an_infinite_number_among_strings_is_a_category():
    X = np.array([[np.inf], ["a"]], dtype=object)
    assert to_tensors(TableEncoder().fit(X), X) == {"categorical": [["inf"], ["a"]]}


def test_a_list_of_rows_keeps_its_numbers():
    search = TabularSearchClassifier()
    X = search._check_X([[1.5, "a"], [float("nan"), "b"], [2, "a"]], reset=True)
    encoder = TableEncoder().fit(X)
    assert [column.kind for column in encoder.columns_] == ["number", "category"]
    np.testing.assert_array_equal(
        encoder.to_inputs(X)["numeric"][:, 0], [1.5, np.nan, 2]
    )


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([1.5, 2.0], "Reshape your data"),
        ([[1.5, "a"], [2.0]], "Expected 2D array"),
        ([], "Reshape your data"),
        ([[]], "minimum of 1 is required"),
    ],
)
def test_lists_that_are_no_tables_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        TabularSearchClassifier()._check_X(X, reset=True)


def test_the_preprocessing_survives_save_and_load(table, tmp_path):
    encoder = TableEncoder().fit(table)
    model = encoder.preprocessing()
    model.save(tmp_path / "p.keras")
    loaded = keras.saving.load_model(tmp_path / "p.keras", safe_mode=True)
    inputs = {k: v[:20] for k, v in encoder.to_inputs(table).items()}
    import tensorflow as tf

    tensors = {name: tf.constant(array) for name, array in inputs.items()}
    for name, array in model(tensors).items():
        np.testing.assert_array_equal(array, loaded(tensors)[name])


def test_the_snippet_makes_the_same_tensors_with_numpy_alone(table):
    encoder = TableEncoder().fit(table)
    names = {}
    exec(encoder.snippet(), names)
    for name, array in encoder.to_inputs(table).items():
        np.testing.assert_array_equal(names["to_inputs"](table)[name], array)


def test_the_encoder_pickles(table):
    encoder = pickle.loads(pickle.dumps(TableEncoder().fit(table)))
    assert encoded(encoder, table)["numeric"].shape == (N, 10)


def test_a_dense_matrix_keeps_plain_numbers_in_their_columns():
    x = RNG.normal(size=(60, 3))
    dense = encoded(TableEncoder().fit(x), x, plain=True)
    assert dense["features"].shape == (60, 3)


def test_a_dense_matrix_has_categories_and_flags_beside_the_numbers(table):
    dense = encoded(TableEncoder().fit(table), table, plain=True)["features"]
    assert dense.shape[1] == 6 + 4 + 2 + (2 + 3) + (2 + 2)
    assert np.isfinite(dense).all()


def test_the_snippet_takes_column_names_of_numpy_s_str():
    names = pd.Index([np.str_("a")], dtype=object)
    table = pd.DataFrame([[1.0]], columns=names)
    scope = {}
    exec(TableEncoder().fit(table).snippet(), scope)
    assert scope["to_inputs"](table)["numeric"].tolist() == [[1]]


def test_a_giant_value_is_an_outlier_and_not_the_median():
    x = RNG.normal(size=(N, 1))
    encoder = TableEncoder().fit(x)
    giants = np.array([[1e20], [-9.97e36], [3e38]])
    numeric = encoded(encoder, giants)["numeric"][:, 0]
    np.testing.assert_allclose(numeric, [3, -3, 3], atol=1e-3)


def test_one_long_text_does_not_widen_all_rows():
    names = np.array(["short"] * 5_000, dtype=object)
    names[7] = "x" * 30_000
    tracemalloc.start()
    TableEncoder().fit(pd.DataFrame({"name": names}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6


def test_categories_under_a_number_are_categories():
    values = pd.Categorical([1, 2, 3] * 5)
    for name in (0, "0"):
        encoder = TableEncoder().fit(pd.DataFrame({name: values}))
        assert encoder.columns_[0].kind == "category"


def test_differences_too_small_for_floats_are_none():
    x = np.arange(40)[:, None] * 1e-41
    arrays = encoded(TableEncoder().fit(x), x)
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_a_lone_surrogate_is_refused_by_column():
    table = pd.DataFrame({"city": pd.Series(["\ud800", "a"], dtype=object)})
    with pytest.raises(ValueError, match=r"Unicode in column 'city'"):
        TableEncoder().fit(table)


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_a_column_without_a_value_takes_any_later(dtype):
    column = pd.Series([None] * 9, dtype=dtype)
    encoder = TableEncoder().fit(pd.DataFrame({"c": column, "x": np.arange(9.0)}))
    later = pd.DataFrame({"c": ["new", None], "x": [1.0, 2.0]})
    assert encoded(encoder, later)["categorical"].tolist() == [[1], [0]]


def test_a_dict_of_lists_keeps_its_gaps():
    table = pd.DataFrame({"c": ["a", "b", np.nan] * 9, "x": np.arange(27.0)})
    encoder = TableEncoder().fit(table)
    expected = encoder.to_inputs(table)["categorical"]
    lists = encoder.to_inputs(table.to_dict("list"))["categorical"]
    assert lists.tolist() == expected.tolist()


def test_a_level_that_ends_with_nul_is_unknown():
    table = pd.DataFrame({"c": ["a", "a\0", "\0"] * 9})
    encoder = TableEncoder().fit(table)
    assert encoder.levels_ == [["a"]]
    assert encoded(encoder, table)["categorical"][:3, 0].tolist() == [2, 1, 1]


def test_whole_numbers_of_any_width_are_one_category():
    codes = pd.DataFrame({"c": pd.Categorical([10, 20, 30] * 5)})
    encoder = TableEncoder().fit(codes)
    expected = encoder.to_inputs(codes)["categorical"].tolist()
    for dtype in ("int64", "float64", "float32", "Float32", "str"):
        table = codes.astype("int64").astype(dtype)
        assert encoder.to_inputs(table)["categorical"].tolist() == expected, dtype


@pytest.mark.parametrize(("n_columns", "at_once"), [(2, True), (60, False)])
def test_few_rows_are_encoded_at_once_unless_they_are_wide(
    n_columns, at_once, tmp_path, monkeypatch
):
    called, encode_all = [], encode._at_once

    def counts(model, inputs):
        called.append(model)
        return encode_all(model, inputs)

    monkeypatch.setattr(encode, "_at_once", counts)
    x = RNG.normal(size=(2000, n_columns))
    encoder = TableEncoder().fit(x)
    write_arrays(tmp_path / "raw", [encoder.to_inputs(x)], len(x))
    encode.encode_folder(encoder, False, tmp_path / "raw", tmp_path / "encoded")
    assert bool(called) == at_once
    numbers = open_arrays(tmp_path / "encoded")["numeric"]
    np.testing.assert_allclose(numbers, encoded(encoder, x)["numeric"], atol=1e-6)
