"""Real data that comes with the dependencies, and one fitted estimator of each kind."""

import fcntl
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split

import skautonas
from skautonas.datasets import load_docstrings

TRIALS = {"max_trials": 2, "max_epochs": 12, "time_budget": None, "random_state": 0}


@dataclass(frozen=True)
class Problem:
    """An estimator class and data for it."""

    estimator: type
    X_train: Any
    y_train: np.ndarray
    X_test: Any
    y_test: np.ndarray


def _split(estimator, X, y, stratify=None):
    parts = train_test_split(X, y, test_size=0.25, random_state=0, stratify=stratify)
    X_train, X_test, y_train, y_test = parts
    return Problem(estimator, X_train, y_train, X_test, y_test)


def _digits():
    digits = load_digits()
    return digits.images[:900], digits.target[:900]


def _image_classifier():
    images, labels = _digits()
    return _split(skautonas.ImageSearchClassifier, images, labels, labels)


def _image_regressor():
    images, labels = _digits()
    return _split(skautonas.ImageSearchRegressor, images, labels * 100.0)


def _text_classifier():
    texts, libraries = load_docstrings()
    return _split(
        skautonas.TextSearchClassifier, texts[::3], libraries[::3], libraries[::3]
    )


def _text_regressor():
    texts, _ = load_docstrings()
    texts = texts[::3]
    y = np.log([len(text) for text in texts])
    return _split(skautonas.TextSearchRegressor, texts, y)


def _tabular_classifier():
    data = load_breast_cancer(as_frame=True)
    X = data.data.iloc[:, :8].copy()
    X.iloc[::7, 0] = np.nan
    X["size"] = np.where(X["mean area"] > 600, "large", "small")
    y = data.target_names[data.target]
    return _split(skautonas.TabularSearchClassifier, X, y, y)


def _tabular_regressor():
    X, y = load_diabetes(return_X_y=True, scaled=False)
    return _split(skautonas.TabularSearchRegressor, X, y)


PROBLEMS = {
    "image-classifier": _image_classifier,
    "image-regressor": _image_regressor,
    "text-classifier": _text_classifier,
    "text-regressor": _text_regressor,
    "tabular-classifier": _tabular_classifier,
    "tabular-regressor": _tabular_regressor,
}


@dataclass(frozen=True)
class Fitted:
    """A problem and an estimator fitted to it."""

    name: str
    problem: Problem
    search: Any

    @property
    def classifies(self) -> bool:
        return self.name.endswith("classifier")

    def predict(self, search=None):
        """Return probabilities or values for the test rows."""
        search = search or self.search
        method = search.predict_proba if self.classifies else search.predict
        return method(self.problem.X_test)


# Why a test may be skipped: platform or estimator lack what it is of. No test is
# skipped for want of a package.
ACCEPTED_REASONS = (
    "no limit of file sizes there",
    "no permissions of files there",
    "no fork there",
    # Of scikit-learn's checks.
    "SCIPY_ARRAY_API is not set: not checking array_api input",
    "does not have a decision_function method.",
)


def _refuse_skip(report):
    """Turn a skip for any other reason into a failure."""
    expected = hasattr(report, "wasxfail")
    if report.outcome != "skipped" or expected:
        return
    *_, reason = report.longrepr
    if not reason.endswith(ACCEPTED_REASONS):
        report.outcome = "failed"
        report.longrepr = (
            f"Expected no skip for want of a package; received {reason!r}. Install "
            "it, or add another reason to ACCEPTED_REASONS."
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    _refuse_skip(report)
    return report


def is_alone(item):
    return item.get_closest_marker("alone") is not None


def pytest_collection_modifyitems(items):
    """Run those that are alone last, so that none waits for a long one."""
    items.sort(key=is_alone)


@pytest.fixture(autouse=True)
def turn(request, tmp_path_factory):
    """Let a test that is marked ``alone`` wait for the others, and they for it.

    Each process of pytest-xdist has a folder in one that they share. A test passes a
    gate and then shares a lock; one that is alone keeps the gate until it has the lock
    for itself.
    """
    shared = tmp_path_factory.getbasetemp().parent
    alone = is_alone(request.node)
    with (shared / "gate").open("w") as gate, (shared / "lock").open("w") as lock:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield


@pytest.fixture(scope="session", params=list(PROBLEMS))
def fitted(request):
    """All six estimators, fitted once a session."""
    problem = PROBLEMS[request.param]()
    search = problem.estimator(**TRIALS)
    search.fit(problem.X_train, problem.y_train)
    return Fitted(request.param, problem, search)
