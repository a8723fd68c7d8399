"""One model out: the file runs without skautonas, and equals the estimator."""

import json
import pickle
import pickletools
import subprocess
import sys

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
import scipy.special
from sklearn.base import clone

from skautonas.data.archive import Part, assemble_model, load_model, save_model
from skautonas.data.tables import TableEncoder
from skautonas.data.targets import (
    ClassTargets,
    LabelSetTargets,
    ValueTargets,
    fit_values,
)

RUN = """
import json, pickle, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("skautonas", "sklearn", "keras_tuner", "joblib"):
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())
import numpy as np
card = open("model.md").read()
code = card.split("```python\\n", 1)[1].split("```", 1)[0]
exec(code)
with open("rows.pickle", "rb") as file:
    X = pickle.load(file)
assert not any(name.startswith("skautonas") for name in sys.modules)
np.save("outputs.npy", predict(X))
print(json.dumps(sorted(m for m in sys.modules if m in ("sklearn", "skautonas"))))
"""


def plain_rows(X):
    """Return the rows in a form that unpickles without pandas' help."""
    if isinstance(X, pd.DataFrame):
        return {name: X[name].to_numpy() for name in X}
    return X


def run_card(search, X, folder):
    """Export a search, and return what its card predicts where skautonas is not."""
    search.export_model(folder / "model.keras")
    (folder / "rows.pickle").write_bytes(pickle.dumps(plain_rows(X)))
    result = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert json.loads(result.stdout.splitlines()[-1]) == []
    return np.load(folder / "outputs.npy").astype("float64")


def test_the_file_equals_the_estimator_where_skautonas_is_not(fitted, tmp_path):
    outputs = run_card(fitted.search, fitted.problem.X_test, tmp_path)
    expected = fitted.predict()
    if not fitted.classifies:
        outputs, scale = outputs[:, 0], np.std(fitted.problem.y_train)
        np.testing.assert_allclose(outputs / scale, expected / scale, atol=1e-5)
        return
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_the_card_names_the_classes_and_the_score(fitted, tmp_path):
    fitted.search.export_model(tmp_path / "model.keras")
    card = (tmp_path / "model.md").read_text()
    assert f"{fitted.search.best_score_:.4f}" in card
    if fitted.classifies:
        assert repr(fitted.search.classes_.tolist()) in card


def test_another_suffix_is_refused(fitted, tmp_path):
    with pytest.raises(ValueError, match=r"\.keras"):
        fitted.search.export_model(tmp_path / "model.h5")


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes there")
def test_a_failed_export_leaves_the_old_file(fitted, tmp_path):
    import resource

    path = tmp_path / "model.keras"
    fitted.search.export_model(path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            fitted.search.export_model(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.keras", "model.md"]


def test_pickle_holds_the_archive_and_no_keras_object(fitted):
    data = pickle.dumps(fitted.search)
    classes = {
        argument
        for opcode, argument, _ in pickletools.genops(data)
        if "UNICODE" in opcode.name and argument.startswith(("keras", "tensorflow"))
    }
    assert not classes
    again = pickle.loads(data)
    np.testing.assert_array_equal(fitted.predict(again), fitted.predict())


UNPICKLE = """
import sys
import joblib, numpy as np
search, X = joblib.load(sys.argv[1])
method = search.predict_proba if hasattr(search, "predict_proba") else search.predict
np.save(sys.argv[2], method(X))
"""


def test_in_a_new_process_it_predicts_the_same(fitted, tmp_path):
    source, target = tmp_path / "search.joblib", tmp_path / "out.npy"
    joblib.dump((fitted.search, fitted.problem.X_test), source)
    subprocess.run(
        [sys.executable, "-c", UNPICKLE, str(source), str(target)],
        check=True,
        capture_output=True,
    )
    np.testing.assert_allclose(np.load(target), fitted.predict(), atol=1e-7)


def test_a_deep_copy_predicts_the_same_and_a_clone_is_unfitted(fitted):
    import copy

    copied = copy.deepcopy(fitted.search)
    np.testing.assert_array_equal(fitted.predict(copied), fitted.predict())
    fresh = clone(fitted.search)
    assert not hasattr(fresh, "best_model_")
    assert fresh.get_params() == fitted.search.get_params()


def test_predictions_do_not_depend_on_how_rows_are_batched(fitted):
    X, expected = fitted.problem.X_test, fitted.predict()
    method = getattr(fitted.search, "predict_proba" if fitted.classifies else "predict")
    rows = [3, 0, 7]
    part = X.iloc[rows] if isinstance(X, pd.DataFrame) else [X[i] for i in rows]
    np.testing.assert_array_equal(method(part), expected[rows])


def test_the_model_takes_raw_tensors(fitted):
    import tensorflow as tf

    inputs = fitted.search._encoder.to_inputs(
        fitted.search._check_X(fitted.problem.X_test, reset=False)
    )
    outputs = fitted.search.best_model_({k: tf.constant(v) for k, v in inputs.items()})
    assert outputs.shape[0] == len(fitted.problem.X_test)


def test_the_path_that_is_returned_holds_the_file(fitted, tmp_path):
    assert fitted.search.export_model(tmp_path / "a.keras") == tmp_path / "a.keras"


def test_values_of_the_file_stay_in_the_range_of_the_training_rows(tmp_path):
    encoder = TableEncoder().fit(np.random.default_rng(0).normal(size=(50, 2)))
    targets = fit_values(np.array([[1.0, 10.0], [2.0, 30.0]]))
    numeric = keras.Input((2,), name="numeric")
    core = keras.Model({"numeric": numeric}, keras.layers.Rescaling(9.0)(numeric))
    path = tmp_path / "values.keras"
    save_model(assemble_model(encoder, [Part(core)], targets, plain=False), path)
    rows = {"numeric": np.array([[-5.0, 5.0], [5.0, -5.0]], dtype="float32")}
    values = load_model(path.read_bytes())(rows).numpy()
    np.testing.assert_array_equal(values, [[1.0, 30.0], [2.0, 10.0]])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("mean", "scale"),
    [([0.0], [1e-9]), ([1.7e9], [100.0]), ([0.0, 1.7e9, 3.0], [1e-9, 100.0, 2.0])],
)
def test_values_of_any_size_equal_those_of_the_trials(mean, scale, packed, tmp_path):
    """The card's model and the targets agree, to far below the target's deviation."""
    encoder = TableEncoder().fit(np.random.default_rng(0).normal(size=(50, 4)))
    targets = ValueTargets(np.array(mean), np.array(scale), flat=len(mean) == 1)
    numeric = keras.Input((4,), name="numeric")
    outputs = keras.layers.Dense(3 * len(mean) if packed else len(mean))(numeric)
    if packed:
        outputs = keras.layers.Reshape((3, len(mean)))(outputs)
    core = keras.Model({"numeric": numeric}, outputs)
    path = tmp_path / "values.keras"
    save_model(assemble_model(encoder, [Part(core)], targets, plain=False), path)
    rows = {"numeric": np.random.default_rng(1).normal(size=(9, 4)).astype("float32")}
    raw = core({"numeric": encoder.preprocessing()(rows)["numeric"]}).numpy()
    expected = targets.predictions(raw).reshape(9, -1)
    values = load_model(path.read_bytes())(rows).numpy()
    errors = np.abs(values - expected) / targets.scale
    assert errors.max() < 1e-5
    assert (np.ptp(values, axis=0) > 0.01 * targets.scale).all()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("targets", "activation"),
    [
        (ClassTargets(np.arange(3)), scipy.special.softmax),
        (LabelSetTargets(3), lambda logits, axis: scipy.special.expit(logits)),
    ],
)
def test_probabilities_of_the_file_are_calibrated(
    targets, activation, packed, tmp_path
):
    encoder = TableEncoder().fit(np.random.default_rng(0).normal(size=(50, 2)))
    cores = []
    for _ in range(2):
        numeric = keras.Input((2,), name="numeric")
        outputs = keras.layers.Dense(6 if packed else 3)(numeric)
        if packed:
            outputs = keras.layers.Reshape((2, 3))(outputs)
        cores.append(keras.Model({"numeric": numeric}, outputs))
    rows = {"numeric": np.random.default_rng(1).normal(size=(9, 2)).astype("float32")}
    encoded = encoder.preprocessing()(rows)["numeric"]
    path = tmp_path / "classes.keras"
    temperatures, weights = (0.5, 4.0), (0.25, 0.75)
    parts = list(map(Part, cores, temperatures, weights))
    expected = 0.0
    for part in parts:
        logits = part.core({"numeric": encoded}).numpy() / part.temperature
        told = activation(logits, axis=-1)
        expected += part.weight * (told.mean(axis=1) if packed else told)
    save_model(assemble_model(encoder, parts, targets, plain=False), path)
    told = load_model(path.read_bytes())(rows).numpy()
    np.testing.assert_allclose(told, expected, atol=1e-6)
