"""From the winner of a search to the archive of its model; runs in a worker."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from skautonas._compat import reset_layer_names
from skautonas.estimation.checkpoint import read_variables
from skautonas.estimation.compiled import forget_models
from skautonas.estimation.evaluate import prepare, seconds_left
from skautonas.estimation.plan import Plan
from skautonas.estimation.steps import build_on
from skautonas.estimation.study import Fold, read_examples, read_study
from skautonas.estimation.task import Refit, TrialTask
from skautonas.exceptions import NoTimeError


def refit(job: Refit, path: str) -> None:
    """Train the winner on all rows, and save the whole model at ``path``.

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
        trainer, compiled = prepare(task, fold, read_examples(fold.folder))
        training = trainer.fit(
            Plan(
                job.planned_epochs,
                job.best_epoch / job.planned_epochs,
                seconds_left(task, start),
            )
        )
        if training.epochs < job.least_epochs:
            raise NoTimeError(
                f"The time was up after {training.epochs:.1f} epochs of "
                f"{job.best_epoch:.1f}."
            )
        _take_over(trainer.model, training.variables)
        _save(fold, compiled.predictor, job.temperature, path)
    finally:
        forget_models()


def assemble(task: TrialTask, checkpoint: str, temperature: float, path: str) -> None:
    """Save the whole model of a finished trial at ``path``."""
    try:
        fold = read_study(task.study).folds[0]
        reset_layer_names()
        candidate = fold.source.build(task.values)
        build_on(candidate.model, fold.source.arrange(read_examples(fold.folder).x))
        _take_over(candidate.model, read_variables(checkpoint))
        _save(fold, candidate.predictor, temperature, path)
    finally:
        forget_models()


def _take_over(core: Any, variables: list[np.ndarray]) -> None:
    for variable, value in zip(core.variables, variables, strict=True):
        variable.assign(value)


def _save(fold: Fold, core: Any, temperature: float, path: str) -> None:
    from skautonas.data.archive import assemble_model, save_model

    model = assemble_model(
        fold.encoder, core, fold.targets, fold.source.plain, temperature
    )
    save_model(model, Path(path))
