"""Images to arrays: what is refused, what is kept, and what a model card gets."""

import keras
import numpy as np
import pytest

from skautonas.data.images import ImageEncoder
from skautonas.data.images import to_inputs as module_to_inputs


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 6, 8, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((60000, 784), np.uint8), r"X\.reshape\(-1, 28, 28\)"),
        (np.zeros((5, 10)), r"received X\.shape=\(5, 10\).*X\.reshape\(-1, h, w\["),
        (np.zeros((2, 2, 2, 2, 2)), r"Expected images of shape \(n, h, w\[, c\]\)"),
        (np.zeros(7), r"received X\.shape=\(7,\)"),
        ([np.zeros((4, 4)), np.zeros((5, 4))], "of different sizes. Resize"),
        (
            np.array([np.zeros((4, 4)), np.zeros((5, 4)), None], dtype=object)[:2],
            "of different sizes. Resize",
        ),
        (np.full((2, 4, 4), np.nan), "finite pixels.*nan_to_num"),
        (np.full((2, 4, 4), np.inf), "finite pixels"),
        (np.full((2, 4, 4), 1e300), "too large for float32"),
        (np.zeros((0, 4, 4)), "at least one image"),
        (np.zeros((3, 4, 0)), "at least one pixel"),
        (np.zeros((2, 4, 4), complex), "received dtype complex128"),
        (np.array(["a.png", "b.png"]), "decoded pixels, not file names"),
    ],
)
def test_refuses_what_is_no_stack_of_images(X, message):
    with pytest.raises(ValueError, match=message):
        ImageEncoder().fit(X)


def test_refuses_other_sizes_than_fitted(pixels):
    encoder = ImageEncoder().fit(pixels)
    message = r"images of shape \(6, 8, 3\).*received \(6, 8, 1\)"
    with pytest.raises(ValueError, match=message):
        encoder.to_inputs(pixels[..., 0])


def test_uint8_is_passed_through_without_a_copy(pixels):
    image = ImageEncoder().fit(pixels).to_inputs(pixels)["image"]
    assert image.dtype == np.uint8
    assert np.shares_memory(image, pixels)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.float16, np.float64])
def test_everything_else_becomes_float32(dtype):
    X = np.ones((3, 4, 5), dtype)
    image = ImageEncoder().fit(X).to_inputs(X)["image"]
    assert image.dtype == np.float32
    assert image.shape == (3, 4, 5, 1)


def test_lists_and_object_arrays_of_one_size_are_accepted():
    images = np.empty(2, dtype=object)
    images[:] = [np.zeros((4, 4)), np.ones((4, 4))]
    for X in (images, list(images)):
        assert module_to_inputs(X)["image"].shape == (2, 4, 4, 1)


def test_statistics_are_per_channel_and_exact_across_chunks(pixels, monkeypatch):
    monkeypatch.setattr("skautonas.data.images.CHUNK_PIXELS", 300)
    encoder = ImageEncoder().fit(pixels)
    np.testing.assert_allclose(encoder.mean_, pixels.mean((0, 1, 2)))
    np.testing.assert_allclose(encoder.std_, pixels.std((0, 1, 2)))


def test_a_constant_channel_has_deviation_one(pixels):
    pixels[..., 1] = 7
    assert ImageEncoder().fit(pixels / 255).std_[1] == 1.0


def test_facts(pixels):
    facts = (
        ImageEncoder().fit(pixels).facts(task="classification", n_outputs=4, n_rows=20)
    )
    assert facts.natural
    assert facts.inputs["image"].shape == (6, 8, 3)
    assert facts.inputs["image"].dtype == "float32"
    assert (facts.task, facts.n_outputs, facts.n_rows) == ("classification", 4, 20)
    grey = ImageEncoder().fit(pixels[..., 0])
    assert not grey.facts(task="regression", n_outputs=1, n_rows=20).natural


def test_three_equal_channels_are_no_photograph(pixels):
    same = np.repeat(pixels[..., :1], 3, axis=-1)
    encoders = [ImageEncoder().fit(same), ImageEncoder().fit(pixels)]
    assert [encoder.natural_ for encoder in encoders] == [False, True]
    # All splits agree.
    assert encoders[0].with_room_for(encoders).natural_


def test_snippet_needs_numpy_alone_and_knows_the_fitted_size(pixels):
    encoder = ImageEncoder().fit(pixels)
    names: dict = {}
    exec(encoder.snippet(), names)
    np.testing.assert_array_equal(names["to_inputs"](pixels)["image"], pixels)
    with pytest.raises(ValueError, match=r"images of shape \(6, 8, 3\)"):
        names["to_inputs"](pixels[:, :5])


def test_preprocessing_is_the_identity_in_front_of_a_core(pixels, tmp_path):
    encoder = ImageEncoder().fit(pixels)
    image = keras.Input((6, 8, 3), name="image")
    core = keras.Model({"image": image}, keras.layers.Flatten()(image))
    raw = {"image": keras.Input((6, 8, 3), name="image")}
    model = keras.Model(raw, core(encoder.preprocessing()(raw)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    output = keras.ops.convert_to_numpy(loaded(encoder.to_inputs(pixels)))
    np.testing.assert_array_equal(output, pixels.reshape(20, -1))
