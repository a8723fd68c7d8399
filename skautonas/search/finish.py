"""From the winner of a search to the archive of the final model."""

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from skautonas.estimation.finish import assemble, refit
from skautonas.estimation.task import WRITE_SECONDS, Refit
from skautonas.exceptions import NoTimeError, SearchFailedError
from skautonas.search.budget import (
    FINISH_SECONDS,
    MAX_COLD_START,
    MIN_TRIAL_SECONDS,
    NEEDED_SECONDS,
    Budget,
)
from skautonas.search.driver import OVERRUN_SECONDS
from skautonas.search.executor import LocalExecutor, result_within
from skautonas.search.trial import Trial

# A refit that gets less than this share of the time that it needs, or of its epochs, is
# worth less than the trial it would replace.
MIN_REFIT_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class FinalModel:
    """The archive, whether it is that of a refit, and the error of one that failed.

    Where only the time did not reach for a refit there is no error, as none was
    promised then.
    """

    archive: bytes
    refitted: bool
    refit_error: str | None = None


def finish(
    winner: Trial,
    refit_share: float,
    executor: LocalExecutor,
    budget: Budget,
    folder: Path,
) -> FinalModel:
    """Refit the winner on all rows, or put the model of its trial together.

    Parameters
    ----------
    winner : Trial
        With the file of its weights; without one there must be a refit.
    refit_share : float
        Rows of the refit per row of a trial; 0 without a refit.
    executor : LocalExecutor
        Warm workers.
    budget : Budget
        Time that is left.
    folder : Path
        Where the archive is written.

    Raises
    ------
    SearchFailedError
        Where there is no model in the end.
    """
    path = Path(tempfile.mkdtemp(dir=folder)) / "model.keras"
    outcome, seconds = winner.outcome, _refit_seconds(winner, refit_share, budget)
    failure = None
    if seconds is not None:
        try:
            _refit(winner, seconds, executor, path)
            return FinalModel(path.read_bytes(), refitted=True)
        except Exception as error:
            if outcome.checkpoint is None:
                raise SearchFailedError(
                    "The refit of the winner on all rows failed "
                    f"({type(error).__name__}: {error}). With several splits "
                    "there is no other model."
                ) from error
            if not isinstance(error, NoTimeError):
                failure = f"{type(error).__name__}: {error}"
    future = executor.submit(assemble, winner.task, outcome.checkpoint, str(path))
    longest = max(budget.left(), MAX_COLD_START + NEEDED_SECONDS)
    overdue = (
        f"The winner was not built and saved after {longest:.0f} s. Raise time_budget, "
        "or build faster."
    )
    result_within(executor, future, longest, overdue)
    return FinalModel(path.read_bytes(), refitted=False, refit_error=failure)


def _refit(winner: Trial, seconds: float, executor: LocalExecutor, path: Path) -> None:
    task = replace(winner.task, seconds=None if math.isinf(seconds) else seconds)
    outcome = winner.outcome
    least = MIN_REFIT_SHARE * outcome.best_epoch
    if outcome.checkpoint is None:
        least = 0.0
    job = Refit(task, outcome.planned_epochs, outcome.best_epoch, least)
    # Its worker may be new, and start while the refit waits.
    longest = seconds + OVERRUN_SECONDS + MAX_COLD_START
    future = executor.submit(refit, job, str(path))
    result_within(executor, future, longest, f"It was ended after {longest:.1f} s.")


def _refit_seconds(winner: Trial, refit_share: float, budget: Budget) -> float | None:
    """Return the time of the refit, or None where there is to be none."""
    if not refit_share:
        return None
    left = budget.left() - FINISH_SECONDS / 2
    if winner.outcome.checkpoint is None:
        # There is no other model: it must come to train.
        return max(left, winner.startup + MIN_TRIAL_SECONDS)
    needed = winner.seconds_to_best * refit_share + WRITE_SECONDS
    return left if left >= MIN_REFIT_SHARE * needed else None
