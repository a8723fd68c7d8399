"""What travels between the driver and a worker: plain data."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

# Left of a task's time for writing its files.
WRITE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class TrialTask:
    """One attempt to train one configuration.

    Parameters
    ----------
    number : int
        The trial's number, from 0.
    attempt : int
        Counts the attempts at this trial; part of its files' names.
    values : dict of str to value
        Active hyperparameters by name.
    seed : int
        Seeds initial weights, dropout and the order of the rows.
    study : str
        File of the pickled `Study`.
    folder : str
        Where trials write their files.
    max_epochs : int or None
        Upper bound of the recipe's epochs.
    share : float
        Share of the schedule after which to stop.
    rows : float
        Share of the rows that train.
    states : tuple of str
        Files there of where an earlier trial stopped on each fold, for this one to go
        on.
    floors : tuple of (float, float)
        Shares of the schedule, and the score that must be reached by then.
    least_share : float
        Share of the schedule that there must be time for, or the attempt is stopped
        after its first steps; one that goes on, or has no schedule, is not.
    seconds : float or None
        Time that the whole attempt may take.
    killed_after : float or None
        Seconds after which another machine, whose driver cannot, ends it.
    asked_at : float or None
        ``time.monotonic()``, one clock for all processes of a machine, when ``seconds``
        began: a worker that starts first takes its time from them. None is when the
        worker begins.
    fresh : bool
        Whether to train and score on the fresh split of a study; then no weights and
        no outputs are written.
    token : str
        Of the fit, in the names of its files: a process that an earlier fit left behind
        writes none of them.
    """

    number: int
    attempt: int
    values: dict[str, Any]
    seed: int
    study: str
    folder: str
    max_epochs: int | None = None
    share: float = 1.0
    rows: float = 1.0
    states: tuple[str, ...] = ()
    floors: tuple[tuple[float, float], ...] = ()
    least_share: float = 0.0
    seconds: float | None = None
    killed_after: float | None = None
    asked_at: float | None = None
    fresh: bool = False
    token: str = ""

    def path(self, kind: str) -> Path:
        """Return the path of a file of this attempt: no other one writes it."""
        name = f"{self.number:04d}-{self.attempt}-{self.token}-{kind}"
        return Path(self.folder) / name

    @property
    def built(self) -> Path:
        """An empty file that the attempt writes when it has built a model.

        Who submitted it deletes it.
        """
        return self.path("built")


@dataclass(slots=True)
class Seconds:
    """Wall time of a trial by part, in seconds, all folds together.

    Parameters
    ----------
    load : float
        Reading the rows; only the first trial of a worker does.
    build : float
        Building and compiling the model.
    trace : float
        The first step.
    steps : float
        All other steps.
    validate : float
        Predicting and scoring the validation rows.
    write : float
        Writing the checkpoint.
    total : float
        All of it, and what is between.
    cpu : float
        Time of processors that all of it took; less than ``total`` where the process
        had to wait for one. 0 where it is not known.
    """

    load: float = 0.0
    build: float = 0.0
    trace: float = 0.0
    steps: float = 0.0
    validate: float = 0.0
    write: float = 0.0
    total: float = 0.0
    cpu: float = 0.0


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What came of an attempt.

    Parameters
    ----------
    status : {"completed", "stopped", "failed"}
        Whether it trained as long as it should; was stopped as hopeless or as too slow,
        with a score so far; or has no score.
    score : float or None
        Validation score, greater is better: the mean of ``scores``.
    scores : tuple of float
        Validation score of each fold.
    curve : list of (float, float, float or None)
        Epoch, training loss and validation score at each validation; means over the
        folds.
    best_epoch : float
        Epoch that was kept, one for all folds: their best or last.
    epochs, planned_epochs : float
        Epochs trained, and length of the schedule; means over the folds.
    full_epochs : float
        Length of the schedule where there is time for all of it.
    start_epoch, earlier_seconds : float
        Where it went on from, and what the training up to there had taken.
    seconds : Seconds
        Wall time by part.
    temperature : float
        What to divide its logits by, so that probabilities are how often they are
        right.
    n_parameters : int
        Number of weights.
    checkpoint, outputs : str or None
        Files, in the task's folder, of the variables that the first fold kept, and of
        what the model of each fold put out for its validation rows.
    states : tuple of str
        Files there of where it stopped on each fold, if it may go on.
    error : str or None
        Type and message of what went wrong.
    traceback : str or None
        Where it went wrong.
    """

    status: Literal["completed", "stopped", "failed"]
    score: float | None = None
    scores: tuple[float, ...] = ()
    curve: list[tuple[float, float, float | None]] = field(default_factory=list)
    best_epoch: float = 0.0
    epochs: float = 0.0
    planned_epochs: float = 0.0
    full_epochs: float = 0.0
    start_epoch: float = 0.0
    earlier_seconds: float = 0.0
    seconds: Seconds = field(default_factory=Seconds)
    temperature: float = 1.0
    n_parameters: int = 0
    checkpoint: str | None = None
    outputs: str | None = None
    states: tuple[str, ...] = ()
    error: str | None = None
    traceback: str | None = None

    @property
    def files(self) -> list[str]:
        """Names of the files that the attempt left."""
        return [*self.states, *filter(None, [self.checkpoint, self.outputs])]


@dataclass(frozen=True, slots=True)
class Refit:
    """Train a configuration again on all rows.

    Parameters
    ----------
    task : TrialTask
        The configuration; ``seconds`` bounds this refit.
    planned_epochs, best_epoch : float
        Length of the schedule, which shrinks to the time, and the epoch of it that is
        kept.
    least_epochs : float
        A refit of fewer is not kept.
    """

    task: TrialTask
    planned_epochs: float
    best_epoch: float
    least_epochs: float


@dataclass(frozen=True, slots=True)
class Member:
    """A trained model that is, or may be, a part of the final one.

    Parameters
    ----------
    task : TrialTask
        Its configuration.
    variables : str
        Path of the file of its variables.
    outputs : str or None
        Path of the file of what it put out for the validation rows.
    temperature : float
        What to divide its logits by.
    weight : float
        Of its prediction.
    """

    task: TrialTask
    variables: str
    outputs: str | None = None
    temperature: float = 1.0
    weight: float = 1.0
