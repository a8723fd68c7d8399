"""The contracts of a search space, as checks that anybody may run on theirs."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import cloudpickle
import keras_tuner
import numpy as np
from keras_tuner.engine.hyperparameters import Choice

from skautonas._compat import reset_layer_names
from skautonas.data.archive import uncompiled
from skautonas.space.base import Configuration, SearchSpace, complete
from skautonas.space.candidate import SpaceSource, UserSource, check_loads
from skautonas.strategy.configurations import Configurations
from skautonas.strategy.own_values import OWN_PREFIX

# Configurations that are built, the starts and the defaults among them; more, where
# there are choices left that none of them has.
N_CONFIGURATIONS = 8
# Of so many drawn, the one is built with the most choices that no other one has.
N_DRAWN = 50

Source = SpaceSource | UserSource


def check_space(space: Any, seed: int = 0) -> None:
    """Check that a space keeps all contracts of one.

    That it declares the same each time, and all that it uses; that its starts are
    configurations of it; and that some models of it are built, saved, loaded and sent
    to workers.

    Parameters
    ----------
    space : SearchSpace, keras_tuner.HyperModel or callable
        A `SearchSpace` is bound to facts; the others return compiled models.
    seed : int, default=0
        Draws the configurations that are built.

    Raises
    ------
    AssertionError
        Where a contract is not kept; it says which, and for what configuration.
    """
    source = _source(space)
    hp = check_declaration(source)
    configurations = check_starts(source, hp)
    rng = np.random.default_rng(seed)
    drawn = Configurations(hp)
    while len(configurations) < N_CONFIGURATIONS:
        configurations.append(drawn.sample(rng))
    add_choices(configurations, drawn, rng)
    check_models(source, hp, configurations)
    check_travels(source, hp, configurations[0])


def check_declaration(source: Source) -> keras_tuner.HyperParameters:
    """Declare twice, and find the same; return what is declared."""
    hp, again = source.declare(), source.declare()
    config, config_again = (h.get_config()["space"] for h in (hp, again))
    assert config, "it declares no hyperparameter, so that there is nothing to search"
    assert config == config_again, "it declares other hyperparameters the second time"
    # KerasTuner 1.4.8 drops the value of one that is inactive in its other scope.
    twice = [n for n, count in Counter(p.name for p in hp.space).items() if count > 1]
    assert not twice, f"it declares {twice} twice; give each a name of its own"
    for parameter in hp.space:
        assert not parameter.name.startswith(OWN_PREFIX), (
            f"{parameter.name} begins as the names that oracles add do"
        )
        if isinstance(parameter, Choice):
            assert parameter.default in parameter.values, (
                f"the default of {parameter.name}, {parameter.default!r}, is none of "
                f"{parameter.values}"
            )
    return hp


def check_starts(
    source: Source, hp: keras_tuner.HyperParameters
) -> list[Configuration]:
    """Complete the starts, and the defaults; return them."""
    configurations = [complete(hp, {})]
    for start in source.starts:
        try:
            values = complete(hp, start)
        except ValueError as error:
            raise AssertionError(f"the start {start} is none: {error}") from error
        if values not in configurations:
            configurations.append(values)
    return configurations


def add_choices(
    configurations: list[Configuration], drawn: Configurations, rng: np.random.Generator
) -> None:
    """Add configurations until each choice is in one, as far as draws have it."""
    names = {dial.parameter.name for dial in drawn.dials if dial.choices}

    def choices(values: Configuration) -> set[tuple[str, Any]]:
        return {(name, values[name]) for name in names if name in values}

    met = set().union(*map(choices, configurations))
    while True:
        candidates = [drawn.sample(rng) for _ in range(N_DRAWN)]
        best = max(candidates, key=lambda values: len(choices(values) - met))
        if choices(best) <= met:
            return
        met |= choices(best)
        configurations.append(best)


def check_models(
    source: Source,
    hp: keras_tuner.HyperParameters,
    configurations: list[Configuration],
) -> None:
    """Build models from what is active alone; save and load each."""
    import keras

    names = {parameter.name for parameter in hp.space}
    shapes = None
    for values in configurations:
        try:
            model = _build(source, values, names)
        except KeyError as error:
            raise AssertionError(
                f"with {values} it reads {error}, which is not declared, or not active "
                "then"
            ) from error
        assert isinstance(model, keras.Model), f"with {values} it builds {model!r}"
        again = _build(source, values, names)
        check_loads(model)
        if model.built and again.built:
            counts = model.count_params(), again.count_params()
            assert counts[0] == counts[1], (
                f"with {values} it builds models of {counts[0]} and {counts[1]} "
                "parameters"
            )
        if model.built and hasattr(model, "inputs"):
            texts = _description(model), _description(again)
            assert texts[0] == texts[1], (
                f"with {values} it builds models that differ: {_difference(*texts)}"
            )
            inputs = [tuple(tensor.shape) for tensor in model.inputs]
            # Members of an ensemble may be an axis in between.
            ends = [tuple(tensor.shape)[-1] for tensor in model.outputs]
            shapes = shapes or (inputs, ends)
            is_like = ends == shapes[1] and _fit(inputs, shapes[0])
            assert is_like, (
                f"with {values} it maps {inputs} to outputs of {ends} columns, with "
                f"others {shapes[0]} to {shapes[1]}"
            )


def _fit(inputs: list[tuple], others: list[tuple]) -> bool:
    """Tell whether there are values of both lists of shapes; None is any size."""
    return [len(shape) for shape in inputs] == [len(shape) for shape in others] and all(
        one == other or None in (one, other)
        for shapes in zip(inputs, others, strict=True)
        for one, other in zip(*shapes, strict=True)
    )


def _description(model: Any) -> str:
    """Return all that a model is built from, but for seeds and how it trains."""

    def without_seeds(node: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in node.items() if key != "seed"}

    text = uncompiled(model).to_json()
    content = json.loads(text, object_hook=without_seeds)
    return json.dumps(content, indent=0, sort_keys=True)


def _difference(one: str, other: str) -> str:
    """Return the first lines in which two texts differ."""
    lines = zip(one.splitlines(), other.splitlines(), strict=False)
    return next((f"{a} and {b}" for a, b in lines if a != b), "one has more")


def check_travels(
    source: Source, hp: keras_tuner.HyperParameters, values: Configuration
) -> None:
    """Send the space to a worker and back, as far as pickle is concerned."""
    sent = cloudpickle.loads(cloudpickle.dumps(source))
    declared = sent.declare().get_config()["space"]
    assert declared == hp.get_config()["space"], (
        "unpickled, it declares other hyperparameters"
    )
    names = {parameter.name for parameter in hp.space}
    model, other = _build(source, values, names), _build(sent, values, names)
    if model.built and other.built:
        assert model.count_params() == other.count_params(), (
            f"unpickled, it builds another model with {values}"
        )


def _source(space: Any) -> Source:
    if isinstance(space, SearchSpace):
        assert hasattr(space, "facts"), (
            "it is not bound to data: pass space.bind(facts), with facts of a kind of "
            "skautonas.data.facts"
        )
        return SpaceSource(space)
    build: Callable[..., Any] = getattr(space, "build", space)
    assert callable(build), f"{space!r} is no space, hypermodel or function"
    return UserSource(build)


def _build(source: Source, values: Configuration, names: set[str]) -> Any:
    """Build a model; of a user's function, see that it asks for what it declared."""
    reset_layer_names()  # as in a trial, where layers are named anew
    if isinstance(source, SpaceSource):
        return source.build(values).model
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    model = source.user_build(hp)
    more = {parameter.name for parameter in hp.space} - names
    assert not more, (
        f"with {values} it asks for {sorted(more)}, which is not declared: enter the "
        "scope, hp.conditional_scope(name, values), whatever the value is"
    )
    return model
