"""What scikit-learn's checks ask, of the estimators whose X it cannot make."""

import copy
import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from skautonas.exceptions import SkautonasError
from tests.conftest import PROBLEMS

NAMES = [
    "image-classifier",
    "image-regressor",
    "text-classifier",
    "text-regressor",
]
OPTIONS = {"max_trials": 1, "max_epochs": 2, "time_budget": None, "random_state": 0}
N_ROWS = 90


class Case:
    """An estimator, its data, and the same estimator fitted."""

    def __init__(self, name):
        problem = PROBLEMS[name]()
        self.name = name
        self.estimator = problem.estimator
        self.X, self.y = problem.X_train[:N_ROWS], problem.y_train[:N_ROWS]
        self.X_new = problem.X_test[:40]
        self.fitted = self.new().fit(self.X, self.y)

    def new(self, **options):
        return self.estimator(**(OPTIONS | options))

    def methods(self):
        names = ["predict", "score"]
        return [*names, "predict_proba"] if is_classifier(self.fitted) else names


@pytest.fixture(scope="module", params=NAMES)
def case(request):
    return Case(request.param)


def take(X, rows):
    return [X[row] for row in rows] if isinstance(X, list) else X[rows]


def outputs(search, X):
    method = "predict_proba" if is_classifier(search) else "predict"
    return getattr(search, method)(X)


def test_it_is_an_estimator_of_its_task(case):
    assert isinstance(case.fitted, BaseEstimator)
    tags = get_tags(case.fitted)
    assert is_classifier(case.fitted) != is_regressor(case.fitted)
    assert tags.target_tags.required
    assert not tags.input_tags.two_d_array
    assert tags.input_tags.three_d_array == case.name.startswith("image")
    assert tags.input_tags.string == case.name.startswith("text")


def test_the_constructor_only_keeps_its_arguments(case):
    parameters = inspect.signature(case.estimator).parameters
    marks = {name: object() for name in parameters}
    search = case.estimator(**marks)
    assert search.get_params(deep=False) == marks
    assert vars(search) == marks
    assert all(p.default is not inspect.Parameter.empty for p in parameters.values())


def test_parameters_are_set_and_cloned(case):
    search = case.new().set_params(max_trials=7)
    assert clone(search).get_params() == search.get_params()
    with pytest.raises(ValueError, match="Invalid parameter"):
        search.set_params(depth=3)


def test_constraints_are_declared_for_every_parameter(case):
    declared = set(case.estimator._parameter_constraints)
    assert declared == set(inspect.signature(case.estimator).parameters)


def test_the_repr_shows_what_was_changed(case):
    assert repr(case.estimator(max_trials=7)) == (
        f"{case.estimator.__name__}(max_trials=7)"
    )
    assert case.estimator.__name__ in case.new()._repr_html_()


def test_before_fit_every_method_says_so(case):
    for method in case.methods():
        arguments = (case.X, case.y) if method == "score" else (case.X,)
        with pytest.raises(NotFittedError):
            getattr(case.new(), method)(*arguments)


def test_fit_returns_itself_and_changes_no_parameter(case):
    search = case.new()
    before = copy.deepcopy(search.get_params())
    assert search.fit(case.X, case.y) is search
    assert search.get_params() == before
    public = {name for name in vars(search) if not name.startswith("_")}
    assert all(name in before or name.endswith("_") for name in public)


def test_neither_fit_nor_predict_changes_the_data(case):
    X, y = copy.deepcopy(case.X), copy.deepcopy(case.y)
    case.new().fit(X, y).predict(X)
    np.testing.assert_array_equal(X, case.X)
    np.testing.assert_array_equal(y, case.y)


def test_a_second_fit_forgets_the_first(case):
    search = case.new().fit(take(case.X, range(60)), case.y[:60])
    search.fit(case.X, case.y)
    np.testing.assert_array_equal(
        outputs(search, case.X_new), outputs(case.fitted, case.X_new)
    )


def test_read_only_data_and_lists_of_targets_do(case):
    X = np.asarray(case.X, dtype=object if isinstance(case.X, list) else None)
    X.flags.writeable = False
    search = case.new().fit(X, list(case.y))
    np.testing.assert_array_equal(
        outputs(search, case.X_new), outputs(case.fitted, case.X_new)
    )


def test_one_row_is_enough_to_predict(case):
    expected = outputs(case.fitted, case.X_new)
    one = outputs(case.fitted, case.X_new[3:4])
    np.testing.assert_array_equal(one, expected[3:4])


def test_a_row_does_not_depend_on_order_or_company(case):
    rows = np.random.default_rng(0).permutation(len(case.X_new))[:25]
    expected = outputs(case.fitted, case.X_new)[rows]
    np.testing.assert_array_equal(
        outputs(case.fitted, take(case.X_new, rows)), expected
    )


def test_a_pickle_and_a_copy_predict_the_same(case):
    expected = outputs(case.fitted, case.X_new)
    for again in (pickle.loads(pickle.dumps(case.fitted)), copy.deepcopy(case.fitted)):
        np.testing.assert_array_equal(outputs(again, case.X_new), expected)


def test_the_pickle_of_an_unfitted_one_is_unfitted(case):
    search = pickle.loads(pickle.dumps(case.new()))
    with pytest.raises(NotFittedError):
        search.predict(case.X)


def test_different_numbers_of_rows_are_refused(case):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        case.new().fit(case.X, case.y[:-1])


def test_no_rows_are_refused(case):
    with pytest.raises(ValueError, match="at least one"):
        case.new().fit(case.X[:0], case.y[:0])
    with pytest.raises(ValueError, match="at least one"):
        case.fitted.predict(case.X[:0])


def test_missing_targets_are_refused(case):
    with pytest.raises(ValueError, match="y"):
        case.new().fit(case.X, None)
    y = pd.Series(case.y).astype(object)
    y.iloc[4] = None
    with pytest.raises(ValueError, match=r"missing|NaN|None") as caught:
        case.new().fit(case.X, y.to_numpy())
    assert not isinstance(caught.value, SkautonasError)


def test_a_column_of_targets_is_flattened_with_a_warning(case):
    y = np.asarray(case.y).reshape(-1, 1)
    with pytest.warns(Warning, match="column-vector y"):
        search = case.new().fit(case.X, y)
    assert search.predict(case.X_new).shape == (len(case.X_new),)


def test_features_that_do_not_apply_are_absent(case):
    assert not hasattr(case.fitted, "feature_names_in_")
    assert not hasattr(case.fitted, "n_features_in_")


def test_other_inputs_are_refused_at_predict(case):
    other = np.zeros((3, 5, 5)) if case.name.startswith("image") else [1, 2, 3]
    with pytest.raises((TypeError, ValueError), match=r"expecting|Expected"):
        case.fitted.predict(other)
