"""What a training did, and where it stopped."""

from dataclasses import dataclass, field

import numpy as np

from skautonas.estimation.task import Seconds


@dataclass(slots=True)
class Training:
    """What a training did; ``variables`` are those of the kept epoch.

    ``outputs`` has what the model then put out for the validation rows, if there are.
    ``start_epoch`` is where it went on from, after ``earlier_seconds`` of training, and
    ``hopeless`` says that it was stopped below a floor, or as too slow.
    """

    variables: list[np.ndarray]
    outputs: list[np.ndarray] = field(default_factory=list)
    score: float | None = None
    best_epoch: float = 0.0
    epochs: float = 0.0
    planned_epochs: float = 0.0
    start_epoch: float = 0.0
    earlier_seconds: float = 0.0
    hopeless: bool = False
    curve: list[tuple[float, float, float | None]] = field(default_factory=list)
    seconds: Seconds = field(default_factory=Seconds)


@dataclass(frozen=True, slots=True)
class TrainingState:
    """All that a training needs to go on as if it had never stopped.

    Parameters
    ----------
    variables, optimizer : list of ndarray
        Of the model, the states of its random layers among them, and of its optimizer.
    kept : list of ndarray
        Those of the model at its best epoch.
    outputs : list of ndarray
        One, of the model at that epoch, if any was validated.
    done, total : int
        Steps taken, and steps of the whole schedule.
    anchor : (int, float)
        As in `Progress`.
    score, best_epoch : float
        Of the kept epoch.
    best, best_at : float
        The greatest score, and the epoch that it is of.
    curve : list of (float, float, float or None)
        Epoch, training loss and score at each validation.
    seconds : float
        What the training took so far, validation left out.
    """

    variables: list[np.ndarray]
    optimizer: list[np.ndarray]
    kept: list[np.ndarray]
    outputs: list[np.ndarray]
    done: int
    total: int
    anchor: tuple[int, float]
    score: float
    best_epoch: float
    best: float
    best_at: float
    curve: list[tuple[float, float, float | None]]
    seconds: float
