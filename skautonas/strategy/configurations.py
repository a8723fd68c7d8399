"""Configurations of a conditional space: drawn, mutated, compared.

Many at once are an array of numbers, a row for each configuration and a column for each
hyperparameter, so that a strategy looks at hundreds in a millisecond.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

import keras_tuner
import numpy as np

from skautonas.space.base import Configuration
from skautonas.strategy.conditions import conditions_of
from skautonas.strategy.dials import Dial
from skautonas.strategy.encoding import Encoding

# Draws of a new configuration, so many of them at once: where one in a thousand is new,
# one suggestion in twenty thousand misses it.
MAX_DRAWS, AT_ONCE = 10_000, 10
# After some of them, all are gone through instead, where there are no more than these.
FEW_DRAWS, MAX_WALK = 1000, 20_000
# Of a range, so many values are gone through.
MAX_LEVELS = 10_000


class Configurations:
    """What can be done with the configurations of one space.

    A configuration maps the names of the active hyperparameters to their values; its
    row has their numbers (see `Dial`), and NaN for each inactive one.

    Parameters
    ----------
    hp : keras_tuner.HyperParameters
        The declared space.
    """

    def __init__(self, hp: keras_tuner.HyperParameters) -> None:
        self.dials = [Dial(parameter) for parameter in hp.space]
        self._names = {parameter.name for parameter in hp.space}
        # Of a range 0.
        self._sizes = np.array([len(dial.choices) for dial in self.dials], int)
        self._is_mutable = np.array([dial.is_mutable for dial in self.dials], bool)
        self._defaults = np.array([d.number(d.parameter.default) for d in self.dials])
        self._conditions = conditions_of(self.dials)
        self._encoding = Encoding(self.dials)

    def sample(self, rng: np.random.Generator) -> Configuration:
        """Draw each active hyperparameter uniformly."""
        return self.values(self.draw(1, rng)[0])

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw so many rows, each active hyperparameter uniformly."""
        drawn = rng.random((count, len(self.dials)))
        rows = np.floor(drawn * self._sizes)
        for column in np.flatnonzero(self._sizes == 0):
            snapped = self.dials[column].snapped
            rows[:, column] = [snapped(number) for number in drawn[:, column]]
        return self._activated(rows)

    def draw_new(
        self, is_new: Callable[[Configuration], bool], rng: np.random.Generator
    ) -> Configuration | None:
        """Draw one that is new; None where there is none, or hardly one is."""
        for drawn in range(0, MAX_DRAWS, AT_ONCE):
            if drawn == FEW_DRAWS and self._are_few:
                levels = [rng.permutation(n) for n in self.levels(MAX_LEVELS)]
                return next(filter(is_new, self.walk(levels)), None)
            for row in self.draw(AT_ONCE, rng):
                values = self.values(row)
                if is_new(values):
                    return values
        return None

    @cached_property
    def _are_few(self) -> bool:
        """Whether all of them can be gone through."""
        walk = self.walk(self.levels(MAX_LEVELS))
        return next(islice(walk, MAX_WALK, None), None) is None

    def levels(self, most: int) -> list[np.ndarray]:
        """Return numbers of each hyperparameter: all choices, some of a range."""
        return [dial.levels(most) for dial in self.dials]

    def walk(self, levels: Sequence[np.ndarray]) -> Iterator[Configuration]:
        """Go through all configurations of some levels; the last column turns first."""
        row = np.full(len(self.dials), np.nan)

        def turn(column: int) -> Iterator[Configuration]:
            while column < len(row) and not self.is_active(column, row):
                column += 1
            if column == len(row):
                yield self.values(row)
                return
            for number in levels[column]:
                row[column] = number
                yield from turn(column + 1)
            row[column] = np.nan

        return turn(0)

    def neighbours(
        self, row: np.ndarray, rng: np.random.Generator, steps: int
    ) -> np.ndarray:
        """Return the rows that differ in one hyperparameter, in random order.

        Parameters
        ----------
        row : ndarray of shape (columns,)
            A configuration.
        rng : numpy.random.Generator
            Draws the order, and steps along ranges.
        steps : int
            How many, of each range; all other choices count.

        Returns
        -------
        ndarray of shape (n, columns)
            What a change activates takes its default.
        """
        changed = []
        for column in np.flatnonzero(~np.isnan(row)):
            dial = self.dials[column]
            if dial.choices:
                others = [
                    float(n) for n in range(len(dial.choices)) if n != row[column]
                ]
            else:
                drawn = (dial.stepped(row[column], rng) for _ in range(steps))
                others = sorted({n for n in drawn if n != row[column]})
            for number in others:
                changed.append(row.copy())
                changed[-1][column] = number
        if not changed:
            return np.empty((0, len(row)))
        return self._activated(rng.permutation(np.stack(changed)))

    def cross(
        self, first: np.ndarray, second: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Return a row with each hyperparameter of one of two, either as likely."""
        return self.mix(first, second, rng.random(len(first)) < 0.5)

    def mix(
        self, first: np.ndarray, second: np.ndarray, from_first: np.ndarray
    ) -> np.ndarray:
        """Return a row with some columns of one row, and the others of another.

        What is active in one of them alone is as it is there.
        """
        taken = np.where(from_first, first, second)
        other = np.where(from_first, second, first)
        (row,) = self._activated(np.where(np.isnan(taken), other, taken)[None])
        return row

    def mutate(
        self, rows: np.ndarray, rng: np.random.Generator, changes: Any = 1
    ) -> np.ndarray:
        """Change hyperparameters of each row; what this activates takes its default.

        Parameters
        ----------
        rows : ndarray of shape (n, columns)
            Configurations.
        rng : numpy.random.Generator
            Draws which to change, and to what: any other choice, or a step of a range.
        changes : int or ndarray of shape (n,), default=1
            How many to change; where a row has fewer, all.

        Returns
        -------
        ndarray of shape (n, columns)
            The mutated configurations.
        """
        mutated = rows.copy()
        changes = np.broadcast_to(changes, len(rows))
        mutable = self._is_mutable & ~np.isnan(rows)
        order = np.argsort(np.where(mutable, rng.random(rows.shape), 2.0), axis=1)
        changes = np.minimum(changes, mutable.sum(axis=1))
        for turn in range(changes.max(initial=0)):
            at = np.flatnonzero(turn < changes)
            columns = order[at, turn]
            sizes = self._sizes[columns]
            others = 1 + np.floor(rng.random(len(at)) * (sizes - 1))
            mutated[at, columns] = (rows[at, columns] + others) % np.maximum(sizes, 1)
            for place in np.flatnonzero(sizes == 0):
                row, column = at[place], columns[place]
                stepped = self.dials[column].stepped(rows[row, column], rng)
                mutated[row, column] = stepped
        return self._activated(mutated)

    def row(self, values: Mapping[str, Any]) -> np.ndarray:
        """Return the row of a configuration."""
        row = np.full(len(self.dials), np.nan)
        for column, dial in enumerate(self.dials):
            name = dial.parameter.name
            # One name may have other values in another scope.
            if name in values and self.is_active(column, row):
                row[column] = dial.number(values[name])
        return row

    def values(self, row: np.ndarray) -> Configuration:
        """Return the configuration of a row."""
        return {
            self.dials[column].parameter.name: self.dials[column].value(row[column])
            for column in np.flatnonzero(~np.isnan(row))
        }

    def completed(self, values: Mapping[str, Any]) -> Configuration:
        """Return a configuration with defaults for what is active and not in it."""
        return self.values(self._activated(self.row(values)[None])[0])

    def key(self, values: Mapping[str, Any]) -> frozenset:
        """Return what trials of one configuration have in common.

        Whatever their fidelity, and what a model reads that is not of the space.
        """
        return frozenset(item for item in values.items() if item[0] in self._names)

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Return points whose `distances` are those of configurations."""
        return self._encoding.points(rows)

    def is_active(self, column: int, row: np.ndarray) -> bool:
        """Tell whether the columns before it make a column of a row active."""
        return all(
            any(row[parent] == number for parent, number in alternatives)
            for alternatives in self._conditions[column]
        )

    def _activated(self, rows: np.ndarray) -> np.ndarray:
        """Blank what is inactive; fill what is active and blank with defaults.

        Parameters
        ----------
        rows : ndarray of shape (n, columns)
            Changed in place.
        """
        # Columns of one scope share what it takes.
        met: dict[tuple, np.ndarray] = {}
        for column, conditions in enumerate(self._conditions):
            if conditions not in met:
                active = np.ones(len(rows), bool)
                for alternatives in conditions:
                    one = np.zeros(len(rows), bool)
                    for parent, number in alternatives:
                        one |= rows[:, parent] == number
                    active &= one
                met[conditions] = active
            active = met[conditions]
            if conditions:
                rows[~active, column] = np.nan
            blank = active & np.isnan(rows[:, column])
            rows[blank, column] = self._defaults[column]
        return rows
