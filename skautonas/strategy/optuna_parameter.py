"""A hyperparameter as one of Optuna's."""

from decimal import Decimal
from typing import Any

from keras_tuner.engine.hyperparameters import Int

from skautonas.strategy.dials import ALMOST_ONE, Dial

# Of a logarithmic scale, so many steps.
MOST_STEPS = 1000
# Of a step: sums of two have not more than the 15 that a float keeps.
DIGITS = 12


class OptunaParameter:
    """A hyperparameter as one of Optuna's.

    Parameters
    ----------
    column : int
        Its place in a configuration's row.
    name : str
        Optuna's.
    dial : Dial
        Its values as numbers.
    """

    def __init__(self, column: int, name: str, dial: Dial) -> None:
        self.column = column
        self.name = name
        self._dial = dial
        self.distribution = _distribution(dial)

    def suggested(self, asked: Any) -> float:
        """Return the number of what a trial of Optuna's is suggested."""
        like = self.distribution
        if hasattr(like, "choices"):
            value = asked.suggest_categorical(self.name, like.choices)
        else:
            is_int = isinstance(self._dial.parameter, Int)
            suggest = asked.suggest_int if is_int else asked.suggest_float
            options = {"step": like.step, "log": like.log}
            value = suggest(self.name, like.low, like.high, **options)
        is_stepped = getattr(self._dial.parameter, "step", None) is not None
        return self._dial.nearest(value) if is_stepped else self._dial.number(value)

    def nearest(self, number: float) -> Any:
        """Return the value of a number; of one between two steps, that of a step."""
        value, like = self._dial.value(number), self.distribution
        if hasattr(like, "choices"):
            if value in like.choices:
                return value
            return min(like.choices, key=lambda choice: abs(choice - value))
        if like.step is None:
            return value
        step = round((value - like.low) / like.step)
        return min(like.low + step * like.step, like.high)


def _decimal(number: float) -> Decimal:
    """Return a number without what rounding left of it, such as 0.1 + 0.2."""
    return Decimal(number if isinstance(number, int) else f"{number:.{DIGITS}g}")


def _distribution(dial: Dial) -> Any:
    """Return what Optuna calls the values of a hyperparameter."""
    from optuna import distributions

    if dial.choices:
        return distributions.CategoricalDistribution(dial.choices)
    parameter, options = dial.parameter, {}
    low, high = parameter.min_value, parameter.max_value
    if parameter.step is not None:
        if parameter.sampling != "linear":
            steps = [dial.value(number) for number in dial.levels(MOST_STEPS)]
            return distributions.CategoricalDistribution(steps)
        # Optuna counts in decimals, and cuts a range that does not end with a step.
        n_steps = round((dial.value(ALMOST_ONE) - low) / parameter.step)
        first, step = _decimal(low), _decimal(parameter.step)
        kind = type(low)
        low, high = kind(first), kind(first + n_steps * step)
        options = {"step": kind(step)}
    is_int = isinstance(parameter, Int)
    make = distributions.IntDistribution if is_int else distributions.FloatDistribution
    return make(low, high, log=parameter.sampling == "log", **options)
