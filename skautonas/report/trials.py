"""The finished trials, for people and for scikit-learn's tools."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from skautonas.search.trial import Trial


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One finished trial.

    Parameters
    ----------
    number : int
        Order in which it was asked for, from 0.
    params : dict of str to value
        Active hyperparameters.
    status : {"completed", "stopped", "failed"}
        Whether it trained as long as it should, was stopped by the pruner or as too
        slow, or has no score.
    fidelity : float
        How much of a full training its rung allowed, up to 1.
    score : float
        Validation score, greater is better; NaN where it failed.
    scores : tuple of float
        Score of each fold.
    epochs, best_epoch : float
        Epochs trained, and the one that was kept.
    seconds : float
        Wall time in the worker.
    parts : dict of str to float
        The same by part: load, build, trace, steps, validate, write; their total, and
        the seconds of processors, cpu.
    n_parameters : int
        Number of weights.
    curve : list of (float, float, float)
        Epoch, training loss and validation score at each validation.
    error, traceback : str or None
        What went wrong, and where.
    """

    number: int
    params: dict[str, Any]
    status: str
    fidelity: float
    score: float
    scores: tuple[float, ...]
    epochs: float
    best_epoch: float
    seconds: float
    parts: dict[str, float] = field(repr=False)
    n_parameters: int = 0
    curve: list[tuple[float, float, float | None]] = field(
        default_factory=list, repr=False
    )
    error: str | None = None
    traceback: str | None = field(default=None, repr=False)


def record(trial: Trial) -> TrialRecord:
    """Return the record of a finished trial."""
    outcome = trial.outcome
    return TrialRecord(
        number=trial.number,
        params=dict(trial.task.values),
        status=outcome.status,
        fidelity=trial.fidelity,
        score=np.nan if outcome.score is None else outcome.score,
        scores=outcome.scores,
        epochs=outcome.epochs,
        best_epoch=outcome.best_epoch,
        seconds=outcome.seconds.total,
        parts=asdict(outcome.seconds),
        n_parameters=outcome.n_parameters,
        curve=outcome.curve,
        error=outcome.error,
        traceback=outcome.traceback,
    )


def cv_results(records: list[TrialRecord]) -> dict[str, Any]:
    """Return the trials in the format of scikit-learn's ``cv_results_``.

    Returns
    -------
    dict of str to array of shape (n_trials,)
        ``param_<name>`` is masked where the hyperparameter is inactive; failed
        trials score NaN and rank last.
    """
    scores = np.array([r.score for r in records], dtype="float64")
    zeros = np.zeros(len(records))
    losses = -np.where(np.isnan(scores), -np.inf, scores)
    results: dict[str, Any] = {
        "mean_fit_time": np.array([r.seconds for r in records]),
        "std_fit_time": zeros,
        "mean_score_time": np.array([r.parts.get("validate", 0.0) for r in records]),
        "std_score_time": zeros,
    }
    names = sorted({name for r in records for name in r.params})
    for name in names:
        column = np.ma.MaskedArray(
            np.empty(len(records), dtype=object), mask=True, fill_value="?"
        )
        for index, one in enumerate(records):
            if name in one.params:
                column[index] = one.params[name]
        results[f"param_{name}"] = column
    results["params"] = [r.params for r in records]
    n_folds = max((len(r.scores) for r in records), default=1)
    by_fold = np.full((len(records), n_folds), np.nan)
    for row, one in zip(by_fold, records, strict=True):
        row[: len(one.scores)] = one.scores
    for fold in range(n_folds):
        results[f"split{fold}_test_score"] = by_fold[:, fold]
    results["mean_test_score"] = scores
    spread = [np.std(r.scores) if r.scores else np.nan for r in records]
    results["std_test_score"] = np.array(spread, dtype="float64")
    rank = 1 + np.searchsorted(np.sort(losses), losses)
    results["rank_test_score"] = rank.astype("int32")
    results["status"] = np.array([r.status for r in records], dtype=object)
    results["fidelity"] = np.array([r.fidelity for r in records])
    results["epochs"] = np.array([r.epochs for r in records])
    results["n_parameters"] = np.array([r.n_parameters for r in records])
    results["error"] = np.array([r.error for r in records], dtype=object)
    return results


def leaderboard_rows(records: list[TrialRecord]) -> list[dict[str, Any]]:
    """Return one row a trial, the best of the highest fidelity first, failures last."""
    order = sorted(
        records,
        key=lambda r: (
            np.isnan(r.score),
            -r.fidelity,
            -np.nan_to_num(r.score),
            r.number,
        ),
    )
    return [
        {
            "trial": r.number,
            "score": r.score,
            "status": r.status,
            "fidelity": r.fidelity,
            "seconds": round(r.seconds, 2),
            "epochs": round(r.epochs, 1),
            "parameters": r.n_parameters,
            "error": r.error,
            # Prefixed: a hyperparameter may have the name of a column.
            **{f"param_{name}": value for name, value in r.params.items()},
        }
        for r in order
    ]
