"""The best trials, trained anew without rows that trained them, and scored on those."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from skautonas.estimation.evaluate import evaluate
from skautonas.estimation.task import WRITE_SECONDS
from skautonas.search.executor import LocalExecutor
from skautonas.search.finalists import again_seconds
from skautonas.search.interrupt import Interrupt
from skautonas.search.trial import Trial, outcome_of

# A training whose schedule is shorter than this share of the trial's, or that ends
# before this share of its best epoch, tells too little.
MIN_SHARE = 0.5


def reevaluate(
    trials: Sequence[Trial],
    executor: LocalExecutor,
    seconds: float,
    interrupt: Interrupt,
) -> dict[int, float]:
    """Return the score of trials on the fresh split by number.

    Parameters
    ----------
    trials : sequence of Trial
        The best one first.
    executor : LocalExecutor
        Trains as many at once as it has workers.
    seconds : float
        When what is not done is ended.
    interrupt : Interrupt
        Ends it, and then no score counts.

    Returns
    -------
    dict of int to float
        Without those that failed, or had no time; empty where the best one did.
    """
    tasks = [
        replace(
            trial.task,
            # A worker keeps these seconds for files, though it writes none.
            seconds=again_seconds(trial) + WRITE_SECONDS,
            asked_at=None,
            states=(),
            floors=(),
            least_share=0.0,
            fresh=True,
        )
        for trial in trials
    ]
    futures = [executor.submit(evaluate, task) for task in tasks]
    running = interrupt.wait(futures, seconds)
    _end(running, executor)
    for task in tasks:
        task.built.unlink(missing_ok=True)
    if interrupt.requested:
        return {}
    scores = {}
    for trial, future in zip(trials, futures, strict=True):
        score = None if future in running else _score(future, trial)
        if score is not None:
            scores[trial.number] = score
    return scores if trials[0].number in scores else {}


def _end(running: set[Future], executor: LocalExecutor) -> None:
    """End trainings: first those that have not begun, or they would begin then."""
    begun = [future for future in running if not future.cancel()]
    for future in begun:
        executor.kill(future)


def _score(future: Future, trial: Trial) -> float | None:
    """Return the score of a training that was as long as the trial's, or None."""
    outcome, before = outcome_of(future, False, 0.0), trial.outcome
    whole = (
        outcome.status == "completed"
        and outcome.planned_epochs >= MIN_SHARE * before.planned_epochs
        and outcome.epochs >= MIN_SHARE * before.best_epoch
    )
    return outcome.score if whole else None
