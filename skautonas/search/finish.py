"""From the winner of a search to the archive of the final model."""

import math
import time
import uuid
import zlib
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, replace
from pathlib import Path

from skautonas._files import written_atomically
from skautonas.estimation.evaluate import evaluate
from skautonas.estimation.finish import assemble, refit
from skautonas.estimation.task import WRITE_SECONDS, Refit, TrialOutcome
from skautonas.exceptions import DamagedFileError, NoTimeError, SearchFailedError
from skautonas.search.budget import (
    FINISH_SECONDS,
    MAX_COLD_START,
    NEEDED_SECONDS,
    Budget,
)
from skautonas.search.deadlines import OVERRUN_SECONDS
from skautonas.search.directory import StudyDirectory
from skautonas.search.executor import LocalExecutor, result_within
from skautonas.search.interrupt import Interrupt
from skautonas.search.journal import Ended
from skautonas.search.trial import Trial

# A refit that gets less than this share of the time that it needs, or of its epochs, is
# worth less than the trial it would replace.
MIN_REFIT_SHARE = 0.7
# How often a refit looks whether it was interrupted.
POLL_SECONDS = 0.2
# A winner whose weights were damaged trains again in so many times what it took.
AGAIN_MARGIN = 1.2


@dataclass(frozen=True, slots=True)
class FinalModel:
    """The archive, whether it is that of a refit, and the error of one that failed.

    Where only the time did not reach for a refit, or Ctrl-C ended it, there is no
    error, as none was promised then.
    """

    archive: bytes
    refitted: bool
    refit_error: str | None = None


def finish(
    winner: Trial,
    refit_share: float,
    executor: LocalExecutor,
    budget: Budget,
    directory: StudyDirectory,
    *,
    relief: float,
    interrupt: Interrupt,
) -> FinalModel:
    """Refit the winner on all rows, or put the model of its trial together.

    Parameters
    ----------
    winner : Trial
        With the file of its weights.
    refit_share : float
        Rows of the refit per row of a trial; 0 without a refit.
    executor : LocalExecutor
        Warm workers.
    budget : Budget
        Time that is left.
    directory : StudyDirectory
        Where the files of trials are.
    relief : float
        By how many trials fewer a core has to run now.
    interrupt : Interrupt
        Tells whether to leave a refit.

    Raises
    ------
    SearchFailedError
        Where there is no model in the end.
    """
    path = directory.trials / f"final-{uuid.uuid4().hex}.keras"
    outcome = winner.outcome
    seconds = _refit_seconds(winner, refit_share, relief, budget)
    failure = None
    if seconds is not None:
        try:
            if _refit(winner, seconds, executor, path, interrupt):
                return FinalModel(_taken(path), refitted=True)
        except NoTimeError:
            pass
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
    try:
        _assemble(winner, outcome, executor, budget, path)
    except DamagedFileError:
        _assemble(winner, _train_again(winner, executor), executor, budget, path)
    return FinalModel(_taken(path), refitted=False, refit_error=failure)


def stored_model(
    directory: StudyDirectory, winner: Trial, n_trials: int, refit: bool
) -> FinalModel | None:
    """Return the model of an earlier fit, where the search has not gone on since."""
    ends = [e for e in directory.journal.events if isinstance(e, Ended)]
    if not ends or not directory.model.exists():
        return None
    end, archive = ends[-1], directory.model.read_bytes()
    if end.refit and not end.refitted:
        return None  # there may be time for it now
    same = (end.winner, end.n_trials, end.refit) == (winner.number, n_trials, refit)
    if not same or zlib.crc32(archive) != end.checksum:
        return None
    return FinalModel(archive, end.refitted, end.refit_error)


def store_model(
    directory: StudyDirectory,
    winner: Trial,
    n_trials: int,
    refit: bool,
    final: FinalModel,
    elapsed: float,
) -> None:
    """Keep the model for later fits of the same study."""
    if not directory.durable:
        return
    with written_atomically(directory.model) as file:
        file.write_bytes(final.archive)
    checksum = zlib.crc32(final.archive)
    directory.journal.append(
        Ended(
            winner.number,
            n_trials,
            refit,
            final.refitted,
            final.refit_error,
            checksum,
            elapsed,
        )
    )


def _taken(path: Path) -> bytes:
    """Return what is in a file, and delete it."""
    content = path.read_bytes()
    path.unlink()
    return content


def _assemble(
    winner: Trial,
    outcome: TrialOutcome,
    executor: LocalExecutor,
    budget: Budget,
    path: Path,
) -> None:
    """Save the model with the weights of a trial."""
    checkpoint = Path(winner.task.folder) / str(outcome.checkpoint)
    future = executor.submit(
        assemble, winner.task, str(checkpoint), outcome.temperature, str(path)
    )
    longest = max(budget.left(), MAX_COLD_START + NEEDED_SECONDS)
    overdue = (
        f"The winner was not built and saved after {longest:.0f} s. Raise time_budget, "
        "or build faster."
    )
    result_within(executor, future, longest, overdue)


def _train_again(winner: Trial, executor: LocalExecutor) -> TrialOutcome:
    """Train the winner as before, as the file of its weights is damaged."""
    # In the time that it had, so that its schedule is as long.
    outcome, attempt = winner.outcome, winner.task.attempt + 1
    had = AGAIN_MARGIN * (outcome.earlier_seconds + outcome.seconds.total)
    limit = None if winner.task.seconds is None else had + WRITE_SECONDS
    task = replace(
        winner.task, attempt=attempt, states=(), seconds=limit, asked_at=None
    )
    seconds = MAX_COLD_START + 2 * had + NEEDED_SECONDS
    overdue = (
        f"The winner's weights were damaged; to train it took over {seconds:.0f} s."
    )
    future = executor.submit(evaluate, task)
    try:
        again = result_within(executor, future, seconds, overdue)
    finally:
        task.built.unlink(missing_ok=True)
    if again.checkpoint is None:
        raise SearchFailedError(
            f"The winner's weights were damaged, and to train it anew failed "
            f"({again.error})."
        )
    return again


def _refit(
    winner: Trial,
    seconds: float,
    executor: LocalExecutor,
    path: Path,
    interrupt: Interrupt,
) -> bool:
    """Refit the winner, and save the model; return False where Ctrl-C ended it."""
    limit = None if math.isinf(seconds) else seconds
    task = replace(winner.task, seconds=limit, asked_at=time.monotonic())
    outcome = winner.outcome
    # Where nothing else ends it, it takes no longer than what was timed.
    longer = 1.0 if limit is None else winner.shortened
    job = Refit(
        task,
        planned_epochs=outcome.planned_epochs * longer,
        best_epoch=outcome.best_epoch * longer,
        least_epochs=MIN_REFIT_SHARE * outcome.best_epoch,
        temperature=outcome.temperature,
    )
    # Its worker may be new, and start while the refit waits.
    longest = seconds + OVERRUN_SECONDS + MAX_COLD_START
    ends = time.monotonic() + longest
    future = executor.submit(refit, job, str(path))
    while not future.done() and not interrupt.requested and time.monotonic() < ends:
        wait_for([future], POLL_SECONDS)
    if interrupt.requested and not future.done():
        executor.kill(future)
        return False
    result_within(executor, future, 0.0, f"It was ended after {longest:.1f} s.")
    return True


def _refit_seconds(
    winner: Trial, refit_share: float, relief: float, budget: Budget
) -> float | None:
    """Return the time of the refit, or None where there is to be none."""
    if not refit_share:
        return None
    left = budget.left() - FINISH_SECONDS / 2
    needed = winner.refit_seconds(refit_share, relief) + WRITE_SECONDS
    return left if left >= MIN_REFIT_SHARE * needed else None
