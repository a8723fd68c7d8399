"""The image space: every configuration builds, and inference is undisturbed."""

import pickle
import random

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skautonas import ImageSearchClassifier
from skautonas.data.facts import ImageFacts, TensorSpec
from skautonas.space.base import complete, declared
from skautonas.space.image import ImageSpace

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (64, 64, 3), (224, 224, 3)]
ODD_SHAPES = [(1, 1, 1), (1, 40, 2), (5, 7, 1), (30, 100, 3)]


def image_facts(shape, task="classification", n_outputs=3, n_rows=1000):
    channels = shape[-1]
    return ImageFacts(
        task=task,
        n_outputs=n_outputs,
        n_rows=n_rows,
        inputs={"image": TensorSpec(shape, "float32")},
        mean=(100.0,) * channels,
        std=(50.0,) * channels,
        natural=channels == 3,
    )


def bind(shape, **options):
    return ImageSpace(**options).bind(image_facts(shape))


def build(space, values):
    hp = declared(space)
    hp.values = complete(hp, values)
    return space.build(hp)


def images(shape, n=2, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (n, *shape))
    return keras.ops.convert_to_tensor(pixels.astype(np.float32))


def call(model, x, training=False):
    return keras.ops.convert_to_numpy(model({"image": x}, training=training))


def choices(space):
    return {parameter.name: parameter for parameter in declared(space).space}


def sample(space, rng):
    hp = declared(space)
    reading = hp.copy()
    reading.values = {}
    for parameter in hp.space:
        if reading.is_active(parameter):
            value = parameter.random_sample(rng.randrange(2**31))
            reading.values[parameter.name] = value
    return dict(reading.values)


def description(model):
    """Return what the model is, without the counters in its layers' names."""
    return [
        (type(layer).__name__, {**layer.get_config(), "name": ""})
        for layer in model.layers
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": ("plain", "capsule")}, r"Expected blocks among .*\['capsule'\]"),
        ({"blocks": "plain"}, r"blocks as a non-empty tuple.*blocks=\(value,\)"),
        ({"poolings": ()}, "poolings as a non-empty tuple"),
        ({"stages": (0, 2)}, "stages as .least, most. with 1 <="),
        ({"stages": (3, 2)}, "least <= most"),
        ({"blocks_per_stage": (1, 2, 3)}, "blocks_per_stage as"),
        ({"filters": (16, 0)}, "filters of integers, at least 1"),
        ({"filters": (16, 16)}, "each of filters once"),
        ({"kernel_sizes": (3.0,)}, "kernel_sizes of integers"),
        ({"activations": ("reluu",)}, "activations by name.*'reluu'"),
        ({"activations": ("add",)}, "activations by name"),
        ({"activations": ("get",)}, "activations by name"),
        ({"normalisations": ("group",)}, "normalisations among"),
        ({"augmentations": ("mixup",)}, "augmentations among"),
        ({"dropout_rates": (1.0,)}, "dropout_rates of floats from 0 to below 1"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ImageSpace(**options)


def test_every_option_is_declared():
    parameters = choices(bind((32, 32, 3)))
    expected = {
        "stages": [1, 2, 3, 4],
        "stage1/blocks": [1, 2, 3],
        "stage3/filters": [16, 32, 48, 64, 96, 128, 192],
        "stage1/kernel": [3, 5, 7],
        "stage1/block1/kind": ["plain", "residual", "separable", "mbconv"],
        "stage4/block3/expansion": [3, 6],
        "stage4/block3/squeeze": [0.0, 0.25],
        "stage2/pooling": ["max", "average", "stride"],
        "activation": ["relu", "gelu", "swish"],
        "normalisation": ["batch", "layer", "none"],
        "augmentation": ["none", "shift", "shift_rotate", "flip", "flip_shift"],
        "head/pooling": ["average", "max", "grid"],
        "head/layers": [0, 1, 2],
        "head/layer2/units": [64, 128, 256],
        "head/dropout": [0.0, 0.2, 0.4],
    }
    offered = {name: parameters[name].values for name in expected}
    assert offered == expected
    assert "stage1/pooling" not in parameters


def test_user_options_narrow_the_space_and_its_starts():
    space = bind((28, 28, 1), blocks=("separable",), stages=(2, 2), filters=(8, 24))
    parameters = choices(space)
    assert not any("kind" in name and "stage" in name for name in parameters)
    assert "stages" not in parameters
    assert parameters["stage2/filters"].values == [8, 24]
    for start in space.starts:
        build(space, start)


@pytest.mark.parametrize(("shape", "stages"), [((8, 8, 1), 3), ((4, 4, 1), 2)])
def test_small_images_have_few_stages(shape, stages):
    assert choices(bind(shape))["stages"].values == list(range(1, stages + 1))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_deepest_network_keeps_two_pixels(shape):
    space = bind(shape, stages=(4, 4))
    parameters = choices(space)
    smallest = {"stem/kind": "stride4"} if min(shape[:2]) >= 48 else {}
    if "shrink" in parameters:
        smallest["shrink"] = max(parameters["shrink"].values)
    model = build(space, smallest)
    maps = [
        layer.output.shape for layer in model.layers if len(layer.output.shape) == 4
    ]
    assert min(min(shape[1:3]) for shape in maps) >= 2


@pytest.mark.parametrize(
    ("side", "offered"),
    [(24, True), (32, True), (40, False), (64, True), (96, False), (128, False)],
)
def test_the_widest_network_of_photographs_comes_last(side, offered):
    starts = bind((side, side, 3)).starts
    widths = [max([0, *(s[k] for k in s if "filters" in k)]) for s in starts]
    assert (widths[-1] > max(widths[:-1])) == offered
    assert (widths[-1] == 192) == offered


def test_regression_tries_early_without_distortions():
    space = ImageSpace().bind(image_facts((28, 28, 1), "regression", n_rows=2000))
    assert space.starts[1]["augmentation"] == "none"


def test_flips_are_for_natural_images_only():
    grey = bind((28, 28, 1))
    assert not any("flip" in kind for kind in choices(grey)["augmentation"].values)
    assert all("flip" not in str(start) for start in grey.starts)
    asked = bind((28, 28, 1), augmentations=("none", "flip_shift"))
    assert choices(asked)["augmentation"].values == ["none", "flip_shift"]


@pytest.mark.parametrize("shape", [(16, 16, 3), (32, 32, 3), (64, 64, 3)])
def test_an_early_start_tells_a_photograph_from_its_mirror_image(shape):
    kinds = [start.get("augmentation") for start in bind(shape).starts[:4]]
    assert "shift" in kinds


@pytest.mark.parametrize(
    ("shape", "n_rows", "kind"),
    [
        ((32, 32, 3), 500, "flip_shift"),
        ((32, 32, 3), 90_000, "flip"),
        ((28, 28, 1), 500, "shift"),
        ((28, 28, 1), 90_000, "shift"),
    ],
)
def test_many_photographs_are_seen_too_rarely_to_shift_them(shape, n_rows, kind):
    space = ImageSpace().bind(image_facts(shape, n_rows=n_rows))
    assert choices(space)["augmentation"].default == kind


@pytest.mark.parametrize("shape", SHAPES + ODD_SHAPES)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_every_start_builds(shape, task):
    space = ImageSpace().bind(image_facts(shape, task))
    assert len(space.starts) == len({str(start) for start in space.starts}) > 0
    for start in space.starts:
        model = build(space, start)
        assert model.output_shape == (None, 3)
        recipe = space.recipe(complete(declared(space), start))
        assert recipe.batch_size in space.recipe_options().batch_sizes


@pytest.mark.parametrize("shape", SHAPES)
def test_random_configurations_give_finite_outputs(shape):
    rng = random.Random(sum(shape))
    space = bind(shape)
    for _ in range(5):
        output = call(build(space, sample(space, rng)), images(shape))
        assert output.shape == (2, 3)
        assert np.isfinite(output).all()


@pytest.mark.parametrize("shape", [(28, 28, 1), (224, 224, 3)])
def test_each_hyperparameter_alone_changes_the_candidate(shape):
    space = bind(
        shape,
        stages=(1, 2),
        blocks_per_stage=(1, 2),
        kernel_sizes=(3, 5),
        filters=(8, 16),
    )
    hp = declared(space)
    base = complete(
        hp,
        {
            "stages": 2,
            "stage1/blocks": 2,
            "stage1/block1/kind": "mbconv",
            "head/layers": 2,
        },
    )
    model, recipe = description(build(space, base)), space.recipe(base)
    for parameter in hp.space:
        if parameter.name not in base:
            continue
        values = getattr(parameter, "values", None) or [parameter.max_value]
        other = next(value for value in values if value != base[parameter.name])
        changed = complete(hp, {**base, parameter.name: other})
        assert (
            space.recipe(changed) != recipe
            or description(build(space, changed)) != model
        ), parameter.name


@pytest.mark.parametrize("kind", ["shift", "shift_rotate", "flip", "flip_shift"])
def test_augmentation_disturbs_training_only(kind):
    space = bind((28, 28, 3), dropout_rates=(0.0,), normalisations=("none",))
    x = images((28, 28, 3), n=16)
    keras.utils.set_random_seed(0)
    plain = build(space, {"augmentation": "none"})
    distorted = build(space, {"augmentation": kind})
    distorted.set_weights(plain.get_weights())
    expected = call(plain, x)
    np.testing.assert_allclose(call(distorted, x), expected, rtol=1e-5, atol=1e-5)
    first, second = call(distorted, x, training=True), call(distorted, x, training=True)
    assert np.abs(first - expected).max() > 1e-3
    assert np.abs(first - second).max() > 1e-3


def test_augmentation_differs_from_image_to_image():
    space = bind((28, 28, 1), dropout_rates=(0.0,), normalisations=("none",))
    model = build(space, {"augmentation": "shift"})
    same = keras.ops.repeat(images((28, 28, 1), n=1), 4, axis=0)
    outputs = call(model, same, training=True)
    assert np.ptp(outputs, axis=0).max() > 1e-3


def test_everything_survives_saving(tmp_path):
    space = bind((32, 32, 3))
    kinds = {"stage1/block1/kind": "residual", "stage2/block1/kind": "mbconv"}
    base = {"stages": 2, **kinds, "stage2/block1/squeeze": 0.25, "head/pooling": "grid"}
    for augmentation in ("shift_rotate", "flip_shift"):
        model = build(space, {**base, "augmentation": augmentation})
        path = tmp_path / f"{augmentation}.keras"
        model.save(path)
        loaded = keras.saving.load_model(path, safe_mode=True)
        x = images((32, 32, 3))
        np.testing.assert_allclose(call(loaded, x), call(model, x), rtol=1e-5)


def test_spaces_pickle():
    space = pickle.loads(pickle.dumps(bind((8, 8, 1), blocks=("plain",))))
    assert space.blocks == ("plain",)
    assert choices(space).keys() == choices(bind((8, 8, 1), blocks=("plain",))).keys()


@pytest.mark.parametrize(("n_rows", "offered"), [(1000, True), (1001, False)])
def test_a_linear_model_is_among_the_starts_of_few_images(n_rows, offered):
    space = ImageSpace().bind(image_facts((28, 28, 1), n_rows=n_rows))
    linear = {"architecture": "linear"}.items()
    assert any(linear <= start.items() for start in space.starts) == offered
    assert ("architecture" in choices(space)) == offered
    assert "architecture" not in space.starts[0]
    alone = ImageSpace(architectures=("linear",)).bind(space.facts)
    assert len(alone.starts) == 1
    assert not any(name.startswith("stem") for name in choices(alone))


@pytest.mark.parametrize("shape", [*SHAPES, *ODD_SHAPES])
def test_a_linear_model_is_one_of_means_of_pixels(shape):
    space = bind(shape, architectures=("linear",))
    model = build(space, {})
    model.get_layer("pixels").set_weights([np.zeros(shape[-1]), np.ones(shape[-1])])
    rng = np.random.default_rng(0)
    output = model.get_layer("output")
    weights = [rng.normal(size=weight.shape) for weight in output.get_weights()]
    assert not any(weight.any() for weight in output.get_weights())
    output.set_weights(weights)
    first, second = images(shape), images(shape, seed=1)
    between = call(model, (first + second) / 2)
    mean = (call(model, first) + call(model, second)) / 2
    np.testing.assert_allclose(between, mean, rtol=1e-3, atol=0.05)
    assert output.input.shape[-1] <= 32 * 32 * shape[-1]


@pytest.mark.parametrize("unit", [1.0, 1e-12, 1e12])
def test_a_linear_model_of_images_is_as_good_as_logistic_regression(unit):
    X, y = load_digits(return_X_y=True)
    X = unit * X.reshape(-1, 8, 8)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, train_size=300, random_state=0
    )
    search = ImageSearchClassifier(
        space=ImageSpace(architectures=("linear",)),
        max_trials=1,
        time_budget=None,
        random_state=0,
    ).fit(X_train, y_train)
    logistic = make_pipeline(StandardScaler(), LogisticRegression())
    logistic.fit(X_train.reshape(-1, 64), y_train)
    expected = logistic.score(X_test.reshape(-1, 64), y_test)
    assert search.score(X_test, y_test) >= expected - 0.02
