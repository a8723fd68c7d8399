import numpy as np
import pytest

from skautonas.data.labels import check_values
from skautonas.data.targets import (
    ClassTargets,
    LabelSetTargets,
    ValueTargets,
    fit_values,
)


def test_values_return_to_their_unit():
    y = np.array([1e5, 3e5, 2e5, 9e5])
    targets = fit_values(y[:3])
    encoded = targets.encode(y)
    assert encoded.shape == (4, 1)
    assert encoded[:3].mean() == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(targets.predictions(encoded[:3]), y[:3], rtol=1e-6)


def test_values_stay_in_the_range_of_the_training_rows():
    targets = fit_values(np.array([[1.0, 10.0], [2.0, 30.0]]))
    raw = np.array([[[-9.0, 9.0]], [[0.0, 0.0]]])
    np.testing.assert_allclose(targets.predictions(raw), [[1.0, 30.0], [1.5, 20.0]])


def test_several_targets_keep_their_columns():
    y = np.array([[1.0, 10.0], [2.0, 30.0], [4.0, 50.0]])
    targets = fit_values(check_values(y))
    np.testing.assert_allclose(targets.predictions(targets.encode(y)), y, rtol=1e-6)


def test_a_constant_target_does_not_divide_by_zero():
    targets = fit_values(np.full(5, 7.0))
    assert np.all(targets.encode(np.full(5, 7.0)) == 0)


def test_packed_members_are_averaged_as_probabilities():
    targets = ClassTargets(np.array([0, 1]))
    logits = np.array([[[10.0, 0.0], [0.0, 10.0]]])
    np.testing.assert_allclose(targets.predictions(logits), [[0.5, 0.5]])


def test_one_sigmoid_column_of_a_users_model_becomes_two():
    targets = ClassTargets(np.array(["no", "yes"]), logits=False)
    outputs = targets.predictions(np.array([[0.25], [0.75]]))
    np.testing.assert_allclose(outputs, [[0.75, 0.25], [0.25, 0.75]])


def test_a_users_model_with_too_few_outputs_is_refused():
    targets = ClassTargets(np.arange(3), logits=False)
    with pytest.raises(ValueError, match="3 outputs"):
        targets.predictions(np.ones((4, 2)))


def test_targets_in_their_unit_are_predicted_as_they_are():
    targets = ValueTargets.in_unit(1, flat=True)
    np.testing.assert_array_equal(targets.predictions(np.array([[5.0]])), [5.0])


def test_sets_of_labels_return_as_zeros_and_ones():
    targets = LabelSetTargets(2)
    logits = np.array([[2.0, -2.0], [0.1, 3.0]])
    probabilities = targets.predictions(logits)
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-logits)))
    assert targets.labels(probabilities).tolist() == [[1, 0], [1, 1]]


def test_weights_decide_mean_and_scale():
    y = np.array([1.0, 2.0, 9.0])
    repeated = fit_values(np.array([1.0, 1.0, 1.0, 2.0, 9.0]))
    weighted = fit_values(y, np.array([3.0, 1.0, 1.0]))
    assert weighted.mean == pytest.approx(repeated.mean)
    assert weighted.scale == pytest.approx(repeated.scale)
