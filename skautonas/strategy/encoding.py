"""Configurations as points, so that many distances between them are told at once."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial.distance import cdist

from skautonas.strategy.dials import Dial


class Encoding:
    """Makes points of rows of numbers.

    Parameters
    ----------
    dials : sequence of Dial
        Of the columns.
    """

    def __init__(self, dials: Sequence[Dial]) -> None:
        self._sizes = np.array([len(dial.choices) for dial in dials], int)
        ordered = np.array([dial.ordered for dial in dials], bool)
        self._lines, self._corners = np.flatnonzero(ordered), np.flatnonzero(~ordered)
        # Where the numbers of each column begin in a point.
        widths = np.where(ordered, 2, self._sizes + 1)
        self._starts, self._width = np.cumsum(widths) - widths, int(widths.sum())

    def points(self, rows: np.ndarray) -> np.ndarray:
        """Return points whose `distances` are those of configurations.

        Parameters
        ----------
        rows : ndarray of shape (n, columns)
            The number of each hyperparameter, NaN where it is inactive.

        Returns
        -------
        ndarray of shape (n, width)
            Numbers between -0.25 and 0.5.
        """
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


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the distance of each encoded configuration to each other one.

    Each hyperparameter adds between 0 and 1: how far apart two numbers are, or whether
    two categories differ; 1 where it is active in one of the two alone.

    Parameters
    ----------
    first, second : ndarray of shape (n, width), (m, width)
        Of one space, as from `Encoding.points`.

    Returns
    -------
    ndarray of shape (n, m)
        Sums over the hyperparameters.
    """
    return cdist(first, second, "cityblock")
