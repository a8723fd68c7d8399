"""What finished trials predicted for the validation rows; runs in a worker."""

from collections.abc import Sequence

import numpy as np

from skautonas.estimation.checkpoint import read_arrays
from skautonas.estimation.scoring import score_predictions
from skautonas.estimation.study import read_examples, read_labels, read_study
from skautonas.estimation.task import Member
from skautonas.exceptions import DamagedFileError

# Of all predictions; beyond it, trials that are not among the best are left out.
MOST_BYTES = 500_000_000
# Of each fold.
Predictions = list[np.ndarray]


class Library:
    """Finished trials of one study, and what they predicted.

    Parameters
    ----------
    trials : sequence of Member
        The best ones first. Those without a file of outputs, or with a damaged one,
        are left out.

    Attributes
    ----------
    trials : list of Member
        Those whose outputs could be read.
    predictions : list of list of ndarray
        Of each trial on each fold.
    """

    def __init__(self, trials: Sequence[Member]) -> None:
        study = read_study(trials[0].task.study)
        self._scorer, self._folds = study.scorer, study.folds
        self._labels = [read_labels(fold) for fold in study.folds]
        self._weights = [
            read_examples(fold.folder).part(fold.validates).weights
            if fold.weighs_validation
            else None
            for fold in study.folds
        ]
        self.trials: list[Member] = []
        self.predictions: list[Predictions] = []
        for trial in trials:
            if sum(map(_n_bytes, self.predictions)) > MOST_BYTES:
                break
            outputs = _read_outputs(trial)
            if outputs is None or len(outputs) != len(study.folds):
                continue
            self.trials.append(trial)
            self.predictions.append(
                [
                    fold.targets.predictions(raw / trial.temperature)
                    for fold, raw in zip(study.folds, outputs, strict=True)
                ]
            )

    @property
    def n_rows(self) -> list[int]:
        """Number of validation rows of each fold."""
        return [len(labels) for labels in self._labels]

    def score(
        self, predictions: Predictions, rows: Sequence[np.ndarray] | None = None
    ) -> float:
        """Return the score of predictions, the mean over the folds.

        Parameters
        ----------
        predictions : list of ndarray
            For all validation rows of each fold.
        rows : sequence of ndarray, optional
            Numbers of those rows of each fold that count.

        Raises
        ------
        ValueError
            Where the scorer cannot score these rows.
        """
        scores = []
        for number, (fold, y, predicted, weights) in enumerate(
            zip(self._folds, self._labels, predictions, self._weights, strict=True)
        ):
            if rows is not None:
                y, predicted = y[rows[number]], predicted[rows[number]]
                weights = None if weights is None else weights[rows[number]]
            scores.append(
                score_predictions(self._scorer, fold.targets, y, predicted, weights)
            )
        return float(np.mean(scores))


def _n_bytes(predictions: Predictions) -> int:
    return sum(fold.nbytes for fold in predictions)


def _read_outputs(trial: Member) -> list[np.ndarray] | None:
    try:
        return None if trial.outputs is None else read_arrays(trial.outputs)
    except DamagedFileError:
        return None
