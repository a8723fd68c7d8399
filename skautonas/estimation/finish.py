"""From the winners of a search to the archive of one model; runs in a worker."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skautonas._compat import reset_layer_names
from skautonas.estimation.checkpoint import read_arrays, write_arrays
from skautonas.estimation.compiled import forget_models
from skautonas.estimation.evaluate import seconds_left
from skautonas.estimation.plan import Plan
from skautonas.estimation.prepare import prepare
from skautonas.estimation.steps import build_on
from skautonas.estimation.study import Fold, read_examples, read_study
from skautonas.estimation.task import Member, Refit
from skautonas.exceptions import NoTimeError

# The share of a refit that the rate takes to fall, where its schedule has it high at
# the best epoch: no validation keeps a better epoch than the last (docs/design/0016).
COOLDOWN = 0.2


def refit(job: Refit, path: str) -> None:
    """Train a configuration on all rows, and write the variables at ``path``.

    Raises
    ------
    NoTimeError
        Where the time was up too early for a model that is worth keeping.
    """
    start = time.monotonic()
    task = job.task
    left = seconds_left(task, start)
    if left is not None and left <= 0:
        raise NoTimeError("The time was up before the worker had started.")
    try:
        fold = read_study(task.study).whole
        prepared = prepare(task, fold, read_examples(fold.folder))
        training = prepared.trainer.fit(
            Plan(
                job.planned_epochs,
                job.best_epoch / job.planned_epochs,
                seconds_left(task, start),
                cooldown=COOLDOWN,
            )
        )
        if training.epochs < job.least_epochs:
            raise NoTimeError(
                f"The time was up after {training.epochs:.1f} epochs of "
                f"{job.best_epoch:.1f}."
            )
        write_arrays(Path(path), training.variables)
    finally:
        forget_models()


def assemble(members: Sequence[Member], on_whole: bool, path: str) -> None:
    """Save one model of all members at ``path``.

    Parameters
    ----------
    members : sequence of Member
        Trained on the same rows.
    on_whole : bool
        Whether these were all rows, and not those of the first fold.
    path : str
        Of the archive.
    """
    from skautonas.data.archive import Part, assemble_model, save_model

    try:
        study = read_study(members[0].task.study)
        fold = study.whole if on_whole else study.folds[0]
        parts = [
            Part(_trained(fold, member), member.temperature, member.weight)
            for member in members
        ]
        model = assemble_model(fold.encoder, parts, fold.targets, fold.source.plain)
        save_model(model, Path(path))
    finally:
        forget_models()


def _trained(fold: Fold, member: Member) -> Any:
    """Return the model that predicts, with the variables of a member."""
    variables = read_arrays(member.variables)
    reset_layer_names()
    candidate = fold.source.build(member.task.values)
    build_on(candidate.model, fold.source.arrange(read_examples(fold.folder).x))
    for variable, value in zip(candidate.model.variables, variables, strict=True):
        variable.assign(value)
    return candidate.predictor
