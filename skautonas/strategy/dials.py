"""The values of one hyperparameter as numbers."""

import math
from typing import Any

import numpy as np
from keras_tuner.engine.hyperparameters import Boolean, Choice, Fixed, Int

# Spread of a step along a range, as a share of it.
STEP = 0.2
# Tries to step away from a value: many at the end of a range, or where it is short.
MAX_STEPS = 20
# The place of the last step of a range.
ALMOST_ONE = 1.0 - 1e-9
# What rounding leaves of a whole number of steps.
ROUNDING = 1e-6


class Dial:
    """The values of one hyperparameter as numbers.

    The index of a choice; the place of a number along its range, from 0 to 1.

    Parameters
    ----------
    parameter : keras_tuner.HyperParameter
        One entry of a declared space.

    Attributes
    ----------
    parameter : keras_tuner.HyperParameter
        The same.
    choices : list
        What there is to choose from; empty for a range.
    ordered : bool
        Whether neighbouring numbers stand for similar values.
    is_mutable : bool
        Whether there is more than one value.
    """

    def __init__(self, parameter: Any) -> None:
        self.parameter = parameter
        self.choices: list[Any] = []
        self.ordered = True
        # What a number came from: the way there and back is not exact along a range.
        self._exact: dict[float, Any] = {}
        if isinstance(parameter, Choice):
            self.choices, self.ordered = list(parameter.values), parameter.ordered
        elif isinstance(parameter, Boolean):
            self.choices, self.ordered = [False, True], False
        elif isinstance(parameter, Fixed):
            self.choices = [parameter.value]
        # Values of a range in steps; 0 of a continuous one, and of choices.
        self._n_steps = 0
        if not self.choices and parameter.step is not None:
            is_reversed = parameter.sampling == "reverse_log"
            end = parameter.min_value if is_reversed else parameter.max_value
            self._n_steps = 1 + math.floor(self._index(end) + ROUNDING)
        self.is_mutable = len(self.levels(2)) > 1

    def number(self, value: Any) -> float:
        """Return the number of a value, which leads back to that very value."""
        number = self._place(value)
        if not self.choices:
            # Of values that differ by rounding, the first stands for all.
            self._exact.setdefault(number, value)
        return number

    def value(self, number: float) -> Any:
        """Return the value of a number; along a range, the nearest one."""
        if self.choices:
            return self.choices[int(number)]
        if number in self._exact:
            return self._exact[number]
        if self._n_steps:
            return self._step(min(int(number * self._n_steps), self._n_steps - 1))
        return self.parameter.prob_to_value(float(number))

    def levels(self, most: int) -> np.ndarray:
        """Return the numbers of all choices, or of some values along the range.

        Parameters
        ----------
        most : int
            How many values, evenly spaced; all, where the range has no more.
        """
        if self.choices:
            return np.arange(len(self.choices), dtype=float)
        count, parameter = most, self.parameter
        if self._n_steps:
            count = min(self._n_steps, most)
        elif isinstance(parameter, Int):
            values = range(parameter.min_value, parameter.max_value + 1)
            if len(values) <= most:
                return np.array([self._place(value) for value in values])
        places = (np.arange(count) + 0.5) / count
        return np.unique([self.snapped(place) for place in places])

    def snapped(self, number: float) -> float:
        """Return the number of the value that is the nearest to a number."""
        return self._place(self.value(number))

    def nearest(self, value: Any) -> float:
        """Return the number of what is offered that is the nearest to a value."""
        return self.snapped(self._place(value))

    def stepped(self, number: float, rng: np.random.Generator) -> float:
        """Return a number of another value, a step along the range away."""
        value = self.value(number)
        for step in STEP * rng.standard_normal(MAX_STEPS):
            stepped = self.value(np.clip(number + step, 0.0, ALMOST_ONE))
            if stepped != value:
                return self._place(stepped)
        return number

    def _place(self, value: Any) -> float:
        if self.choices:
            return float(self.choices.index(value))
        if not self._n_steps:
            return float(self.parameter.value_to_prob(value))
        # KerasTuner 1.4.8 rounds down, 0.5 of steps of 0.1 to 4 of them.
        index = self._index(value)
        nearest = round(index)
        if abs(index - nearest) < ROUNDING:
            index = nearest
        # Between two steps, what a default may be, it has a number of its own.
        return (index + 0.5) / self._n_steps

    def _index(self, value: Any) -> float:
        """Return how many steps a value is from the first one."""
        parameter = self.parameter
        if parameter.sampling == "linear":
            return (value - parameter.min_value) / parameter.step
        if parameter.sampling == "reverse_log":
            value = parameter.max_value + parameter.min_value - value
        return math.log(value / parameter.min_value, parameter.step)

    def _step(self, index: int) -> Any:
        """Return the value that is so many steps from the first one."""
        parameter = self.parameter
        if parameter.sampling == "linear":
            value = parameter.min_value + index * parameter.step
        else:
            value = parameter.min_value * parameter.step**index
        if parameter.sampling == "reverse_log":
            value = parameter.max_value + parameter.min_value - value
        return int(value) if isinstance(parameter, Int) else value
