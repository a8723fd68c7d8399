from dataclasses import replace
from statistics import NormalDist

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skautonas import TabularSearchClassifier
from skautonas.data.facts import TabularFacts, TensorSpec
from skautonas.estimation.compiled import CompiledModel
from skautonas.estimation.plan import Plan
from skautonas.estimation.trainer import Trainer
from skautonas.space import TabularSpace
from skautonas.space.base import complete, declared
from skautonas.space.candidate import SpaceSource
from skautonas.space.tabular_blocks import N_PIECES, piecewise_encoding

N = 512


def facts(n_numeric=1, task="regression"):
    spec = TensorSpec((n_numeric,), "float32")
    return TabularFacts(
        task=task,
        n_outputs=1,
        n_rows=N,
        inputs={"numeric": spec, "quantile": spec},
        n_numeric=n_numeric,
        n_missing=0,
        cardinalities=(),
        n_ngrams=0,
    )


def test_a_packed_ensemble_of_eight_learns_the_identity():
    keras.utils.set_random_seed(0)
    space = TabularSpace(architectures=("packed",), members=(8, 16)).bind(facts())
    values = complete(declared(space), {"numeric/embedding": "none"})
    assert values["packed/members"] == 8
    candidate = SpaceSource(space).build(values)
    x = np.random.default_rng(0).normal(size=(N, 1)).astype("float32")
    inputs = {"numeric": x, "quantile": x}
    compiled = CompiledModel(candidate, (inputs, x), candidate.recipe.batch_size)
    Trainer(compiled, (inputs, x), candidate.recipe, 0).fit(Plan(60))
    outputs = compiled.predict(inputs)
    assert outputs.shape == (N, 8, 1)
    errors = np.mean((outputs - x[:, None, :]) ** 2, axis=(0, 2))
    assert errors.max() < 0.05 * x.var()


def test_a_piece_is_passed_as_a_number_goes_through_it():
    low, high, *_ = NormalDist().quantiles(N_PIECES)
    numbers = np.array([[-9.0], [low], [(low + high) / 2], [0.0], [9.0]])
    shares = np.array(piecewise_encoding(numbers))
    assert shares.shape == (5, 1, N_PIECES)
    expected = np.zeros((5, N_PIECES))
    expected[1:, 0], expected[2, 1] = 1.0, 0.5
    expected[3, : N_PIECES // 2], expected[4] = 1.0, 1.0
    np.testing.assert_allclose(shares[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architectures": ("forest",)}, "forest"),
        ({"architectures": ()}, "architectures"),
        ({"numeric_embeddings": "periodic"}, "numeric_embeddings"),
        ({"scalings": ("minmax",)}, "minmax"),
        ({"units": (64, 0)}, "units of integers, at least 1"),
        ({"layers": (0, 2)}, "layers as"),
        ({"members": 8}, "members as a non-empty tuple"),
    ],
)
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TabularSpace(**options)


def test_starts_keep_to_the_options_of_a_changed_space():
    space = TabularSpace(architectures=("residual",), units=(32, 64)).bind(facts())
    (start,) = space.starts
    assert complete(declared(space), start)["residual/units"] in (32, 64)


def test_an_architecture_without_a_start_of_its_own_starts_with_its_defaults():
    space = TabularSpace(architectures=("realmlp",)).bind(facts())
    assert space.starts == [{}]


@pytest.mark.parametrize("n_words", [1, 4])
def test_a_linear_model_without_numbers_knows_how_frequent_classes_are(n_words):
    words = np.random.default_rng(0).integers(300, size=(200, n_words))
    rows = [" ".join(f"w{word}" for word in row) for row in words]
    y = np.arange(200) % 10 == 0
    search = TabularSearchClassifier(
        space=TabularSpace(architectures=("linear",)),
        max_trials=1,
        time_budget=None,
        random_state=0,
    ).fit(pd.DataFrame({"text": rows}), y)
    unknown = pd.DataFrame({"text": ["entirely other words here"]})
    assert search.predict_proba(unknown)[0, 1] < 0.4  # without a bias 0.5


@pytest.mark.parametrize("n_rows", [1000, 1001])
def test_a_linear_model_is_among_the_starts_and_first_on_few_rows(n_rows):
    space = TabularSpace().bind(replace(facts(), n_rows=n_rows))
    place = [start.get("model") for start in space.starts].index("linear")
    assert place == (0 if n_rows == 1000 else 2)


def test_a_linear_model_is_as_good_as_logistic_regression():
    data = load_breast_cancer(as_frame=True)
    X = data.data.assign(size=np.where(data.data["mean area"] > 600, "large", "small"))
    X_train, X_test, y_train, y_test = train_test_split(X, data.target, random_state=0)
    search = TabularSearchClassifier(
        space=TabularSpace(architectures=("linear",)),
        max_trials=1,
        time_budget=None,
        random_state=0,
    ).fit(X_train, y_train)
    assert "architecture" not in search.best_params_
    numbers = X_train.columns[:-1]
    logistic = make_pipeline(StandardScaler(), LogisticRegression())
    logistic.fit(X_train[numbers], y_train)
    expected = logistic.score(X_test[numbers], y_test)
    assert search.score(X_test, y_test) >= expected - 0.02


def test_a_realmlp_starts_from_unit_variance_and_zero():
    keras.utils.set_random_seed(0)
    space = TabularSpace(architectures=("realmlp",)).bind(facts(n_numeric=20))
    values = complete(
        declared(space), {"numeric/embedding": "none", "numeric/scaling": "robust"}
    )
    model = SpaceSource(space).build(values).model
    x = np.random.default_rng(0).normal(size=(2000, 20)).astype("float32")
    inputs = {"numeric": x, "quantile": x}
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    first = keras.Model(model.inputs, layers[0].output)
    spread = keras.ops.convert_to_numpy(first(inputs)).std(axis=0)
    assert 0.9 < spread.mean() < 1.1
    assert not keras.ops.convert_to_numpy(model(inputs)).any()


def test_a_realmlp_learns_a_wave_of_one_of_its_features():
    keras.utils.set_random_seed(0)
    space = TabularSpace(architectures=("realmlp",), units=(64,)).bind(facts(4))
    start = {"numeric/scaling": "robust", "recipe/schedule": "coslog4"}
    values = complete(declared(space), start)
    candidate = SpaceSource(space).build(values)
    x = np.random.default_rng(0).normal(size=(N, 4)).astype("float32")
    y = np.sin(3 * x[:, :1])
    inputs = {"numeric": x, "quantile": x}
    compiled = CompiledModel(candidate, (inputs, y), candidate.recipe.batch_size)
    Trainer(compiled, (inputs, y), candidate.recipe, 0).fit(Plan(64))
    other = np.random.default_rng(1).normal(size=(N, 4)).astype("float32")
    errors = compiled.predict({"numeric": other, "quantile": other}) - np.sin(
        3 * other[:, :1]
    )
    assert np.mean(errors**2) < 0.1 * np.var(y)
