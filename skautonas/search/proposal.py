"""What a strategy asks to be evaluated."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a strategy asks to be evaluated.

    Parameters
    ----------
    number : int
        Of the trial.
    values : dict of str to value
        Active hyperparameters.
    share : float
        Share of the training's schedule after which to stop.
    rows : float
        Share of the rows that train.
    parent : int or None
        Number of the trial that it goes on with.
    """

    number: int
    values: dict[str, Any]
    share: float = 1.0
    rows: float = 1.0
    parent: int | None = None

    @property
    def fidelity(self) -> float:
        """How much of a full training it gets, up to 1."""
        return self.share * self.rows
