"""One description of a space, several readings: the choosers.

A space describes its architecture once, as a function of a chooser.
`Declare` walks every branch and declares its hyperparameters, without building
anything; `Pick` reads one configuration and builds its model.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import keras_tuner

Scalar = str | int | float | bool


class Chooser(Protocol):
    """What the description of a space may ask for."""

    def value(self, name: str, values: Sequence[Scalar], default: Scalar) -> Any:
        """Choose one of ``values``, all of one type."""

    def real(
        self, name: str, low: float, high: float, default: float, log: bool = False
    ) -> Any:
        """Choose a float between ``low`` and ``high``, on a log scale on demand."""

    def one(self, name: str, options: Mapping[str, Callable], default: str) -> Callable:
        """Choose one of several functions, each of which takes the chooser first."""

    def repeat(self, name: str, low: int, high: int, default: int) -> Iterator[str]:
        """Choose a count, named ``name`` + "s", and yield that many paths."""

    def layer(self, factory: Callable, inputs: Any, **arguments: Any) -> Any:
        """Make a layer with ``factory(**arguments)`` and call it on ``inputs``."""

    def call(self, function: Callable, *inputs: Any) -> Any:
        """Call a function of tensors."""


class Declare:
    """Declare every hyperparameter of a space under its conditions; build nothing.

    Parameters
    ----------
    hp : keras_tuner.HyperParameters
        Receives the declarations.
    """

    def __init__(self, hp: keras_tuner.HyperParameters) -> None:
        self.hp = hp

    def value(self, name: str, values: Sequence[Scalar], default: Scalar) -> Any:
        """Declare a choice, unless there is nothing to choose."""
        values = list(values)
        if len(values) == 1:
            return values[0]
        self.hp.Choice(name, values, default=nearest(values, default))
        return default

    def real(
        self, name: str, low: float, high: float, default: float, log: bool = False
    ) -> Any:
        """Declare a float range."""
        sampling = "log" if log else "linear"
        self.hp.Float(name, low, high, sampling=sampling, default=default)
        return default

    def one(self, name: str, options: Mapping[str, Callable], default: str) -> Callable:
        """Declare the choice, and return a function that walks all its branches."""
        self.value(name, list(options), default)

        def walk(choose: Chooser, *inputs: Any, **arguments: Any) -> Any:
            if len(options) == 1:
                return next(iter(options.values()))(choose, *inputs, **arguments)
            for option, function in options.items():
                with self.hp.conditional_scope(name, [option]):
                    function(choose, *inputs, **arguments)
            return None

        return walk

    def repeat(self, name: str, low: int, high: int, default: int) -> Iterator[str]:
        """Declare the count, and walk each repetition under its condition."""
        counts = list(range(low, high + 1))
        self.value(f"{name}s", counts, default)
        for index in range(1, high + 1):
            if index <= low:
                yield f"{name}{index}"
                continue
            with self.hp.conditional_scope(f"{name}s", list(range(index, high + 1))):
                yield f"{name}{index}"

    def layer(self, factory: Callable, inputs: Any, **arguments: Any) -> Any:
        """Build nothing."""
        return None

    def call(self, function: Callable, *inputs: Any) -> Any:
        """Call nothing."""
        return None


class Pick:
    """Read one configuration, and build its model.

    Parameters
    ----------
    values : mapping of str to str, int, float or bool
        The active hyperparameters by name.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def value(self, name: str, values: Sequence[Scalar], default: Scalar) -> Any:
        """Return the configured value."""
        return values[0] if len(values) == 1 else self.values[name]

    def real(
        self, name: str, low: float, high: float, default: float, log: bool = False
    ) -> Any:
        """Return the configured value."""
        return self.values[name]

    def one(self, name: str, options: Mapping[str, Callable], default: str) -> Callable:
        """Return the configured function."""
        return options[self.value(name, list(options), default)]

    def repeat(self, name: str, low: int, high: int, default: int) -> Iterator[str]:
        """Yield as many paths as configured."""
        count = self.value(f"{name}s", list(range(low, high + 1)), default)
        for index in range(1, count + 1):
            yield f"{name}{index}"

    def layer(self, factory: Callable, inputs: Any, **arguments: Any) -> Any:
        """Build the layer and call it."""
        return factory(**arguments)(inputs)

    def call(self, function: Callable, *inputs: Any) -> Any:
        """Call the function."""
        return function(*inputs)


def nearest(values: Sequence[Scalar], default: Scalar) -> Scalar:
    """Return ``default`` where it is offered, else the offered value closest to it.

    Examples
    --------
    >>> nearest([16, 32], 48)
    32
    >>> nearest(["gru", "lstm"], "conv")
    'gru'
    """
    if default in values:
        return default
    if isinstance(default, int | float) and not isinstance(values[0], str):
        return min(values, key=lambda value: abs(value - default))  # type: ignore[operator]
    return values[0]
