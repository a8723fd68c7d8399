"""Every named option is declared, and every hyperparameter does something."""

import json
import random
from dataclasses import replace

import pytest

from skautonas.data.facts import ImageFacts, TabularFacts, TensorSpec, TextFacts
from skautonas.space import ImageSpace, TabularSpace, TextSpace
from skautonas.space.base import complete, declared

RECIPE = {
    "recipe/optimizer",
    "recipe/schedule",
    "recipe/adamw/learning_rate",
    "recipe/adamw/weight_decay",
    "recipe/batch_size",
    "recipe/label_smoothing",
    "recipe/patience",
    "recipe/restore_best_epoch",
    "recipe/epochs",
}


def image_facts(height, width, channels):
    return ImageFacts(
        task="classification",
        n_outputs=5,
        n_rows=2000,
        inputs={"image": TensorSpec((height, width, channels), "float32")},
        mean=(120.0,) * channels,
        std=(60.0,) * channels,
        natural=channels == 3,
    )


TEXT_FACTS = TextFacts(
    task="classification",
    n_outputs=5,
    n_rows=20_000,
    inputs={
        "words": TensorSpec((40,), "int32"),
        "ngrams": TensorSpec((60,), "int32"),
        "ngrams_weights": TensorSpec((60,), "float32"),
        "characters": TensorSpec((90,), "int32"),
        "characters_weights": TensorSpec((90,), "float32"),
    },
    n_words=12_000,
    median_words=12.0,
    bags={"ngrams": 30_000, "characters": 15_000},
)
TABULAR_FACTS = TabularFacts(
    task="classification",
    n_outputs=5,
    n_rows=2000,
    inputs={
        "numeric": TensorSpec((3,), "float32"),
        "quantile": TensorSpec((3,), "float32"),
        "missing": TensorSpec((1,), "float32"),
        "categorical": TensorSpec((2,), "int32"),
        "ngrams": TensorSpec((40,), "int32"),
        "ngrams_weights": TensorSpec((40,), "float32"),
    },
    n_numeric=3,
    n_missing=1,
    cardinalities=(5, 40),
    n_ngrams=900,
)
SPACES = {
    "image": ImageSpace().bind(image_facts(32, 32, 3)),
    "text": TextSpace().bind(TEXT_FACTS),
    "tabular": TabularSpace().bind(TABULAR_FACTS),
}
# The options that a modality promises: a hyperparameter's name (or its last parts),
# and values that it must offer.
PROMISED = {
    "tabular": {
        "model": {"linear", "network"},
        "architecture": {"mlp", "residual", "packed"},
        "text/width": {8, 16, 32},
        "numeric/embedding": {"none", "linear", "periodic", "piecewise"},
        "categorical/width": {4, 8},
        "mlp/dropout": {0.0},
        "mlp/normalisation": {"none", "batch", "layer"},
        "packed/members": {8},
    },
    "text": {
        "encoder": {"ngrams", "convolution", "recurrent", "transformer"},
        "ngrams/vocabulary": {10_000, 30_000},
        "recurrent/vocabulary": {10_000},
        "recurrent/cell": {"lstm", "gru"},
        "recurrent/pooling": {"bahdanau", "luong"},
        "recurrent/width": {32, 64},
        "recurrent/head/layer1/units": {64},
        "recurrent/head/dropout": {0.2},
    },
    "image": {
        "stages": {2, 3},
        "stage1/block1/kind": {"plain", "residual", "separable", "mbconv"},
        "stage2/filters": {32, 64},
        "stage1/kernel": {3, 5, 7},
        "activation": {"relu", "gelu"},
        "stage2/pooling": {"max", "average", "stride"},
        "normalisation": {"batch", "none"},
        "head/layer1/units": {128},
        "head/dropout": {0.0},
        "augmentation": {"none", "shift"},
    },
}


def offered(hp, name):
    return {value for p in hp.space if p.name == name for value in p.values}


@pytest.mark.parametrize("name", SPACES)
def test_every_promised_option_is_declared(name):
    hp = declared(SPACES[name])
    names = {parameter.name for parameter in hp.space}
    assert names >= RECIPE
    for option, values in PROMISED[name].items():
        assert option in names, f"{option} is not declared: {sorted(names)}"
        assert offered(hp, option) >= values, option


class Fingerprints:
    """What a configuration builds and how it is trained, as text; each made once."""

    def __init__(self, space, hp):
        self.space, self.hp, self.made = space, hp, {}

    def of(self, values):
        import keras

        key = json.dumps(values, sort_keys=True)
        if key not in self.made:
            keras.backend.clear_session(free_memory=False)
            reading = self.hp.copy()
            reading.values = dict(values)
            config = self.space.build(reading).get_config()
            text = json.dumps(config, sort_keys=True, default=str)
            self.made[key] = text + repr(self.space.recipe(values))
        return self.made[key]


def changed(parameter, value):
    """Return another value of a hyperparameter."""
    values = getattr(parameter, "values", None)
    if values:
        return next(v for v in values if v != value)
    return value * 1.5 if value * 1.5 <= parameter.max_value else value / 1.5


def activate(hp, parameter):
    """Return a partial configuration under which a hyperparameter is active."""
    return {c.name: c.values[-1] for c in parameter.conditions}


@pytest.mark.parametrize("name", SPACES)
def test_no_start_smooths_labels_under_a_proper_scoring_rule(name):
    facts = replace(SPACES[name].facts, proper_score=True)
    space = type(SPACES[name])().bind(facts)
    for start in space.starts:
        recipe = space.recipe(complete(declared(space), start))
        assert recipe.label_smoothing == 0.0


# Rows that train, and the batch and the planned epochs of the default recipe.
BY_ROWS = {
    "tabular": [(500, 32, 256), (4_000, 64, 128), (6_000, 128, 64), (50_000, 256, 32)],
    "image": [(500, 64, 30), (5_000, 64, 20), (50_000, 64, 12), (90_000, 64, 8)],
}


@pytest.mark.parametrize(
    ("name", "n_rows", "batch", "epochs"),
    [(name, *case) for name, cases in BY_ROWS.items() for case in cases],
)
def test_batches_and_epochs_go_by_rows(name, n_rows, batch, epochs):
    facts = replace(SPACES[name].facts, n_rows=n_rows)
    space = type(SPACES[name])().bind(facts)
    recipe = space.recipe(complete(declared(space), {}))
    assert (recipe.batch_size, recipe.epochs) == (batch, epochs)


@pytest.mark.parametrize("name", SPACES)
def test_every_hyperparameter_alone_changes_the_model_or_its_training(name):
    hp = declared(SPACES[name])
    fingerprints = Fingerprints(SPACES[name], hp)
    dead = []
    for parameter in hp.space:
        values = complete(hp, activate(hp, parameter))
        assert parameter.name in values, parameter.name
        change = {parameter.name: changed(parameter, values[parameter.name])}
        other = complete(hp, values | change)
        if fingerprints.of(values) == fingerprints.of(other):
            dead.append(parameter.name)
    assert not dead


def sample(hp, rng):
    """Return a random complete configuration."""
    partial = {p.name: p.random_sample(rng.randrange(2**31)) for p in hp.space}
    return complete(hp, partial)


SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (64, 64, 3), (224, 224, 3)]


def build_and_call(space, hp, rng):
    import keras
    import numpy as np

    reading = hp.copy()
    reading.values = sample(hp, rng)
    keras.backend.clear_session(free_memory=False)
    model = space.build(reading)
    batch = {}
    for name, spec in space.facts.inputs.items():
        draw = np.random.default_rng(rng.randrange(2**31))
        top = 5 if spec.dtype == "int32" else 255
        batch[name] = draw.integers(0, top, (2, *spec.shape)).astype(spec.dtype)
    outputs = np.asarray(model(batch))
    assert outputs.shape[0] == 2
    assert outputs.shape[-1] == space.facts.n_outputs
    assert np.isfinite(outputs).all(), reading.values


@pytest.mark.parametrize("name", ["text", "tabular"])
def test_two_hundred_random_samples_build_and_run(name):
    rng = random.Random(0)
    hp = declared(SPACES[name])
    for _ in range(200):
        build_and_call(SPACES[name], hp, rng)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_forty_random_image_samples_of_each_size_build_and_run(shape):
    rng = random.Random(0)
    space = ImageSpace().bind(image_facts(*shape))
    hp = declared(space)
    for _ in range(40):
        build_and_call(space, hp, rng)
