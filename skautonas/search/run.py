"""One search from written rows to the archive of one model."""

import json
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from skautonas.data.digest import digest
from skautonas.exceptions import SearchFailedError
from skautonas.search.budget import Budget
from skautonas.search.directory import StudyDirectory
from skautonas.search.driver import Driver
from skautonas.search.final_model import (
    FinalModel,
    Wanted,
    store_model,
    stored_model,
)
from skautonas.search.finish import Finisher
from skautonas.search.interrupt import Interrupt
from skautonas.search.journal import Asked
from skautonas.search.prepare import (
    declare,
    encode,
    make_pruner,
    make_strategy,
    make_task,
)
from skautonas.search.rules import Rules
from skautonas.search.settings import Settings
from skautonas.search.trial import Trial
from skautonas.search.worker import evaluate_task
from skautonas.search.workers import Workers

# Distinct errors that a failed search quotes.
MAX_ERRORS = 3


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: its trials, the winner, and the model."""

    trials: list[Trial]
    winner: Trial
    stop_reason: str
    stop_error: Exception | None
    final: FinalModel
    refit_seconds: float


def run_search(
    study: Any,
    settings: Settings,
    facts: dict[str, Any],
    directory: StudyDirectory,
    workers: Workers,
    budget: Budget,
    interrupt: Interrupt,
    on_trial: Callable[[Trial, bool], bool],
) -> Found:
    """Search a study's space, refit the winner and put the model together.

    Parameters
    ----------
    study : Study
        Space, data and objective.
    settings : Settings
        How to search.
    facts : dict
        What the study is about, as `StudyDirectory.begin` takes it; unused where it
        is not kept.
    directory : StudyDirectory
        Its files: a search that began there goes on.
    workers : Workers
        The processes of the fit.
    budget : Budget
        Time that is left.
    interrupt : Interrupt
        A first Ctrl-C ends the search from when its first trial begins.
    on_trial : callable
        ``on_trial(trial, leads)`` is called with each finished trial, and whether it
        is the new incumbent; returns whether to ask for no further one.

    Raises
    ------
    SearchFailedError
        Where no trial could be trained.
    KeyboardInterrupt
        Where one ended the search before any trial had finished.
    """
    from skautonas.estimation.study import write_study

    study_file = Path(study.folder) / f"study-{time.monotonic_ns()}.pickle"
    write_study(study, study_file)
    hp = declare(study.whole.source, workers.local, budget, settings.trial_timeout)
    if directory.durable:
        directory.begin(_with_space(facts, study, hp))
    events = directory.journal.events
    budget.spend(max((e.elapsed for e in events if hasattr(e, "elapsed")), default=0.0))
    encode(study, study_file, workers.local, budget)
    n_recorded = sum(isinstance(event, Asked) for event in events)
    strategy = make_strategy(study, settings, hp, n_recorded)
    rules = _rules(settings, study, workers)
    with closing(strategy), workers.for_trials(study, study_file) as executor:
        driver = Driver(
            strategy,
            executor,
            n_workers=workers.n_trials,
            budget=budget,
            rules=rules,
            make_task=partial(
                make_task, settings, study_file, directory.trials, uuid.uuid4().hex[:8]
            ),
            evaluate=evaluate_task,
            record=directory.journal.append,
            forget=directory.forget,
            on_trial=on_trial,
            pruner=make_pruner(settings, strategy.oracle),
            answer_seconds=workers.answer_seconds,
        )
        driver.replay(events)
        directory.keep_only(driver.files())
        interrupt.defer()
        trials = driver.run(lambda: interrupt.requested)
    winner = driver.ledger.incumbent
    if winner is None:
        raise _nothing_found(driver, trials, directory.durable)
    start = time.monotonic()
    finisher = Finisher(rules, workers.local, budget, directory.trials, interrupt)
    final = _final_model(
        finisher, winner, driver.ledger.compared(), len(trials), directory
    )
    heaviest, _ = final.members[0]
    return Found(
        trials=trials,
        winner=driver.ledger[heaviest],
        stop_reason="interrupted" if interrupt.requested else driver.stop_reason,
        stop_error=driver.stop_error,
        final=final,
        refit_seconds=time.monotonic() - start,
    )


def _rules(settings: Settings, study: Any, workers: Workers) -> Rules:
    return Rules(
        settings.max_trials,
        settings.refit_share,
        len(study.folds),
        settings.in_order,
        by_standard_error=settings.by_standard_error,
        trial_timeout=settings.trial_timeout,
        relief=workers.relief,
        ensemble_size=settings.ensemble_size,
        refits_at_once=workers.local.n_workers,
        refit_threads=workers.n_threads,
        # By the workers that ran them.
        has_finals=bool(study.fresh) and workers.engine is None,
    )


def _nothing_found(
    driver: Driver, trials: list[Trial], durable: bool
) -> SearchFailedError | KeyboardInterrupt:
    """Return why there is no model."""
    if driver.stop_reason == "interrupted":
        goes_on = " With the same directory, the next fit goes on." if durable else ""
        return KeyboardInterrupt(
            f"Interrupted before any trial had finished; {len(trials)} failed. "
            f"There is no model.{goes_on}"
        )
    if driver.stop_error is not None:
        return SearchFailedError(f"There is no model: {driver.stop_error}")
    return SearchFailedError(failure_message(trials))


def _final_model(
    finisher: Finisher,
    winner: Trial,
    compared: list[Trial],
    n_trials: int,
    directory: StudyDirectory,
) -> FinalModel:
    """Return the model of an earlier fit, or make it, and keep it for later ones."""
    wanted = Wanted(
        winner,
        n_trials,
        finisher.rules.refit_share > 0,
        finisher.rules.ensemble_size,
    )
    stored = stored_model(directory, wanted)
    if stored is not None:
        return stored
    final = finisher.finish(winner, compared)
    if not finisher.interrupt.requested:
        store_model(directory, wanted, final, finisher.budget.elapsed())
    return final


def _with_space(facts: dict[str, Any], study: Any, hp: Any) -> dict[str, Any]:
    """Add what the space declares to the facts of a study."""
    declared = {"space": hp.get_config()["space"], "starts": study.whole.source.starts}
    text = json.dumps(declared, sort_keys=True, default=str)
    fingerprint = dict(facts["fingerprint"])
    fingerprint["space"] += f" {digest([text])}"
    return facts | {"fingerprint": fingerprint}


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
