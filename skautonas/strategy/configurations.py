"""Configurations of a conditional space: drawn, mutated, compared.

Many at once are an array of numbers, a row for each configuration and a column for each
hyperparameter, so that a strategy looks at hundreds in a millisecond.
"""

from collections.abc import Mapping
from typing import Any

import keras_tuner
import numpy as np
from scipy.spatial.distance import cdist

from skautonas.space.base import Configuration
from skautonas.strategy.dials import Dial

# Draws of a configuration that was not tried yet, before the space counts as
# exhausted; so many of them at once.
MAX_DRAWS, AT_ONCE = 200, 10
# Names of hyperparameters that an oracle adds for its own use.
OWN_PREFIX = "tuner/"


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
        # Of a range 0.
        self._sizes = np.array([len(dial.choices) for dial in self.dials], int)
        self._defaults = np.array([d.number(d.parameter.default) for d in self.dials])
        self._conditions = _conditions(self.dials)
        # Where the numbers of each column begin in an encoded configuration.
        ordered = np.array([dial.ordered for dial in self.dials], bool)
        widths = np.where(ordered, 2, self._sizes + 1)
        starts = np.cumsum(widths) - widths
        self._lines, self._corners = np.flatnonzero(ordered), np.flatnonzero(~ordered)
        self._starts, self._width = starts, int(widths.sum())

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

    def draw_new(self, tried: set, rng: np.random.Generator) -> Configuration | None:
        """Draw one whose `key` was not tried; None where there seems to be none."""
        for _ in range(MAX_DRAWS // AT_ONCE):
            for row in self.draw(AT_ONCE, rng):
                values = self.values(row)
                if key(values) not in tried:
                    return values
        return None

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
        mutable = (self._sizes != 1) & ~np.isnan(rows)
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
        numbers = [
            dial.number(values[dial.parameter.name])
            if dial.parameter.name in values
            else np.nan
            for dial in self.dials
        ]
        (row,) = self._activated(np.array([numbers]), fills=False)
        return row

    def values(self, row: np.ndarray) -> Configuration:
        """Return the configuration of a row."""
        return {
            self.dials[column].parameter.name: self.dials[column].value(row[column])
            for column in np.flatnonzero(~np.isnan(row))
        }

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Return points whose `distances` are those of configurations."""
        points = np.zeros((len(rows), self._width))
        # A corner for each category, and one for none; two corners are 1 apart.
        numbers, sizes = rows[:, self._corners], self._sizes[self._corners]
        corners = np.where(np.isnan(numbers), sizes, numbers).astype(int)
        places = self._starts[self._corners] + corners
        np.put_along_axis(points, places, 0.5, axis=1)
        # A line, and a point from which all of it is 1 away.
        numbers, sizes = rows[:, self._lines], self._sizes[self._lines]
        halves = numbers / np.maximum(sizes - 1, 1) / 2
        inactive, starts = np.isnan(numbers), self._starts[self._lines]
        points[:, starts] = np.where(inactive, -0.25, halves)
        points[:, starts + 1] = np.where(inactive, -0.25, 0.5 - halves)
        return points

    def _activated(self, rows: np.ndarray, fills: bool = True) -> np.ndarray:
        """Blank what is inactive; fill what is active and blank with defaults.

        Parameters
        ----------
        rows : ndarray of shape (n, columns)
            Changed in place.
        fills : bool, default=True
            Whether to fill.
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
            if fills:
                blank = active & np.isnan(rows[:, column])
                rows[blank, column] = self._defaults[column]
        return rows


def key(values: Mapping[str, Any]) -> frozenset:
    """Return what two equal configurations have in common, at whatever fidelity."""
    return frozenset(
        item for item in values.items() if not item[0].startswith(OWN_PREFIX)
    )


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


def _conditions(dials: list[Dial]) -> list[tuple]:
    """Return what makes each column active: all of some conditions.

    Each is that one of some columns has some number. There are several columns where a
    name was declared in several scopes.
    """
    columns: dict[str, list[int]] = {}
    conditions = []
    for column, dial in enumerate(dials):
        conditions.append(
            tuple(
                tuple(
                    (parent, number)
                    for parent in columns.get(condition.name, ())
                    for number in _numbers(dials[parent], condition.values)
                )
                for condition in dial.parameter.conditions
            )
        )
        columns.setdefault(dial.parameter.name, []).append(column)
    return conditions


def _numbers(dial: Dial, values: Any) -> list[float]:
    offered = dial.choices or values
    return [dial.number(value) for value in values if value in offered]
