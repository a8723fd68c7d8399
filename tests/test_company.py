"""In the company of scikit-learn's own tools, on real data."""

import numpy as np
import pandas as pd
import polars as pl
import psutil
import pyarrow as pa
import pytest
import sklearn
from joblib import Parallel, delayed
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skautonas import (
    ImageSearchClassifier,
    TabularSearchClassifier,
    TabularSearchRegressor,
    TextSearchClassifier,
)
from skautonas.datasets import load_docstrings
from skautonas.space import TabularSpace
from tests.processes import workers_of

OPTIONS = {"max_trials": 1, "max_epochs": 20, "time_budget": None, "random_state": 0}
SMALL = TabularSpace(architectures=("mlp",), units=(32, 64), layers=(1, 2))
X, Y = load_breast_cancer(return_X_y=True)
X = X[:, :8]


def classifier(**options):
    return TabularSearchClassifier(space=SMALL, **(OPTIONS | options))


def mixed_frame():
    frame = load_breast_cancer(as_frame=True).data.iloc[:, :4]
    size = np.where(frame["mean area"] > 600, "large", "small")
    return frame.assign(size=size).drop(columns="mean area")


def any_frame():
    """Return columns of all kinds, each with gaps."""
    frame = load_breast_cancer(as_frame=True).data.iloc[:, :2]
    n = len(frame)
    texts, _ = load_docstrings()
    moments = pd.date_range("2024-01-01 23:30", periods=n, freq="7h", tz="Asia/Tokyo")
    frame = frame.assign(
        flag=pd.array(frame["mean radius"] > 14, dtype="boolean"),
        count=pd.array(np.arange(n) % 7, dtype="Int64"),
        size=np.where(frame["mean radius"] > 14, "large", "small"),
        level=pd.Categorical(np.where(frame["mean texture"] > 19, "rough", "fine")),
        at=moments,
        day=moments.tz_localize(None).normalize(),
        took=pd.to_timedelta(np.arange(n), unit="s"),
        doc=texts[:n],
    )
    for position, name in enumerate(frame):
        frame.loc[frame.index % 11 == position, name] = None
    return frame


def test_all_kinds_of_dataframes_give_the_same_model():
    frame = any_frame()
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    frames = [
        frame,
        arrow,
        pl.from_arrow(arrow),
        arrow.to_pandas(types_mapper=pd.ArrowDtype),
    ]
    expected = classifier().fit(frame, Y).predict_proba(frame)
    for table in frames[1:]:
        search = classifier().fit(table, Y)
        assert search.feature_names_in_.tolist() == list(frame)
        for other in frames:
            np.testing.assert_array_equal(search.predict_proba(other), expected)


def test_at_the_end_of_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), classifier())
    assert pipeline.fit(X[:400], Y[:400]).score(X[400:], Y[400:]) > 0.85
    pipeline.set_params(tabularsearchclassifier__max_epochs=3)
    assert pipeline[-1].max_epochs == 3


def test_behind_a_column_transformer_that_gives_frames():
    columns = ColumnTransformer(
        [("size", OneHotEncoder(sparse_output=False), ["size"])],
        remainder="passthrough",
    ).set_output(transform="pandas")
    pipeline = make_pipeline(columns, classifier()).fit(mixed_frame(), Y)
    assert "size__size_large" in pipeline[-1].feature_names_in_
    assert pipeline.score(mixed_frame(), Y) > 0.85


def test_where_transformers_give_polars():
    with sklearn.config_context(transform_output="polars"):
        pipeline = make_pipeline(StandardScaler(), classifier())
        pipeline.fit(pl.from_pandas(mixed_frame().drop(columns="size")), Y)
    assert pipeline[-1].n_features_in_ == 3


def test_a_grid_over_our_parameters():
    grid = {"max_epochs": [1, 20], "space": [SMALL]}
    search = GridSearchCV(classifier(), grid, cv=2, n_jobs=2).fit(X, Y)
    assert search.best_params_["max_epochs"] == 20
    assert search.score(X, Y) > 0.85


def test_a_randomized_search_over_our_parameters():
    ranges = {"validation_fraction": [0.1, 0.2, 0.3], "refit": [True, False]}
    search = RandomizedSearchCV(
        classifier(), ranges, n_iter=2, cv=2, n_jobs=2, random_state=0
    )
    assert search.fit(X, Y).best_score_ > 0.8


def test_cross_validation():
    assert cross_val_score(classifier(), X, Y, cv=3).min() > 0.8
    probabilities = cross_val_predict(classifier(), X, Y, cv=3, method="predict_proba")
    assert probabilities.shape == (569, 2)
    assert np.mean(probabilities.argmax(axis=1) == Y) > 0.85


def test_stacked_beside_a_linear_model():
    members = [("net", classifier()), ("linear", LogisticRegression(max_iter=5_000))]
    assert StackingClassifier(members, cv=2).fit(X, Y).score(X, Y) > 0.85


def test_in_a_vote():
    members = [("net", classifier()), ("linear", LogisticRegression(max_iter=5_000))]
    assert VotingClassifier(members, voting="soft").fit(X, Y).score(X, Y) > 0.85


def test_calibrated():
    model = CalibratedClassifierCV(classifier(), cv=2).fit(X, Y)
    assert model.score(X, Y) > 0.85


def test_with_a_tuned_threshold():
    model = TunedThresholdClassifierCV(
        classifier(), scoring="balanced_accuracy", cv=2, random_state=0
    )
    assert 0 < model.fit(X, Y).best_threshold_ < 1


def test_with_a_transformed_target():
    data, target = load_diabetes(return_X_y=True)
    regressor = TabularSearchRegressor(space=SMALL, **OPTIONS)
    model = TransformedTargetRegressor(regressor, func=np.log1p, inverse_func=np.expm1)
    assert model.fit(data, target).score(data, target) > 0.2


def test_permutation_importance():
    rng = np.random.default_rng(0)
    data = np.column_stack([X[:, 0], rng.normal(size=len(X))])
    model = classifier().fit(data, Y)
    result = permutation_importance(model, data, Y, n_repeats=3, random_state=0)
    assert result.importances_mean[0] > 0.1 > result.importances_mean[1]


def test_a_learning_curve():
    sizes, _, scores = learning_curve(
        classifier(), X, Y, cv=2, train_sizes=[0.2, 1.0], shuffle=True, random_state=0
    )
    assert sizes[1] > sizes[0]
    assert scores[1].mean() > 0.8


def test_metadata_is_routed():
    groups = np.arange(len(Y)) % 5
    with sklearn.config_context(enable_metadata_routing=True):
        search = classifier(cv=GroupKFold(2)).set_fit_request(
            sample_weight=True, groups=True
        )
        search.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, search)
        results = cross_validate(
            pipeline, X, Y, cv=2, params={"sample_weight": 1.0 + Y, "groups": groups}
        )
        assert results["test_score"].min() > 0.8
        unasked = make_pipeline(scaler, classifier())
        with pytest.raises(ValueError, match=r"sample_weight.*Classifier"):
            unasked.fit(X, Y, sample_weight=1.0 + Y)


def images():
    digits = load_digits()
    keep = digits.target < 3
    return ImageSearchClassifier, digits.images[keep][:300], digits.target[keep][:300]


def texts():
    documents, libraries = load_docstrings()
    return TextSearchClassifier, documents[::12], np.array(libraries)[::12]


@pytest.mark.parametrize("make", [images, texts])
def test_images_and_texts_are_cross_validated_and_searched(make):
    estimator, data, labels = make()
    search = estimator(**(OPTIONS | {"max_epochs": 5}))
    chance = pd.Series(labels).value_counts(normalize=True).max()
    assert cross_val_score(search, data, labels, cv=2).mean() > chance
    grid = GridSearchCV(search, {"max_epochs": [1, 5]}, cv=2).fit(data, labels)
    assert grid.best_score_ > chance


def fit_and_count(n_jobs):
    classifier(n_jobs=n_jobs).fit(X, Y)
    return len(workers_of(psutil.Process()))


def test_a_fit_inside_a_worker_starts_one_worker():
    counts = Parallel(n_jobs=2)(delayed(fit_and_count)(4) for _ in range(2))
    assert counts == [1, 1]
