"""The space of texts: every configuration declares, builds and is called."""

import copy
import pickle
import random

import keras_tuner
import numpy as np
import pytest
from sklearn.naive_bayes import MultinomialNB

from skautonas import TextSearchClassifier
from skautonas.data.texts import TextEncoder
from skautonas.datasets import load_docstrings
from skautonas.space.base import complete, declared
from skautonas.space.text import TextSpace

TEXTS = [
    *(
        f"word{i % 7} is number{i % 5} of {i} and more words follow it"
        for i in range(40)
    ),
    "",
]


@pytest.fixture(scope="module")
def encoder():
    return TextEncoder(characters=True).fit(TEXTS)


@pytest.fixture(scope="module")
def space(encoder):
    facts = encoder.facts(task="classification", n_outputs=3, n_rows=15_000)
    return TextSpace(vocabulary_sizes=(10, 20_000), embedding_widths=(8, 16)).bind(
        facts
    )


@pytest.fixture(scope="module")
def batch(encoder):
    import tensorflow as tf

    model = encoder.preprocessing()
    return model({"text": tf.constant([*TEXTS[:4], "", "unseen entirely"])})


def build(space, values):
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    return space.build(hp)


def sample(space, seed):
    """Draw a configuration, uniformly among what is active."""
    draw = random.Random(seed)
    hp = declared(space)
    hp.values = {}
    for parameter in hp.space:
        if hp.is_active(parameter):
            hp.values[parameter.name] = parameter.random_sample(draw.randrange(2**31))
    return hp.values


def test_every_option_is_declared(space):
    names = {parameter.name for parameter in declared(space).space}
    assert {
        "encoder",
        "ngrams/head",
        "ngrams/width",
        "ngrams/weighting",
        "ngrams/characters",
        "combined/ngrams/characters",
        "combined/words/filters",
        "convolution/kind",
        "convolution/vocabulary",
        "convolution/length",
        "convolution/width",
        "convolution/parallel/windows",
        "convolution/stack/kernel",
        "convolution/stack/layers",
        "recurrent/cell",
        "recurrent/units",
        "recurrent/layers",
        "recurrent/pooling",
        "transformer/heads",
        "transformer/blocks",
        "transformer/units",
    } <= names


def test_names_are_declared_once(space):
    names = [parameter.name for parameter in declared(space).space]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("task", ["classification", "regression", "multilabel"])
@pytest.mark.parametrize(
    ("options", "n_rows", "n_starts"),
    [
        ({}, 14_999, 3),
        ({}, 15_000, 6),
        ({"encoders": ("ngrams",)}, 15_000, 2),
        ({"encoders": ("recurrent",)}, 100, 1),
        ({"units": (32,)}, 15_000, 6),
    ],
)
def test_starts_are_complete_and_build(encoder, batch, task, options, n_rows, n_starts):
    facts = encoder.facts(task=task, n_outputs=2, n_rows=n_rows)
    assert facts.median_words == 10.0
    space = TextSpace(**options).bind(facts)
    weighted = task == "classification" and "ngrams" in space.encoders
    assert len(space.starts) == n_starts + weighted
    hp = declared(space)
    by_name = {parameter.name: parameter for parameter in hp.space}
    for start in space.starts:
        for name, value in start.items():
            assert value in getattr(by_name[name], "values", [value]) or isinstance(
                value, float
            )
        values = complete(hp, start)
        assert space.recipe(values).epochs > 0
        assert build(space, values)(batch).shape == (6, 2)


def test_linear_start_trains_with_sgd(space):
    hp = declared(space)
    assert space.recipe(complete(hp, space.starts[0])).optimizer == "sgd"
    assert space.recipe(complete(hp, space.starts[0])).weight_decay == 1e-6


@pytest.mark.parametrize(("n_rows", "batch_size"), [(29_999, 128), (30_000, 256)])
def test_label_sets_start_with_a_perceptron(encoder, n_rows, batch_size):
    facts = encoder.facts(task="multilabel", n_outputs=3, n_rows=n_rows)
    space = TextSpace().bind(facts)
    first = complete(declared(space), space.starts[0])
    assert first["ngrams/head"] == "mlp"
    assert space.recipe(first).batch_size == batch_size


@pytest.mark.parametrize("seed", range(25))
def test_random_configurations_build_and_run(space, batch, seed):
    values = sample(space, seed)
    model = build(space, values)
    for training in (False, True):
        outputs = np.asarray(model(batch, training=training))
        assert outputs.shape == (6, 3)
        assert np.isfinite(outputs).all()


@pytest.mark.parametrize(
    "encoder_name", ["ngrams", "combined", "convolution", "recurrent", "transformer"]
)
def test_each_hyperparameter_changes_the_model(space, encoder_name):
    hp = declared(space)
    base = complete(hp, {"encoder": encoder_name})
    reference = build(space, base).get_config()
    for parameter in hp.space:
        if parameter.name not in base or parameter.name.startswith("recipe/"):
            continue
        other = next(v for v in parameter.values if v != base[parameter.name])
        changed = complete(hp, {**base, parameter.name: other})
        assert build(space, changed).get_config() != reference, parameter.name


@pytest.mark.parametrize(
    "encoder_name", ["combined", "convolution", "recurrent", "transformer"]
)
def test_texts_without_words_give_finite_gradients(space, batch, encoder_name):
    import keras
    import tensorflow as tf

    model = build(space, complete(declared(space), {"encoder": encoder_name}))
    empty = {name: tf.zeros_like(array) for name, array in batch.items()}
    with tf.GradientTape() as tape:
        loss = keras.ops.sum(model(empty) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    reached = [tf.convert_to_tensor(g) for g in gradients if g is not None]
    assert reached
    for gradient in reached:
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("start", range(7))
def test_models_survive_saving(space, batch, start, tmp_path):
    import keras

    model = build(space, complete(declared(space), space.starts[start]))
    model.save(tmp_path / "core.keras")
    loaded = keras.saving.load_model(tmp_path / "core.keras", safe_mode=True)
    np.testing.assert_allclose(loaded(batch), model(batch), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("bag", ["ngrams", "characters"])
def test_log_ratios_equal_those_of_naive_bayes(bag, encoder, batch):
    labels = np.array([0, 1, 2, 0, 1, 2])
    facts = encoder.facts(task="classification", n_outputs=3, n_rows=15_000)
    space = TextSpace().bind(facts)
    log_ratios = {"ngrams/weighting": "log_ratios"}
    model = build(space, complete(declared(space), log_ratios))
    space.initialise(model, batch, labels)
    found = model.get_layer(f"log_ratios_{bag}").get_weights()[0][:, 0]

    occurs = np.zeros((6, facts.bags[bag]))
    ids, weights = np.asarray(batch[bag]), np.asarray(batch[f"{bag}_weights"])
    for row in range(6):
        occurs[row, ids[row][weights[row] > 0]] = 1
    bayes = MultinomialNB().fit(occurs, labels)
    np.testing.assert_allclose(
        found, bayes.feature_log_prob_.std(axis=0), rtol=1e-5, atol=1e-6
    )
    assert found.max() > found.min()


def test_log_ratios_are_part_of_the_model():
    texts, libraries = load_docstrings()
    log_ratios = {"ngrams/weighting": "log_ratios"}
    search = TextSearchClassifier(
        space=TextSpace(encoders=("ngrams",)).with_starts([log_ratios]),
        max_trials=1,
        time_budget=None,
        random_state=0,
    ).fit(texts[::2], libraries[::2])
    spread = search.best_model_.get_layer("core").get_layer("log_ratios_ngrams")
    assert np.std(spread.get_weights()[0]) > 0.1
    assert search.score(texts[1::2], libraries[1::2]) > 0.9


def test_space_copies_and_pickles(space):
    for copied in (copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert copied.starts == space.starts
        assert copied.embedding_widths == (8, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoders": ("bert",)}, r"received \['bert'\]"),
        ({"encoders": ()}, "encoders as a non-empty tuple"),
        ({"units": ()}, "units as a non-empty tuple"),
        ({"units": 64}, "units as a non-empty tuple"),
        ({"units": (0,)}, r"at least 1; received \(0,\)"),
        ({"vocabulary_sizes": (2,)}, "at least 3"),
        ({"dropout_rates": (0.5, 1.0)}, r"dropout_rates of floats .* below 1"),
        ({"windows": ("2,3",)}, "received '2,3'"),
        ({"windows": (3,)}, "received 3"),
        ({"length_fractions": (2.0,)}, r"up to 1; received \(2\.0,\)"),
        ({"heads": (32,)}, "at most as many heads"),
    ],
)
def test_wrong_options_teach(options, message):
    with pytest.raises(ValueError, match=message):
        TextSpace(**options)


def test_a_space_of_one_encoder_has_a_start_on_few_rows(encoder):
    facts = encoder.facts(task="classification", n_outputs=2, n_rows=100)
    (start,) = TextSpace(encoders=("transformer",)).bind(facts).starts
    assert set(start) == {"recipe/epochs"}
