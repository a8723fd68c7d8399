"""What strategies with short and long trainings share."""

import math
from typing import Any

import numpy as np

from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.options import check_least
from skautonas.strategy.own_values import EPOCHS, INITIAL_EPOCH, PARENT

# The shortest rung has a third of the epochs. In a minute a ninth of them is too little
# beside what a trial takes to start, and ranks less surely (docs/design/0007).
RUNGS = 2


class RungOracle(SearchOracle):
    """A strategy whose trials train for a while, and the best of them go on.

    Parameters
    ----------
    max_epochs : int, default=None
        Epochs of the longest rung. None leaves them to the recipe: the rungs are then
        shares of it, which ``tuner/epochs`` counts in units of the shortest.
    factor : int, default=3
        How many times longer the next rung is, and how many of its members the
        previous one has for each of its own.
    rungs : int, default=2
        Number of rungs; fewer where ``max_epochs`` is small.
    fidelity : {"epochs", "rows"}, default="epochs"
        What a lower rung has less of: training, which a promoted trial goes on with,
        or training rows, on which it starts anew.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ValueError
        Where an option is out of its range.
    """

    def __init__(
        self,
        max_epochs: int | None = None,
        factor: int = 3,
        rungs: int = RUNGS,
        fidelity: str = "epochs",
        **options: Any,
    ) -> None:
        check_least(2, factor=factor)
        check_least(1, rungs=rungs)
        if max_epochs is not None:
            check_least(1, max_epochs=max_epochs)
        if fidelity not in ("epochs", "rows"):
            raise ValueError(
                f"Expected fidelity 'epochs' or 'rows'; received {fidelity!r}."
            )
        self.max_epochs = max_epochs
        self.longest_rung = max_epochs or factor ** (rungs - 1)
        self.factor = factor
        self.fidelity = fidelity
        # As many as leave a whole epoch to the shortest.
        fitting = 1 + math.floor(math.log(self.longest_rung, factor) + 1e-9)
        self.rungs = min(rungs, fitting)
        super().__init__(**options)

    def draw(self, rng: np.random.Generator) -> Configuration | None:
        """Return a new configuration for the shortest rung.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws it.

        Returns
        -------
        dict of str to value, or None
            None where all were tried.
        """
        return self.draw_new(rng)

    def epochs(self, shorter: int) -> int:
        """Return the epochs of the rung that is so many rungs below the longest."""
        return math.ceil(self.longest_rung / self.factor**shorter - 1e-9)

    def begin(self, values: Configuration, shorter: int) -> dict[str, Any]:
        """Return the response that begins a trial on a rung.

        Parameters
        ----------
        values : dict of str to value
            Its configuration.
        shorter : int
            How many rungs are longer.
        """
        own = {EPOCHS: self.epochs(shorter), INITIAL_EPOCH: 0}
        return self.propose(values | own)

    def promote(self, trial: Any, shorter: int) -> dict[str, Any]:
        """Return the response that goes on with a trial, on the next rung.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            A completed one.
        shorter : int
            How many rungs are longer than the one it goes on to.
        """
        own = {
            PARENT: trial.trial_id,
            EPOCHS: self.epochs(shorter),
            INITIAL_EPOCH: self.epochs(shorter + 1),
        }
        # What a model has declared since then had its default.
        values = self.configurations.completed(trial.hyperparameters.values)
        return self.propose(values | own)
