import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from skautonas.data.labels import check_labels, check_values, fit_classes, fit_labels


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
        fit_labels(check_labels(y))


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


@pytest.mark.parametrize(
    "y",
    [
        [[0, 1], [1, 1], [0, 0]],
        [[True, False], [True, True]],
        np.array([[True, False], [True, True]]),
        np.array([[0.0, 1.0], [1.0, 1.0]]),
    ],
)
def test_indicator_matrices_are_sets_of_labels(y):
    labels = check_labels(y)
    assert labels.dtype == np.int8
    targets = fit_labels(labels)
    assert targets.task == "multilabel"
    np.testing.assert_array_equal(targets.encode(labels), np.asarray(y, "float32"))


def test_a_sparse_indicator_matrix_is_taken():
    y = np.array([[0, 1], [1, 1]])
    np.testing.assert_array_equal(check_labels(sparse.csr_array(y)), y)


@pytest.mark.parametrize(
    ("y", "mend"),
    [
        (np.eye(3)[[0, 1, 1, 2]], r"argmax\(axis=1\)"),
        (np.array([[0.2, 0.8], [0.5, 0.5]]), r"argmax\(axis=1\)"),
        (np.array([[0, 2], [1, 1]]), "MultiOutputClassifier"),
        (np.array([["a", "b"], ["b", "b"]]), "MultiOutputClassifier"),
        (np.array([["0", "1"], ["1", "1"]]), "MultiOutputClassifier"),
        ([["True", "False"], ["True", "True"]], "MultiOutputClassifier"),
        (pd.DataFrame({"a": [1, None], "b": [0, 1]}, dtype=object), "NaN"),
    ],
)
def test_matrices_that_are_no_indicators_are_refused_with_the_mend(y, mend):
    with pytest.raises(ValueError, match=mend):
        fit_labels(check_labels(y))
