import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    get_scorer,
    log_loss,
    make_scorer,
    r2_score,
    roc_auc_score,
)

from skautonas.data.targets import ClassTargets, ValueTargets, fit_values
from skautonas.estimation.scoring import check_scorer, score_predictions

LABELS = np.array(["no", "yes"])
Y = np.array(["no", "yes", "yes", "no", "yes"])
P = np.array([0.2, 0.9, 0.4, 0.6, 0.7])
PROBABILITIES = np.stack([1 - P, P], axis=1)


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        (get_scorer("accuracy"), accuracy_score(Y, LABELS[(P > 0.5).astype(int)])),
        (get_scorer("roc_auc"), roc_auc_score(Y == "yes", P)),
        (get_scorer("neg_log_loss"), -log_loss(Y, PROBABILITIES)),
        (
            make_scorer(f1_score, pos_label="no"),
            f1_score(Y, LABELS[(P > 0.5).astype(int)], pos_label="no"),
        ),
        (lambda estimator, X, y: float(estimator.predict(X)[0] == y[0]), 1.0),
    ],
)
def test_a_scorer_sees_labels_and_probabilities(scorer, expected):
    score = score_predictions(scorer, ClassTargets(LABELS), Y, PROBABILITIES)
    assert score == pytest.approx(expected)


@pytest.mark.parametrize("name", ["r2", "neg_root_mean_squared_error", "neg_max_error"])
def test_a_regression_scorer_sees_values_in_the_unit(name):
    y, values = np.array([1.0, 5.0, 9.0]), np.array([1.5, 5.0, 8.0])
    targets = ValueTargets(np.array([5.0]), np.array([3.0]), flat=True)
    score = score_predictions(get_scorer(name), targets, y, values)
    if name == "r2":
        assert score == pytest.approx(r2_score(y, values))
    else:
        assert score < 0


def test_a_score_that_is_not_finite_is_an_error():
    with pytest.raises(ValueError, match="finite"):
        score_predictions(
            lambda estimator, X, y: np.nan, ClassTargets(LABELS), Y, PROBABILITIES
        )


@pytest.mark.parametrize(
    ("name", "y"), [("neg_log_loss", ["a", "b"] * 5), ("roc_auc", ["a", "b", "c"] * 5)]
)
def test_a_scorer_that_cannot_score_the_rows_is_refused_before_any_trial(name, y):
    targets = ClassTargets(np.array(["a", "b", "c"]))
    with pytest.raises(ValueError, match="Choose another scoring"):
        check_scorer(get_scorer(name), targets, np.array(y))


def test_scorers_that_fit_the_rows_pass():
    targets = ClassTargets(np.array(["a", "b", "c"]))
    for name in ("accuracy", "neg_log_loss", "roc_auc_ovr", "f1_macro"):
        check_scorer(get_scorer(name), targets, np.array(["a", "b", "c"] * 3))
    values = ValueTargets(np.array([5.0]), np.array([3.0]), flat=True)
    for name in ("r2", "neg_root_mean_squared_log_error"):
        check_scorer(get_scorer(name), values, np.array([1.0, 5.0, 9.0]))


def test_a_scorer_of_positive_predictions_is_accepted():
    counts = np.array([0.0, 1.0, 3.0, 2.0])
    scorer = get_scorer("neg_mean_poisson_deviance")
    check_scorer(scorer, fit_values(counts), counts)
