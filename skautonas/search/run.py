"""One search from written rows to the archive of one model."""

import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from skautonas.estimation.task import TrialTask
from skautonas.exceptions import SearchFailedError
from skautonas.search.budget import MIN_TRIAL_SECONDS, NEEDED_SECONDS, Budget
from skautonas.search.driver import Driver, Rules
from skautonas.search.executor import LocalExecutor, result_within
from skautonas.search.finish import FinalModel, finish
from skautonas.search.proposal import Proposal
from skautonas.search.trial import Trial

# Distinct errors that a failed search quotes.
MAX_ERRORS = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """How to search.

    Parameters
    ----------
    strategy : str or keras_tuner.Oracle
        Name or template.
    max_trials, max_epochs : int or None
        Bounds.
    refit_share : float
        Rows of the refit per training row; 0 without a refit.
    seed : int
        Every draw of the search descends from it.
    in_order : bool
        Whether timing may decide nothing.
    by_standard_error : bool
        Whether a trial must beat an earlier one by a standard error.
    """

    strategy: Any
    max_trials: int | None
    max_epochs: int | None
    refit_share: float
    seed: int
    in_order: bool
    by_standard_error: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: its trials, the winner, and the model."""

    trials: list[Trial]
    winner: Trial
    stop_reason: str
    final: FinalModel
    refit_seconds: float


def run_search(
    study: Any,
    settings: Settings,
    executor: LocalExecutor,
    budget: Budget,
    on_trial: Callable[[Trial, bool], None],
) -> Found:
    """Search a study's space, refit the winner and put the model together.

    Parameters
    ----------
    study : Study
        Space, data and objective.
    settings : Settings
        How to search.
    executor : LocalExecutor
        Warm workers.
    budget : Budget
        Time that is left.
    on_trial : callable
        ``on_trial(trial, leads)`` is called with each finished trial, and whether it
        is the new incumbent.

    Raises
    ------
    SearchFailedError
        Where no trial could be trained.
    """
    from skautonas.estimation.evaluate import evaluate
    from skautonas.estimation.study import write_study

    folder = Path(study.folder)
    study_file = folder / f"study-{time.monotonic_ns()}.pickle"
    write_study(study, study_file)
    (folder / "trials").mkdir(exist_ok=True)
    _encode(study, study_file, executor, budget)
    strategy = _make_strategy(study, settings, executor, budget)
    driver = Driver(
        strategy,
        executor,
        n_workers=executor.n_workers,
        budget=budget,
        rules=Rules(
            settings.max_trials,
            settings.refit_share,
            len(study.folds),
            settings.in_order,
            settings.by_standard_error,
        ),
        make_task=partial(_make_task, settings, study_file),
        evaluate=evaluate,
        on_trial=on_trial,
        on_beaten=_forget_checkpoint,
    )
    try:
        trials = driver.run()
    finally:
        strategy.close()
    winner = driver.incumbent
    if winner is None:
        raise SearchFailedError(failure_message(trials))
    start = time.monotonic()
    final = finish(winner, settings.refit_share, executor, budget, folder)
    return Found(
        trials=trials,
        winner=winner,
        stop_reason=driver.stop_reason,
        final=final,
        refit_seconds=time.monotonic() - start,
    )


def _encode(
    study: Any, study_file: Path, executor: LocalExecutor, budget: Budget
) -> None:
    """Have the workers encode the rows of all folds."""
    from skautonas.estimation.study import encode_fold

    folds: list[int | None] = list(range(len(study.folds)))
    if study.whole.folder != study.folds[0].folder:
        folds.append(None)
    encoding = [executor.submit(encode_fold, str(study_file), fold) for fold in folds]
    for future in encoding:
        seconds = max(budget.left(), NEEDED_SECONDS)
        overdue = (
            f"The rows were not encoded {seconds:.0f} s after they were written. Raise "
            "time_budget, or pass fewer rows."
        )
        try:
            result_within(executor, future, seconds, overdue)
        except BrokenExecutor as error:
            raise SearchFailedError(
                "The worker that encoded the rows died, perhaps for want of memory. "
                "Pass fewer rows or columns."
            ) from error


def _forget_checkpoint(trial: Trial) -> None:
    """Delete the weights of a trial that cannot win any more."""
    if trial.outcome.checkpoint is not None:
        Path(trial.outcome.checkpoint).unlink(missing_ok=True)


def _make_strategy(
    study: Any, settings: Settings, executor: LocalExecutor, budget: Budget
) -> Any:
    """Declare the space in a worker, and return the strategy over it."""
    from skautonas.search.oracle import OracleAdapter
    from skautonas.space.base import complete
    from skautonas.strategy.registry import make_oracle

    source = study.whole.source
    hp = _declare(source, executor, budget)
    oracle = make_oracle(
        settings.strategy,
        hp,
        max_trials=settings.max_trials,
        max_epochs=settings.max_epochs,
        seed=settings.seed,
    )
    return OracleAdapter(oracle, [complete(hp, s) for s in source.starts])


def _declare(source: Any, executor: LocalExecutor, budget: Budget) -> Any:
    """Return the declared space; a user's own is built for it, in the time left."""
    future = executor.submit(source.declare)
    seconds = max(budget.left(), MIN_TRIAL_SECONDS)
    overdue = (
        "The first call of build(hp) was not done when the time was up, after "
        f"{seconds:.1f} s. Raise time_budget, or build faster."
    )
    try:
        return result_within(executor, future, seconds, overdue)
    except SearchFailedError:
        raise
    except Exception as error:
        error.add_note("Raised while the space was declared, by the first build(hp).")
        raise


def _make_task(
    settings: Settings,
    study_file: Path,
    number: int,
    proposal: Proposal,
    seconds: float | None,
) -> TrialTask:
    epochs = [e for e in (proposal.epochs, settings.max_epochs) if e is not None]
    return TrialTask(
        number=number,
        attempt=0,
        values=proposal.values,
        seed=trial_seed(settings.seed, number),
        study=str(study_file),
        folder=str(study_file.parent / "trials"),
        max_epochs=min(epochs, default=None),
        seconds=seconds,
    )


def trial_seed(seed: int, number: int) -> int:
    """Return the seed of a trial, whatever order trials run in."""
    sequence = np.random.SeedSequence([seed, number])
    return int(sequence.generate_state(1)[0] >> 1)


def failure_message(trials: list[Trial]) -> str:
    """Quote the first distinct errors of a search without a finished trial."""
    if not trials:
        return "The strategy proposed nothing to try, so there is no model."
    errors = list(dict.fromkeys(trial.outcome.error for trial in trials))
    quoted = "\n".join(f"- {error}" for error in errors[:MAX_ERRORS])
    details = next((t.outcome.traceback for t in trials if t.outcome.traceback), None)
    return (
        f"All the {len(trials)} trials failed, so there is no model. The first "
        f"distinct errors:\n{quoted}\n\n{details or ''}"
    )
