"""Indicator matrices: each row has a set of labels."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.metrics import f1_score

from skautonas import TabularSearchClassifier
from skautonas.data.rows import Rows
from skautonas.datasets import load_docstrings
from skautonas.estimation.scoring import make_scorer
from skautonas.estimators._study import _splits
from skautonas.space import TabularSpace
from tests.conftest import PROBLEMS

QUICK = {"max_trials": 2, "max_epochs": 30, "time_budget": None, "random_state": 0}
X, Y = make_multilabel_classification(500, n_classes=4, random_state=0)


@pytest.mark.parametrize("architecture", ["mlp", "packed", "residual"])
@pytest.mark.parametrize("scoring", ["f1_macro", "f1_micro"])
def test_a_table_with_sets_of_labels(architecture, scoring):
    space = TabularSpace(architectures=(architecture,), units=(32,), members=(4,))
    search = TabularSearchClassifier(space=space, scoring=scoring, **QUICK).fit(X, Y)
    predicted = search.predict(X)
    assert predicted.shape == Y.shape
    assert set(np.unique(predicted)) == {0, 1}
    assert f1_score(Y, predicted, average="micro") > 0.7
    probabilities = search.predict_proba(X)
    np.testing.assert_array_equal(predicted, (probabilities > 0.5).astype(int))
    assert search.classes_.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("scoring", ["roc_auc", "average_precision", "accuracy"])
def test_other_scorers_take_sets_of_labels(scoring):
    space = TabularSpace(architectures=("mlp",), units=(32,))
    search = TabularSearchClassifier(
        space=space, scoring=scoring, refit=False, **QUICK
    ).fit(X[100:], Y[100:], X_val=X[:100], y_val=Y[:100])
    best = search.trials_[search.best_index_].score
    assert best == pytest.approx(search.score(X[:100], Y[:100]))


def test_images_and_texts_with_sets_of_labels():
    digits = load_digits()
    texts, libraries = load_docstrings()
    length = np.array([len(text) for text in texts])
    problems = {
        "image-classifier": (
            digits.images[:600],
            np.stack([digits.target % 2, digits.target > 4], axis=1)[:600],
        ),
        "text-classifier": (
            texts[::4],
            np.stack([np.array(libraries) == "scipy", length > 800], axis=1)[::4],
        ),
    }
    for name, (inputs, labels) in problems.items():
        options = QUICK | {"max_trials": 1, "max_epochs": 8}
        search = PROBLEMS[name]().estimator(scoring="f1_micro", **options)
        search.fit(inputs, labels)
        assert search.best_score_ > 0.6


def test_the_exported_model_gives_the_same_probabilities(tmp_path):
    space = TabularSpace(architectures=("packed",), units=(32,), members=(4,))
    search = TabularSearchClassifier(space=space, **QUICK).fit(X, Y)
    path = search.export_model(tmp_path / "best.keras")
    model = keras.saving.load_model(path, safe_mode=True)
    outputs = model({"numeric": X.astype("float32")})
    np.testing.assert_allclose(outputs, search.predict_proba(X), atol=1e-5)
    assert "label" in path.with_suffix(".md").read_text()


def build(hp):
    model = keras.Sequential(
        [keras.layers.Dense(32, "relu"), keras.layers.Dense(4, "sigmoid")]
    )
    model.compile("adam", "binary_crossentropy")
    return model


def test_a_users_model_puts_out_probabilities():
    search = TabularSearchClassifier(space=build, **QUICK).fit(X, Y)
    assert search.predict_proba(X).shape == Y.shape
    assert f1_score(Y, search.predict(X), average="micro") > 0.6


def test_validation_rows_must_have_the_same_columns():
    with pytest.raises(ValueError, match="4 columns"):
        TabularSearchClassifier(**QUICK).fit(X, Y, X_val=X, y_val=Y[:, :3])


def test_class_weights_do_not_go_with_sets_of_labels():
    with pytest.raises(ValueError, match="sample_weight"):
        TabularSearchClassifier(class_weight="balanced", **QUICK).fit(X, Y)


def test_probabilities_of_two_labels_are_scored_as_of_more():
    search = TabularSearchClassifier(
        space=TabularSpace(architectures=("mlp",), units=(32,)),
        scoring="average_precision",
        **QUICK,
    ).fit(X, Y[:, :2])
    assert search.score(X, Y[:, :2]) > 0.8


@pytest.mark.parametrize("seed", range(4))
def test_a_rare_label_validates_in_each_split(seed):
    y = np.zeros((200, 3), dtype=int)
    y[:100, 0] = y[::2, 1] = y[:4, 2] = 1
    search = TabularSearchClassifier(scoring="roc_auc", random_state=seed)
    search.scorer_ = make_scorer("roc_auc")
    rows = Rows(X[:200], y)
    splits = list(_splits(search, rows, rows, None, seed, None))
    assert len(splits) == 5
    assert len({validation.y.tobytes() for _, validation in splits}) == 5
    for _, validation in splits:
        assert 0 < validation.y[:, 2].sum() < 4
