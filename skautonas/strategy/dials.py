"""The values of one hyperparameter as numbers."""

from collections.abc import Iterable
from itertools import count, islice
from typing import Any

import numpy as np
from keras_tuner.engine.hyperparameters import Boolean, Choice, Fixed, Int

# Spread of a step along a range, as a share of it.
STEP = 0.2
# Tries to step away from a value: many at the end of a range, or where it is short.
MAX_STEPS = 20


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
        self.is_mutable = len(self.levels(2)) > 1

    def number(self, value: Any) -> float:
        """Return the number of a value, which leads back to that very value."""
        number = self._place(value)
        if not self.choices:
            self._exact[number] = value
        return number

    def value(self, number: float) -> Any:
        """Return the value of a number; along a range, the nearest one."""
        if self.choices:
            return self.choices[int(number)]
        if number in self._exact:
            return self._exact[number]
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
        values = list(islice(self._values(), most + 1))
        if len(values) <= most:
            return np.unique([self._place(value) for value in values])
        places = (np.arange(most) + 0.5) / most
        return np.unique([self.snapped(place) for place in places])

    def snapped(self, number: float) -> float:
        """Return the number of the value that is the nearest to a number."""
        return self._place(self.value(number))

    def stepped(self, number: float, rng: np.random.Generator) -> float:
        """Return a number of another value, a step along the range away."""
        value = self.value(number)
        for step in STEP * rng.standard_normal(MAX_STEPS):
            stepped = self.value(np.clip(number + step, 0.0, 1.0 - 1e-9))
            if stepped != value:
                return self._place(stepped)
        return number

    def _values(self) -> Iterable[Any]:
        """Return the values of a range; without end, where it is continuous."""
        parameter = self.parameter
        if parameter.step is not None:
            return parameter.values
        if isinstance(parameter, Int):
            return range(parameter.min_value, parameter.max_value + 1)
        is_one = parameter.min_value == parameter.max_value
        return [parameter.min_value] if is_one else count()

    def _place(self, value: Any) -> float:
        if self.choices:
            return float(self.choices.index(value))
        return float(self.parameter.value_to_prob(value))
