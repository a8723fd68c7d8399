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

from skautonas import TabularSearchRegressor
from skautonas.data.targets import (
    ClassTargets,
    LabelSetTargets,
    ValueTargets,
    fit_values,
)
from skautonas.estimation.scoring import (
    FixedClassifier,
    FixedRegressor,
    allowed_low,
    check_scorer,
    is_proper,
    score_predictions,
)

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


CLASSES = [
    np.array([0, 1, 2]),
    np.array(["a", "b", "c"]),
    np.array(["a", "b", "c"], dtype=object),
    np.array([-1.0, 0.0, 2.0]),
    np.array([False, True]),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_rows", [2, 3, 37])
@pytest.mark.parametrize("classes", CLASSES, ids=lambda c: str(c.dtype))
def test_accuracy_is_scikit_learns(classes, n_rows, weighted):
    rng = np.random.default_rng(n_rows)
    targets = ClassTargets(classes)
    y = rng.choice(classes, n_rows)
    probabilities = rng.dirichlet(np.ones(len(classes)), n_rows)
    check_against(get_scorer("accuracy"), targets, y, probabilities, weighted)


@pytest.mark.parametrize("weighted", [False, True])
def test_accuracy_of_label_sets_is_scikit_learns(weighted):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (50, 2))
    check_against(
        get_scorer("accuracy"), LabelSetTargets(2), y, rng.random((50, 2)), weighted
    )


VALUES = {
    "flat": np.array([1.0, 5.0, 9.0, 2.0]),
    "integers": np.array([1, 5, 9, 2]),
    "columns": np.array([[1.0, 3.0], [5.0, 4.0], [9.0, 2.0], [2.0, 0.0]]),
    "constant": np.full(4, 3.0),
    "constant column": np.array([[1.0, 3.0], [5.0, 3.0], [9.0, 3.0], [2.0, 3.0]]),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("off", [0.0, 0.5])
@pytest.mark.parametrize("y", VALUES.values(), ids=VALUES)
def test_r2_is_scikit_learns(y, off, weighted):
    errors = np.arange(y.size).reshape(y.shape) % 3 - 1
    check_against(get_scorer("r2"), fit_values(y), y, y + off * errors, weighted)


def check_against(scorer, targets, y, predictions, weighted):
    fixed = (
        FixedRegressor(predictions)
        if isinstance(targets, ValueTargets)
        else FixedClassifier(targets, predictions)
    )
    weights = np.arange(1.0, len(y) + 1) if weighted else None
    expected = scorer(fixed, np.zeros((len(y), 1)), y, sample_weight=weights)
    score = score_predictions(scorer, targets, y, predictions, weights)
    assert score == pytest.approx(expected, rel=1e-12)


def test_metrics_with_options_are_left_to_scikit_learn():
    y = np.array([[1.0, 30.0], [5.0, 40.0], [9.0, 90.0]])
    predictions = y + np.array([[0.5, 9.0], [-0.5, 9.0], [0.1, 3.0]])
    of_spread = make_scorer(r2_score, multioutput="variance_weighted")
    expected = r2_score(y, predictions, multioutput="variance_weighted")
    score = score_predictions(of_spread, fit_values(y), y, predictions)
    assert score == pytest.approx(expected)
    assert score != pytest.approx(r2_score(y, predictions))
    error = make_scorer(accuracy_score, greater_is_better=False)
    right = score_predictions(error, ClassTargets(LABELS), Y, PROBABILITIES)
    assert right == -0.6


def test_a_metric_without_a_hash_is_called():
    class Always:
        __hash__ = None

        def __call__(self, y, predicted):
            return 0.25

    scorer = make_scorer(Always())
    assert score_predictions(scorer, ClassTargets(LABELS), Y, PROBABILITIES) == 0.25


@pytest.mark.parametrize("name", ["accuracy", "r2"])
def test_a_score_of_no_rows_is_an_error(name):
    targets = ClassTargets(LABELS) if name == "accuracy" else fit_values(np.arange(3.0))
    predictions = PROBABILITIES[:0] if name == "accuracy" else np.zeros(0)
    with pytest.raises(ValueError, match="sample"):
        score_predictions(get_scorer(name), targets, Y[:0], predictions)


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


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        (get_scorer("neg_log_loss"), True),
        (get_scorer("neg_brier_score"), True),
        (make_scorer(log_loss, greater_is_better=False, labels=[0, 1]), True),
        (get_scorer("roc_auc"), False),
        (get_scorer("accuracy"), False),
        (lambda estimator, X, y: 0.5, False),
    ],
)
def test_proper_scoring_rules_are_known(scorer, expected):
    assert is_proper(scorer) == expected


def test_counts_of_zero_are_scored_by_positive_predictions():
    y = np.array([0.0, 3.0, 1.0, 0.0, 2.0])
    targets = fit_values(y)
    low = allowed_low(get_scorer("neg_mean_poisson_deviance"), targets, y)
    assert 0 < low < 0.01
    for name in ("r2", "neg_mean_squared_log_error"):
        assert allowed_low(get_scorer(name), targets, y) == 0


def test_a_search_for_the_least_poisson_deviance():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = rng.poisson(np.exp(X[:, 0] - 2)).astype(float)
    search = TabularSearchRegressor(
        scoring="neg_mean_poisson_deviance",
        max_trials=2,
        time_budget=None,
        random_state=0,
    ).fit(X, y)
    assert all(trial.status == "completed" for trial in search.trials_)
    assert search.predict(5 * X).min() > 0
    assert search.score(X, y) > -1.0
