"""Configurations of a conditional space: drawn, mutated, compared."""

from collections.abc import Mapping
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.hyperparameters import Boolean, Choice, Fixed
from scipy.spatial.distance import cdist

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
_ABSENT = object()


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
        # Each with the parents that must have one of some values.
        self._conditions = [
            (p, [(c.name, frozenset(c.values)) for c in p.conditions])
            for p in self.parameters
        ]
        self._parents = {name for _, parents in self._conditions for name, _ in parents}
        # Where the numbers of each hyperparameter begin in an encoded configuration.
        self._places: list[tuple[int, int]] = []
        inactive: list[float] = []
        for parameter in self.parameters:
            n_categories = _n_categories(parameter)
            self._places.append((len(inactive), n_categories))
            inactive += [0.0] * n_categories + [0.5] if n_categories else [-0.25] * 2
        self._inactive = np.array(inactive)

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
        active = self._active(values)
        mutable = [p for p in active if _has_alternatives(p)]
        changed = {p.name: values[p.name] for p in active}
        activates = False
        for index in rng.permutation(len(mutable))[:changes]:
            parameter = mutable[index]
            changed[parameter.name] = _another(parameter, values[parameter.name], rng)
            activates |= parameter.name in self._parents
        if not activates:
            return changed
        return self._read(lambda p: changed.get(p.name, p.default))

    def encode(self, values: Mapping[str, Any]) -> np.ndarray:
        """Return a point whose `distances` to others are those of configurations."""
        point = self._inactive.copy()
        places = zip(self._conditions, self._places, strict=True)
        for (parameter, conditions), (start, n_categories) in places:
            if parameter.name not in values or not _is_active(conditions, values):
                continue
            value = values[parameter.name]
            if n_categories:
                # A corner for each category, and one for none; two corners are 1 apart.
                point[start + n_categories] = 0.0
                point[start + _category(parameter, value)] = 0.5
            else:
                # A line, and a point from which all of it is 1 away.
                position = _position(parameter, value) / 2
                point[start], point[start + 1] = position, 0.5 - position
        return point

    def _active(self, values: Mapping[str, Any]) -> list[Any]:
        return [
            parameter
            for parameter, conditions in self._conditions
            if parameter.name in values and _is_active(conditions, values)
        ]

    def _read(self, choose: Any) -> Configuration:
        """Choose the value of each hyperparameter that the earlier ones activate."""
        values: Configuration = {}
        for parameter, conditions in self._conditions:
            if _is_active(conditions, values):
                values[parameter.name] = choose(parameter)
        return values


def key(values: Mapping[str, Any]) -> frozenset:
    """Return what two equal configurations have in common, at whatever fidelity."""
    return frozenset(
        item for item in values.items() if not item[0].startswith(OWN_PREFIX)
    )


def _is_active(
    conditions: list[tuple[str, frozenset]], values: Mapping[str, Any]
) -> bool:
    for name, wanted in conditions:  # noqa: SIM110 - half as long as all()
        if values.get(name, _ABSENT) not in wanted:
            return False
    return True


def _n_categories(parameter: Any) -> int:
    """Return the number of values without an order; 0 where they have one."""
    if isinstance(parameter, Choice) and not parameter.ordered:
        return len(parameter.values)
    return 2 if isinstance(parameter, Boolean) else 0


def _has_alternatives(parameter: Any) -> bool:
    if isinstance(parameter, Choice):
        return len(parameter.values) > 1
    return not isinstance(parameter, Fixed)


def _category(parameter: Any, value: Any) -> int:
    return parameter.values.index(value) if isinstance(parameter, Choice) else value


def _position(parameter: Any, value: Any) -> float:
    """Return where a value is between the least and the greatest, from 0 to 1."""
    if isinstance(parameter, Choice):
        last = max(len(parameter.values) - 1, 1)
        return parameter.values.index(value) / last
    return float(parameter.value_to_prob(value))


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the distance of each encoded configuration to each other one.

    Each hyperparameter adds between 0 and 1: how far apart two numbers are, or whether
    two categories differ; 1 where it is active in one of the two alone.

    Parameters
    ----------
    first, second : ndarray of shape (n, points), (m, points)
        Of one space, as from `Configurations.encode`.

    Returns
    -------
    ndarray of shape (n, m)
        Sums over the hyperparameters.
    """
    return cdist(first, second, "cityblock")


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
