"""What is refused, with words that help, and what a refusal leaves behind."""

import keras
import keras_tuner
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from skautonas import (
    ImageSearchClassifier,
    SkautonasWarning,
    TabularSearchClassifier,
)
from skautonas.data.texts import to_inputs
from skautonas.space import ImageSpace, TabularSpace

WINE = load_wine(return_X_y=True)
SMALL = TabularSpace(architectures=("mlp",), units=(16, 32), layers=(1, 2))
QUICK = {"max_trials": 1, "max_epochs": 5, "time_budget": None, "random_state": 0}


@pytest.fixture(scope="module")
def wine():
    frame = pd.DataFrame(WINE[0]).add_prefix("c")
    return TabularSearchClassifier(space=SMALL, **QUICK).fit(frame, WINE[1])


def test_a_fit_that_fails_leaves_the_estimator_as_it_was(wine):
    before = dict(vars(wine))
    X, y = WINE
    with pytest.raises(ValueError, match="together"):
        wine.fit(X[:, :2], y, X_val=X)
    with pytest.raises(ValueError, match="features"):
        wine.fit(X[:, :2], y, X_val=X, y_val=y)
    assert vars(wine) == before
    assert wine.predict(pd.DataFrame(X).add_prefix("c")).shape == (178,)


def test_score_is_the_objective():
    X, y = load_breast_cancer(return_X_y=True)
    search = TabularSearchClassifier(space=SMALL, scoring="roc_auc", **QUICK)
    search.fit(X[:, :3], y)
    expected = roc_auc_score(y, search.predict_proba(X[:, :3])[:, 1])
    assert search.score(X[:, :3], y) == pytest.approx(expected)
    weights = np.arange(1.0, len(y) + 1)
    expected = roc_auc_score(
        y, search.predict_proba(X[:, :3])[:, 1], sample_weight=weights
    )
    assert search.score(X[:, :3], y, weights) == pytest.approx(expected)


def test_columns_are_known_by_name_in_any_order(wine):
    frame = pd.DataFrame(WINE[0]).add_prefix("c")
    turned = frame[frame.columns[::-1]]
    np.testing.assert_array_equal(wine.predict_proba(turned), wine.predict_proba(frame))
    polars = pl.from_pandas(turned)
    np.testing.assert_array_equal(wine.predict_proba(polars), wine.predict_proba(frame))


def test_one_image_is_told_how_to_pass():
    rng = np.random.default_rng(0)
    X, y = rng.random((20, 8, 6, 3)), np.arange(20) % 2
    search = ImageSearchClassifier(**(QUICK | {"max_epochs": 1})).fit(X, y)
    with pytest.raises(ValueError, match=r"X\[None\]"):
        search.predict(X[0])


class Space(keras_tuner.HyperModel):
    def build(self, hp):
        raise NotImplementedError


def test_a_space_that_is_a_class_is_refused():
    with pytest.raises(TypeError, match=r"Pass Space\(\)"):
        TabularSearchClassifier(space=Space, **QUICK).fit(*WINE)


def logits(hp):
    model = keras.Sequential([keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    return model


def test_a_users_model_of_logits_is_refused():
    with pytest.raises(ValueError, match="probabilities; received values from"):
        TabularSearchClassifier(space=logits, **QUICK).fit(*WINE)


def test_a_folder_that_is_not_there_is_named(wine, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        wine.export_model(tmp_path / "nowhere" / "best.keras")


def test_a_warning_points_to_the_line_of_the_fit():
    search = TabularSearchClassifier(time_budget=0.5, random_state=0)
    TabularSearchClassifier(space=SMALL, **QUICK).fit(*WINE)
    with pytest.warns(SkautonasWarning) as warned:
        search.fit(*WINE)
    assert warned[0].filename == __file__


def test_a_sparse_matrix_is_made_dense_up_to_a_size():
    from scipy import sparse

    dense = TabularSearchClassifier(space=SMALL, **QUICK).fit(*WINE)
    X = sparse.csr_array(WINE[0])
    search = TabularSearchClassifier(space=SMALL, **QUICK).fit(X, WINE[1])
    np.testing.assert_allclose(
        search.predict_proba(X), dense.predict_proba(WINE[0]), atol=1e-6
    )
    wide = sparse.csr_array((20_000, 10_000), dtype="float32")
    with pytest.raises(ValueError, match="TruncatedSVD"):
        TabularSearchClassifier(**QUICK).fit(wide, np.arange(20_000) % 2)


def test_a_space_of_another_modality_is_refused():
    search = TabularSearchClassifier(space=ImageSpace(), **QUICK)
    with pytest.raises(TypeError, match=r"TabularSpace.*ImageSpace"):
        search.fit(*WINE)


def test_weights_without_the_rows_that_they_weigh_are_refused():
    with pytest.raises(ValueError, match="sample_weight_val together"):
        TabularSearchClassifier(**QUICK).fit(*WINE, sample_weight_val=np.ones(9))


def test_another_backend_of_keras_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=r"'jax'.*KERAS_BACKEND=tensorflow"):
        TabularSearchClassifier(**QUICK).fit(*WINE)


def test_sets_of_labels_are_told_how_to_pass():
    search = TabularSearchClassifier()
    with pytest.raises(ValueError, match="MultiLabelBinarizer"):
        search.fit(np.ones((4, 2)), [["a", "b"], ["a"], [], ["b"]])


def test_a_splitter_of_groups_is_told_to_get_them():
    search = TabularSearchClassifier(cv=GroupKFold(2))
    with pytest.raises(ValueError, match=r"Expected groups.*groups=groups"):
        search.fit(*WINE)


def test_there_are_no_classes_before_fit():
    assert not hasattr(TabularSearchClassifier(), "classes_")
    with pytest.raises(AttributeError, match="no classes_ before fit"):
        TabularSearchClassifier().classes_  # noqa: B018


def test_one_column_of_a_table_is_a_list_of_texts():
    inputs = to_inputs(pd.DataFrame({"a": ["one", "two"]}))
    assert [list(texts) for texts in inputs.values()] == [["one", "two"]]


def test_pixels_of_another_range_are_noticed():
    images = (load_digits().images[:60] * 15).astype("uint8")
    labels = load_digits().target[:60] % 2
    search = ImageSearchClassifier(**QUICK).fit(images, labels)
    search.predict(images // 20)  # dark ones
    search.predict(images.astype(float))
    with pytest.warns(SkautonasWarning, match=r"up to 240, as in training.*up to 1"):
        search.predict(images / 240)
    with pytest.warns(SkautonasWarning, match="Scale them as in training"):
        search.predict(images > 100)
    scaled = ImageSearchClassifier(**QUICK).fit(images / 240, labels)
    with pytest.warns(SkautonasWarning, match="up to 240"):
        scaled.predict(images)
