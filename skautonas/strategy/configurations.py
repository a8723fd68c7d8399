"""Configurations of a conditional space: drawn, mutated, compared."""

from collections.abc import Mapping
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.hyperparameters import Boolean, Choice, Fixed

from skautonas.space.base import Configuration

# Spread of a step along a range, as a share of it.
STEP = 0.2
# Tries to step away from a value: many at the end of a range, or where it is short.
MAX_STEPS = 20
# Draws of a configuration that was not tried yet, before the space counts as
# exhausted.
MAX_DRAWS = 200
# Names of hyperparameters that an oracle adds for its own use.
OWN_PREFIX = "tuner/"


class Configurations:
    """What can be done with the configurations of one space.

    A configuration maps the names of the active hyperparameters to their values.

    Parameters
    ----------
    hp : keras_tuner.HyperParameters
        The declared space.
    """

    def __init__(self, hp: keras_tuner.HyperParameters) -> None:
        self.parameters = list(hp.space)
        self._unordered = np.array([_is_unordered(p) for p in self.parameters], bool)

    def sample(self, rng: np.random.Generator) -> Configuration:
        """Draw each active hyperparameter uniformly."""
        return self._read(lambda p: p.prob_to_value(rng.random()))

    def draw_new(self, tried: set, rng: np.random.Generator) -> Configuration | None:
        """Draw one whose `key` was not tried; None where there seems to be none."""
        for _ in range(MAX_DRAWS):
            values = self.sample(rng)
            if key(values) not in tried:
                return values
        return None

    def mutate(
        self, values: Mapping[str, Any], rng: np.random.Generator, changes: int = 1
    ) -> Configuration:
        """Change some hyperparameters; what this activates takes its default."""
        mutable = [p for p in self._active(values) if _has_alternatives(p)]
        changed = dict(values)
        for index in rng.permutation(len(mutable))[:changes]:
            parameter = mutable[index]
            changed[parameter.name] = _another(parameter, values[parameter.name], rng)
        return self._read(lambda p: changed.get(p.name, p.default))

    def encode(self, values: Mapping[str, Any]) -> np.ndarray:
        """Return one number in [0, 1] a hyperparameter, NaN where it is inactive."""
        active = {id(p) for p in self._active(values)}
        return np.array(
            [
                _position(p, values[p.name]) if id(p) in active else np.nan
                for p in self.parameters
            ]
        )

    def distances(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the distance of each encoded configuration to each other one.

        Each hyperparameter adds between 0 and 1: how far apart two numbers are, or
        whether two categories differ; 1 where it is active in one of the two alone.

        Parameters
        ----------
        first, second : ndarray of shape (n, hyperparameters), (m, hyperparameters)
            As from `encode`.

        Returns
        -------
        ndarray of shape (n, m)
            Sums over the hyperparameters.
        """
        a, b = first[:, None, :], second[None, :, :]
        apart = np.abs(a - b)
        apart = np.where(self._unordered, apart > 0, apart)
        missing = np.isnan(a).astype(int) + np.isnan(b)
        return np.where(missing == 0, apart, missing == 1).sum(axis=2)

    def _active(self, values: Mapping[str, Any]) -> list[Any]:
        return [
            p for p in self.parameters if p.name in values and _is_active(p, values)
        ]

    def _read(self, choose: Any) -> Configuration:
        """Choose the value of each hyperparameter that the earlier ones activate."""
        values: Configuration = {}
        for parameter in self.parameters:
            if _is_active(parameter, values):
                values[parameter.name] = choose(parameter)
        return values


def key(values: Mapping[str, Any]) -> frozenset:
    """Return what two equal configurations have in common, at whatever fidelity."""
    return frozenset(
        item for item in values.items() if not item[0].startswith(OWN_PREFIX)
    )


def _is_active(parameter: Any, values: Mapping[str, Any]) -> bool:
    return all(condition.is_active(values) for condition in parameter.conditions)


def _is_unordered(parameter: Any) -> bool:
    if isinstance(parameter, Choice):
        return not parameter.ordered
    return isinstance(parameter, Boolean)


def _has_alternatives(parameter: Any) -> bool:
    if isinstance(parameter, Choice):
        return len(parameter.values) > 1
    return not isinstance(parameter, Fixed)


def _position(parameter: Any, value: Any) -> float:
    if isinstance(parameter, Choice):
        last = max(len(parameter.values) - 1, 1)
        return parameter.values.index(value) / last
    return float(parameter.value_to_prob(value))


def _another(parameter: Any, value: Any, rng: np.random.Generator) -> Any:
    """Return another value of a hyperparameter: any choice, or a step of a range."""
    if isinstance(parameter, Choice):
        return rng.choice([v for v in parameter.values if v != value]).item()
    if isinstance(parameter, Boolean):
        return not value
    for step in STEP * rng.standard_normal(MAX_STEPS):
        place = np.clip(parameter.value_to_prob(value) + step, 0.0, 1.0 - 1e-9)
        stepped = parameter.prob_to_value(float(place))
        if stepped != value:
            return stepped
    return value
