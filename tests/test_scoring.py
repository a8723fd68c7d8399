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

from skautonas.data.targets import ClassTargets, ValueTargets
from skautonas.estimation.scoring import score_predictions

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
