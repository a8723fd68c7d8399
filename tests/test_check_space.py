"""`skautonas.testing.check_space` passes what is right, and names what is not."""

import functools
import itertools

import keras
import pytest
from keras import layers

from skautonas.data.texts import TextEncoder
from skautonas.space import TabularSpace, TextSpace
from skautonas.testing import check_space
from tests.test_space_image import bind as image_space
from tests.test_space_tabular import facts
from tests.test_space_text import TEXTS


def compiled(*hidden):
    model = keras.Sequential([keras.Input((4,)), *hidden, layers.Dense(3)])
    model.compile("sgd", "mse")
    return model


def build(hp):
    """Return a model of a space with a condition."""
    hidden = [layers.Dense(hp.Int("units", 4, 16))]
    deep = hp.Boolean("deep")
    with hp.conditional_scope("deep", [True]):
        if deep:
            hidden.append(layers.Dropout(hp.Float("rate", 0.0, 0.5)))
    return compiled(*hidden)


def text_space():
    encoder = TextEncoder(characters=True).fit(TEXTS)
    facts = encoder.facts(task="classification", n_outputs=3, n_rows=12_000)
    return TextSpace().bind(facts)


@pytest.mark.parametrize(
    "make",
    [
        lambda: TabularSpace().bind(facts(3)),
        lambda: image_space((16, 16, 1)),
        text_space,
    ],
)
def test_our_spaces_keep_the_contracts(make):
    check_space(make())


@keras.saving.register_keras_serializable("tests")
class OfUnits(keras.Model):
    def __init__(self, units=3, **options):
        super().__init__(**options)
        self.units = units
        self.dense = layers.Dense(units)
        self.build((None, 4))

    def build(self, shape):
        self.dense.build(shape)
        self.built = True

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        return super().get_config() | {"units": self.units}


def build_of_a_class(hp):
    model = OfUnits(hp.Int("units", 3, 9))
    model.compile("sgd", "mse")
    return model


def build_with_a_partial_loss_and_names(hp):
    first = layers.Dense(hp.Int("units", 3, 9))
    size = None if hp.Boolean("any") else 8
    model = keras.Sequential([keras.Input((size, size, 1)), first])
    model.add(layers.GlobalAveragePooling2D(name=f"after_{first.name}_pooling"))
    model.add(layers.Dense(2))
    model.compile("sgd", functools.partial(keras.losses.mean_squared_error))
    return model


@pytest.mark.parametrize(
    "space", [build, build_of_a_class, build_with_a_partial_loss_and_names]
)
def test_a_function_keeps_the_contracts(space):
    check_space(space)


def test_a_space_that_is_not_bound_is_refused():
    with pytest.raises(AssertionError, match=r"space\.bind\(facts\)"):
        check_space(TabularSpace())


class Reads(TabularSpace):
    def body(self, choose, inputs):
        if inputs is not None:
            choose.value("undeclared", [1, 2], 1)
        return super().body(choose, inputs)


class Starts(TabularSpace):
    @property
    def starts(self):
        return [{"nothing": 1}]


calls = itertools.count()


def build_other_each_time(hp):
    hp.Int(f"units{next(calls)}", 4, 16)
    return compiled()


def build_what_only_some_values_ask_for(hp):
    hidden = [layers.Dropout(hp.Float("rate", 0.0, 0.5))] if hp.Boolean("deep") else []
    return compiled(*hidden)


def build_without_choice(hp):
    return compiled()


def build_of_another_width(hp):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(hp.Int("out", 2, 40))])
    model.compile("sgd", "mse")
    return model


def build_of_another_input(hp):
    width = hp.Int("in", 2, 40)
    pooling = layers.GlobalAveragePooling1D()
    model = keras.Sequential([keras.Input((width, 1)), pooling, layers.Dense(2)])
    model.compile("sgd", "mse")
    return model


def build_at_random(hp):
    hp.Int("units", 4, 16)
    return compiled(layers.Dense(4, activation=["relu", "tanh"][next(calls) % 2]))


def build_all_but_one_choice(hp):
    kind = hp.Choice("kind", [f"kind{number}" for number in range(30)])
    if kind == "kind17":
        raise KeyError("kind17")
    return compiled()


def build_from_what_oracles_add(hp):
    hp.Int("tuner/epochs", 1, 9)
    return compiled()


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (Reads().bind(facts(3)), "reads 'undeclared'"),
        (Starts().bind(facts(3)), "the start {'nothing': 1} is none"),
        (build_other_each_time, "other hyperparameters the second time"),
        (build_what_only_some_values_ask_for, r"asks for \['rate'\], which is not"),
        (build_without_choice, "declares no hyperparameter"),
        (
            build_of_another_width,
            r"outputs of \[\d+\] columns, with others \[\(None, 4",
        ),
        (build_of_another_input, r"maps \[\(None, \d+, 1\)\] to outputs of \[2\]"),
        (build_at_random, "models that differ: .*activation.*relu"),
        (build_all_but_one_choice, "it reads 'kind17'"),
        (build_from_what_oracles_add, "names that oracles add"),
        (3, "no space, hypermodel or function"),
    ],
)
def test_what_breaks_a_contract_is_named(space, words):
    with pytest.raises(AssertionError, match=words):
        check_space(space)
