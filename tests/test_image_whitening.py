"""The stem that whitens patches, and predictions that average over the mirror image."""

import keras
import numpy as np
import pytest

from skautonas.space.base import complete, declared
from skautonas.space.candidate import SpaceSource
from skautonas.space.image_whitening import PATCH, WHITENING, whitening_filters
from tests.test_space_image import bind, build, call, images


def smooth_images(n=200, side=32, channels=3):
    """Return images whose neighbouring pixels are alike."""
    noise = np.random.default_rng(0).normal(size=(n, side + 2, side + 2, channels))
    blurred = sum(
        noise[:, i : i + side, j : j + side] for i in range(3) for j in (0, 1)
    )
    return (blurred / blurred.std()).astype("float32")


def test_responses_are_uncorrelated_and_of_unit_variance():
    pictures = smooth_images()
    filters = whitening_filters(pictures, 24)
    assert filters.shape == (PATCH, PATCH, 3, 24)
    responses = keras.ops.conv(pictures, filters[..., :12], strides=1)
    covariance = np.cov(keras.ops.convert_to_numpy(responses).reshape(-1, 12).T)
    np.testing.assert_allclose(covariance, np.eye(12), atol=0.1)


def test_each_filter_has_its_negative():
    filters = whitening_filters(smooth_images(), 24)
    np.testing.assert_array_equal(filters[..., 12:], -filters[..., :12])


def test_images_of_one_colour_have_finite_filters():
    assert np.isfinite(whitening_filters(np.zeros((5, 32, 32, 3), "float32"), 8)).all()


@pytest.mark.parametrize(
    ("shape", "kind"), [((32, 32, 3), "whiten2"), ((130, 128, 3), "whiten4")]
)
def test_the_filters_are_those_of_the_rows_and_stay(shape, kind):
    space = bind(shape)
    source = SpaceSource(space)
    values = complete(declared(space), {"stem/kind": kind})
    model = source.build(values).model
    rows = np.random.default_rng(0).integers(0, 256, (40, *shape), "uint8")
    before = model.get_layer(WHITENING).get_weights()[0]
    source.initialise(model, {"image": rows}, None)
    layer = model.get_layer(WHITENING)
    assert not layer.trainable_variables
    (filters,) = layer.get_weights()
    assert np.abs(filters - before).max() > 1e-3
    twice = np.concatenate([rows, rows])
    source.initialise(model, {"image": twice}, None)
    assert np.isfinite(layer.get_weights()[0]).all()


def test_grey_images_have_no_more_filters_than_components():
    model = build(bind((28, 28, 1)), {"stem/kind": "whiten2"})
    assert model.get_layer(WHITENING).filters == 2 * PATCH * PATCH
    model = build(
        bind((28, 28, 1), filters=(64,)),
        {"stem/kind": "whiten2", "stage1/block1/kind": "residual"},
    )
    assert model.get_layer(WHITENING).filters == 2 * PATCH * PATCH
    assert call(model, images((28, 28, 1))).shape == (2, 3)


@pytest.mark.parametrize("augmentation", ["flip", "flip_shift"])
def test_the_mirror_image_counts_as_much(augmentation, tmp_path):
    space = bind((32, 32, 3))
    values = complete(declared(space), {"augmentation": augmentation})
    candidate = SpaceSource(space).build(values)  # compiled
    core, predictor = candidate.model, candidate.predictor
    x = images((32, 32, 3), n=4)
    mirrored = keras.ops.flip(x, axis=2)
    expected = (call(core, x) + call(core, mirrored)) / 2
    np.testing.assert_allclose(call(predictor, x), expected, rtol=1e-4, atol=1e-5)
    assert {id(v) for v in predictor.variables} == {id(v) for v in core.variables}
    predictor.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(call(loaded, mirrored), call(predictor, x), atol=1e-5)


@pytest.mark.parametrize("augmentation", ["none", "shift"])
def test_without_flips_in_training_there_are_none_in_prediction(augmentation):
    space = bind((32, 32, 3))
    core = build(space, {"augmentation": augmentation})
    assert space.predictor(core) is core
