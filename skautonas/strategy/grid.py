"""Grid search."""

from collections.abc import Iterator
from typing import Any

from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.configurations import MAX_LEVELS, Configurations
from skautonas.strategy.options import check_least

# As KerasTuner's grid takes of a continuous range.
LEVELS = 10
# Configurations in a row that are not feasible, before the search ends: to pass so many
# takes seconds.
MAX_PASSED = 20_000


class GridOracle(SearchOracle):
    """All configurations of a grid, one after the other.

    The last hyperparameter changes first. For small spaces that you mean to try in
    full: in a large one the first hyperparameters never change.

    Parameters
    ----------
    levels : int, default=10
        How many values of a range are on the grid, at most 10 000, evenly spaced along
        its scale; all, where it has fewer.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ValueError
        Where ``levels`` is below 1, or above 10 000.
    """

    def __init__(self, levels: int = LEVELS, **options: Any) -> None:
        super().__init__(**options)
        check_least(1, levels=levels)
        if levels > MAX_LEVELS:
            raise ValueError(
                f"Expected levels of at most {MAX_LEVELS}; received {levels}. Draw at "
                "random where a grid is too large."
            )
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
            ``status`` "RUNNING" and ``values``; "STOPPED" where all was tried, or
            20 000 in a row are not feasible.
        """
        space = self.configurations
        if self._grid is None or self._grid[0] is not space:
            # From its start: what was tried is passed over.
            self._grid = space, space.walk(space.levels(self.levels))
        n_refused = 0
        for values in self._grid[1]:
            if self.is_new(values):
                return self.propose(values)
            n_refused = 0 if self.is_tried(values) else n_refused + 1
            if n_refused == MAX_PASSED:
                break
        return self.propose(None)
