"""Train and score one configuration; runs in a worker."""

import gc
import time
import traceback
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skautonas._files import written_atomically
from skautonas.estimation.folds import combine
from skautonas.estimation.plan import Plan
from skautonas.estimation.scoring import score_predictions
from skautonas.estimation.steps import compile_predict
from skautonas.estimation.study import (
    Examples,
    Fold,
    read_examples,
    read_labels,
    read_study,
)
from skautonas.estimation.task import WRITE_SECONDS, Seconds, TrialOutcome, TrialTask
from skautonas.estimation.trainer import Trainer, Training
from skautonas.space.candidate import Candidate


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What training on one fold gave; ``seconds`` is wall time by part."""

    training: Training
    seconds: Seconds
    n_parameters: int
    restore_best_epoch: bool


def evaluate(task: TrialTask) -> TrialOutcome:
    """Train one configuration on each fold and score it on the fold's other rows.

    Whatever goes wrong is told as a failed outcome, never raised.
    """
    start = time.monotonic()
    try:
        return _evaluate(task, start)
    except Exception as error:
        return TrialOutcome(
            "failed",
            seconds=Seconds(total=time.monotonic() - start),
            error=f"{type(error).__name__}: {error}",
            traceback=traceback.format_exc(),
        )
    finally:
        forget_models()


def forget_models() -> None:
    """Free what Keras and TensorFlow keep of earlier models."""
    import keras

    keras.backend.clear_session(free_memory=False)
    gc.collect()


def _evaluate(task: TrialTask, start: float) -> TrialOutcome:
    study = read_study(task.study)
    results: list[FoldResult] = []
    for index, fold in enumerate(study.folds):
        if index:
            forget_models()
        left = seconds_left(task, start)
        share = None if left is None else left / (len(study.folds) - index)
        result = _train_fold(task, fold, study.scorer, share)
        if len(study.folds) > 1:
            result.training.variables.clear()  # nobody will read them
        results.append(result)
    trained = time.monotonic()
    checkpoint = None
    if len(results) == 1:
        checkpoint = _write_checkpoint(task, results[0].training)
    seconds = _add_up([result.seconds for result in results])
    seconds.write = time.monotonic() - trained
    seconds.total = time.monotonic() - start
    validated = combine(
        [result.training for result in results], results[0].restore_best_epoch
    )
    return TrialOutcome(
        "completed",
        score=float(np.mean(validated.scores)),
        scores=validated.scores,
        curve=validated.curve,
        best_epoch=validated.best_epoch,
        epochs=_mean(results, "epochs"),
        planned_epochs=_mean(results, "planned_epochs"),
        seconds=seconds,
        n_parameters=results[0].n_parameters,
        checkpoint=checkpoint,
    )


def _train_fold(
    task: TrialTask, fold: Fold, scorer: Any, seconds: float | None
) -> FoldResult:
    """Train on the rows of a fold that train, and keep the best validated epoch."""
    start = time.monotonic()
    examples = read_examples(fold.folder)
    validation = examples.part(slice(fold.n_rows, None))
    labels = read_labels(fold)
    weights = validation.weights if fold.weighs_validation else None
    loaded = time.monotonic()
    candidate, trainer = prepare(task, fold, examples.part(slice(fold.n_rows)))
    predict = compile_predict(candidate.model, fold.source.arrange(validation.x))
    built = time.monotonic()

    def validate() -> float:
        outputs = fold.targets.predictions(predict())
        return score_predictions(scorer, fold.targets, labels, outputs, weights)

    epochs = candidate.recipe.epochs
    if task.max_epochs is not None:
        epochs = min(epochs, task.max_epochs)
    if seconds is not None:
        seconds -= time.monotonic() - start
    training = trainer.fit(Plan(epochs, None, seconds), validate)
    seconds_by_part = replace(
        training.seconds, load=loaded - start, build=built - loaded
    )
    return FoldResult(
        training,
        seconds_by_part,
        candidate.model.count_params(),
        candidate.recipe.restore_best_epoch,
    )


def prepare(task: TrialTask, fold: Fold, rows: Examples) -> tuple[Candidate, Trainer]:
    """Build the candidate of a task, and its trainer on these rows.

    Weights are scaled to a mean of one, so that they do not change what a learning
    rate means.
    """
    import keras

    keras.utils.set_random_seed(task.seed)
    candidate = fold.source.build(task.values)
    x = fold.source.arrange(rows.x)
    fold.source.initialise(candidate.model, x, rows.y)
    weights = None
    if rows.weights is not None:
        weights = (rows.weights / rows.weights.mean()).astype("float32")
    rng = np.random.default_rng(task.seed)
    recipe = candidate.recipe
    return candidate, Trainer(candidate.model, x, rows.y, recipe, rng, weights)


def seconds_left(task: TrialTask, start: float) -> float | None:
    """Return the training time that is left of a task that began at ``start``."""
    if task.seconds is None:
        return None
    return task.seconds - (time.monotonic() - start) - WRITE_SECONDS


def _add_up(folds: list[Seconds]) -> Seconds:
    parts = [asdict(seconds) for seconds in folds]
    return Seconds(**{name: sum(part[name] for part in parts) for name in parts[0]})


def _mean(results: list[FoldResult], name: str) -> float:
    return float(np.mean([getattr(result.training, name) for result in results]))


def _write_checkpoint(task: TrialTask, training: Training) -> str:
    """Write the weights of the kept epoch."""
    checkpoint = Path(task.folder) / f"{task.number:04d}-{task.attempt}.npz"
    with written_atomically(checkpoint) as file:
        np.savez(file, *training.variables)
    return str(checkpoint)
