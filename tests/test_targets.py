import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import DataConversionWarning

from skautonas.data.targets import (
    ClassTargets,
    ValueTargets,
    check_labels,
    check_values,
    fit_classes,
    fit_values,
)


@pytest.mark.parametrize(
    "labels",
    [
        [3, 7, 3, -1],
        ["b", "a", "c", "a"],
        [True, False, True, True],
        [1.0, 0.0, 2.0, 0.0],
        pd.Series(["x", "y", "x", "z"]),
        pd.Series([1, 2, 1, 3], dtype="category"),
    ],
)
def test_labels_come_back_in_their_own_dtype(labels):
    y = check_labels(labels)
    targets = fit_classes(y)
    codes = targets.encode(y)
    assert codes.dtype == np.int32
    assert targets.classes[codes].tolist() == list(labels)
    assert np.all(np.diff(np.unique(codes)) == 1)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "target y is None"),
        ([1, 1, 1], "1 class"),
        ([0.5, 1.5, 2.25], "Unknown label type"),
        (np.eye(3), "argmax"),
        (["a", None, "b"], "NaN"),
        ([1.0, np.nan, 2.0], "NaN"),
        ([1.0, np.inf, 2.0], "infinity"),
        (pd.Series(["a", pd.NA, "b"], dtype=object), "NaN"),
        (pd.Series(["a", pd.NA, "b"], dtype="string"), "NaN"),
        (pd.Series([1, pd.NA, 2], dtype="Int64"), "NaN"),
        (pd.Series([1, pd.NaT, 2], dtype=object), "NaN"),
        (np.array(["2024-01-01", "NaT"], dtype="datetime64[D]"), "NaN"),
        (pl.Series(["a", None, "b"]), "NaN"),
        ([1, "a", 1, "a"], "received int, str"),
        (pd.Series([True, "a"], dtype=object), "received bool, str"),
        ([object(), object()], "received object"),
    ],
)
def test_labels_that_cannot_be_classes_are_refused_with_the_mend(y, message):
    with pytest.raises(ValueError, match=message):
        fit_classes(check_labels(y))


@pytest.mark.parametrize(
    "y",
    [
        pd.DataFrame({"y": ["b", "a", "b"]}),
        pl.DataFrame({"y": ["b", "a", "b"]}),
        np.array([["b"], ["a"], ["b"]], dtype=object),
        [["b"], ["a"], ["b"]],
    ],
)
def test_one_column_of_strings_is_saved_without_pickle(y, tmp_path):
    with pytest.warns(DataConversionWarning, match="1d array"):
        labels = check_labels(y)
    np.save(tmp_path / "y.npy", labels)
    assert np.load(tmp_path / "y.npy").tolist() == ["b", "a", "b"]


def test_a_gap_in_one_column_of_strings_is_refused():
    y = pd.DataFrame({"y": ["b", None, "b"]}, dtype=object)
    with (
        pytest.warns(DataConversionWarning),
        pytest.raises(ValueError, match="NaN"),
    ):
        check_labels(y)


@pytest.mark.parametrize("dtype", ["object", "Int64", "float64"])
def test_gaps_in_values_are_refused(dtype):
    with pytest.raises(ValueError, match="NaN"):
        check_values(pd.Series([1, None, 2], dtype=dtype))


def test_values_of_na_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        check_values(pd.Series([1, pd.NA, 2], dtype=object))


@pytest.mark.parametrize("y", [[True, 2, 1], [1, "a", 2], [True, "a", False]])
def test_labels_of_several_types_are_refused(y):
    with pytest.raises(ValueError, match="labels of one type"):
        check_labels(y)


def test_a_label_that_was_not_in_training_is_named():
    with pytest.raises(ValueError, match="'c'"):
        fit_classes(np.array(["a", "b"])).encode(["a", "c"])


def test_values_return_to_their_unit():
    y = np.array([1e5, 3e5, 2e5, 9e5])
    targets = fit_values(y, np.arange(3))
    encoded = targets.encode(y)
    assert encoded.shape == (4, 1)
    assert encoded[:3].mean() == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(targets.predictions(encoded), y, rtol=1e-6)


def test_several_targets_keep_their_columns():
    y = np.array([[1.0, 10.0], [2.0, 30.0], [4.0, 50.0]])
    targets = fit_values(check_values(y), np.arange(3))
    np.testing.assert_allclose(targets.predictions(targets.encode(y)), y, rtol=1e-6)


def test_a_constant_target_does_not_divide_by_zero():
    targets = fit_values(np.full(5, 7.0), np.arange(5))
    assert np.all(targets.encode(np.full(5, 7.0)) == 0)


def test_packed_members_are_averaged_as_probabilities():
    targets = ClassTargets(np.array([0, 1]))
    logits = np.array([[[10.0, 0.0], [0.0, 10.0]]])
    np.testing.assert_allclose(targets.predictions(logits), [[0.5, 0.5]])


def test_one_sigmoid_column_of_a_users_model_becomes_two():
    targets = ClassTargets(np.array(["no", "yes"]), logits=False)
    outputs = targets.predictions(np.array([[0.25], [0.75]]))
    np.testing.assert_allclose(outputs, [[0.75, 0.25], [0.25, 0.75]])


def test_a_users_model_with_too_few_outputs_is_refused():
    targets = ClassTargets(np.arange(3), logits=False)
    with pytest.raises(ValueError, match="3 outputs"):
        targets.predictions(np.ones((4, 2)))


def test_targets_in_their_unit_are_predicted_as_they_are():
    targets = ValueTargets.in_unit(1, flat=True)
    np.testing.assert_array_equal(targets.predictions(np.array([[5.0]])), [5.0])
