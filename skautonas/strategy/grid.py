"""Grid search."""

from collections.abc import Iterator
from typing import Any

from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.configurations import Configurations

# As KerasTuner's grid takes of a continuous range.
LEVELS = 10


class GridOracle(SearchOracle):
    """All configurations of a grid, one after the other.

    The last hyperparameter changes first. For small spaces that you mean to try in
    full: in a large one the first hyperparameters never change.

    Parameters
    ----------
    levels : int, default=10
        How many values of a range are on the grid, evenly spaced along its scale; all,
        where it has fewer.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ValueError
        Where ``levels`` is below 1.
    """

    def __init__(self, levels: int = LEVELS, **options: Any) -> None:
        super().__init__(**options)
        if levels < 1:
            raise ValueError(f"Expected levels of at least 1; received {levels}.")
        self.levels = levels
        self._grid: tuple[Configurations, Iterator[Configuration]] | None = None

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` "RUNNING" and ``values``; "STOPPED" where all was tried.
        """
        space = self.configurations
        if self._grid is None or self._grid[0] is not space:
            # From its start: what was tried is passed over.
            self._grid = space, space.walk(space.levels(self.levels))
        return self.propose(next(filter(self.is_new, self._grid[1]), None))
