"""What a search needs before its first trial: space, encoded rows, strategy, tasks."""

from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skautonas.estimation.task import TrialTask
from skautonas.exceptions import SearchFailedError
from skautonas.search.budget import MIN_TRIAL_SECONDS, NEEDED_SECONDS, Budget
from skautonas.search.executor import LocalExecutor, result_within
from skautonas.search.proposal import Proposal
from skautonas.search.pruner import PRUNERS, STARTUP_TRIALS, Pruner
from skautonas.search.settings import Settings
from skautonas.search.trial import Trial

if TYPE_CHECKING:
    from skautonas.search.oracle import OracleAdapter


def declare(
    source: Any, executor: LocalExecutor, budget: Budget, timeout: float | None
) -> Any:
    """Return the declared space; a user's own is built for it, in the time left."""
    future = executor.submit(source.declare)
    seconds = max(budget.left(), MIN_TRIAL_SECONDS)
    if timeout is not None and not source.standard:
        seconds = min(seconds, timeout)
    overdue = (
        "The space was not declared when the time was up, after "
        f"{seconds:.1f} s: build(hp) is called with the defaults, and once more for "
        "each conditional scope. Raise time_budget or trial_timeout, or build faster."
    )
    try:
        return result_within(executor, future, seconds, overdue)
    except SearchFailedError:
        raise
    except BrokenExecutor as error:
        raise SearchFailedError(
            "The worker died in a call of build(hp) that declares the space, with the "
            "defaults first, perhaps for want of memory."
        ) from error
    except Exception as error:
        error.add_note("Raised while the space was declared, by the first build(hp).")
        raise


def encode(
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


def make_strategy(
    study: Any, settings: Settings, hp: Any, n_recorded: int
) -> "OracleAdapter":
    """Return the strategy over a declared space.

    It has to propose all trials again that are recorded, be they more than wanted now.
    """
    from skautonas.search.oracle import OracleAdapter
    from skautonas.space.base import complete
    from skautonas.strategy.registry import make_oracle

    max_trials = settings.max_trials
    oracle = make_oracle(
        settings.strategy,
        hp,
        max_trials=None if max_trials is None else max(max_trials, n_recorded),
        max_epochs=settings.max_epochs,
        seed=settings.seed,
    )
    return OracleAdapter(oracle, [complete(hp, s) for s in study.whole.source.starts])


def make_pruner(settings: Settings, oracle: Any) -> Pruner | None:
    """Return the rule that stops trials, which a template may bring."""
    name = settings.pruner or getattr(oracle, "pruner", None)
    if name is None:
        return None
    return PRUNERS[name](getattr(oracle, "startup_trials", STARTUP_TRIALS))


def make_task(
    settings: Settings,
    study_file: Path,
    folder: Path,
    token: str,
    proposal: Proposal,
    attempt: int,
    parent: Trial | None,
) -> TrialTask:
    """Return the task of a trial: of a proposal, or of its parent that goes on."""
    bounds = [settings.max_epochs, getattr(settings.strategy, "max_epochs", None)]
    # What goes on has the seed with which it began.
    seed = trial_seed(settings.seed, proposal.number)
    if parent is not None:
        seed = parent.task.seed
    return TrialTask(
        number=proposal.number,
        attempt=attempt,
        values=proposal.values,
        seed=seed,
        study=str(study_file),
        folder=str(folder),
        max_epochs=min((b for b in bounds if b is not None), default=None),
        share=proposal.share,
        rows=proposal.rows,
        states=() if parent is None else parent.outcome.states,
        token=token,
    )


def trial_seed(seed: int, number: int) -> int:
    """Return the seed of a trial, whatever order trials run in."""
    sequence = np.random.SeedSequence([seed, number])
    return int(sequence.generate_state(1)[0] >> 1)
