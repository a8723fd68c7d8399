"""Train and score one configuration; runs in a worker."""

import gc
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from skautonas._files import written_atomically
from skautonas.estimation.plan import Plan
from skautonas.estimation.scoring import score_predictions
from skautonas.estimation.steps import build_on, compile_predict
from skautonas.estimation.study import Rows, read_labels, read_rows, read_study
from skautonas.estimation.task import Refit, TrialOutcome, TrialTask
from skautonas.estimation.trainer import Trainer, Training
from skautonas.space.candidate import Candidate

# Left of a trial's time for writing its files.
WRITE_SECONDS = 0.3


def evaluate(task: TrialTask) -> TrialOutcome:
    """Train one configuration and score it on the validation rows.

    Whatever goes wrong is told as a failed outcome, never raised.
    """
    start = time.monotonic()
    try:
        return _evaluate(task, start)
    except Exception as error:
        return TrialOutcome(
            "failed",
            seconds={"total": time.monotonic() - start},
            error=f"{type(error).__name__}: {error}",
            traceback=traceback.format_exc(),
        )
    finally:
        forget_models()


def refit(job: Refit, path: str) -> None:
    """Train the winner on all rows, and save the whole model at ``path``."""
    start = time.monotonic()
    task = job.task
    try:
        train, validation = (read_rows(task.study, p) for p in ("train", "validation"))
        rows = concatenate(train, validation)
        candidate, trainer = _prepare(task, rows)
        training = trainer.fit(
            Plan(job.planned_epochs, job.best_epoch, _seconds_left(task, start))
        )
        _set_variables(candidate.model, training.variables)
        _save(task, candidate.model, path)
    finally:
        forget_models()


def assemble(task: TrialTask, checkpoint: str, path: str) -> None:
    """Save the whole model of a finished trial at ``path``."""
    try:
        model = read_study(task.study).source.build(task.values).model
        build_on(model, read_rows(task.study, "validation").x)
        with np.load(checkpoint) as stored:
            variables = [stored[name] for name in stored.files]
        _set_variables(model, variables)
        _save(task, model, path)
    finally:
        forget_models()


def forget_models() -> None:
    """Free what Keras and TensorFlow keep of earlier models."""
    import keras

    keras.backend.clear_session(free_memory=False)
    gc.collect()


def _evaluate(task: TrialTask, start: float) -> TrialOutcome:
    study = read_study(task.study)
    rows = read_rows(task.study, "train")
    validation = read_rows(task.study, "validation")
    loaded = time.monotonic()
    candidate, trainer = _prepare(task, rows)
    built = time.monotonic()
    predict = compile_predict(candidate.model, validation.x)
    labels = read_labels(task.study)

    def validate() -> tuple[np.ndarray, float]:
        outputs = study.targets.predictions(predict())
        return outputs, score_predictions(study.scorer, study.targets, labels, outputs)

    epochs = candidate.recipe.epochs
    if task.max_epochs is not None:
        epochs = min(epochs, task.max_epochs)
    training = trainer.fit(Plan(epochs, None, _seconds_left(task, start)), validate)
    trained = time.monotonic()
    checkpoint, predictions = _write_files(task, training)
    parts = {"load": loaded - start, "build": built - loaded, **training.seconds}
    parts["write"] = time.monotonic() - trained
    parts["total"] = time.monotonic() - start
    return TrialOutcome(
        "completed",
        score=training.score,
        curve=training.curve,
        best_epoch=training.best_epoch,
        epochs=training.epochs,
        planned_epochs=training.planned_epochs,
        seconds=parts,
        n_parameters=candidate.model.count_params(),
        checkpoint=checkpoint,
        predictions=predictions,
    )


def _prepare(task: TrialTask, rows: Rows) -> tuple[Candidate, Trainer]:
    import keras

    keras.utils.set_random_seed(task.seed)
    source = read_study(task.study).source
    candidate = source.build(task.values)
    source.initialise(candidate.model, rows.x, rows.y)
    rng = np.random.default_rng(task.seed)
    trainer = Trainer(candidate.model, rows.x, rows.y, candidate.recipe, rng)
    return candidate, trainer


def _seconds_left(task: TrialTask, start: float) -> float | None:
    if task.seconds is None:
        return None
    return task.seconds - (time.monotonic() - start) - WRITE_SECONDS


def concatenate(first: Rows, second: Rows) -> Rows:
    """Return the rows of both, in order."""
    import tensorflow as tf

    def join(a: Any, b: Any) -> Any:
        return tf.concat([a, b], axis=0)

    return Rows(tf.nest.map_structure(join, first.x, second.x), join(first.y, second.y))


def _set_variables(model: Any, values: list[np.ndarray]) -> None:
    for variable, value in zip(model.variables, values, strict=True):
        variable.assign(value)


def _write_files(task: TrialTask, training: Training) -> tuple[str, str]:
    stem = Path(task.folder) / f"{task.number:04d}-{task.attempt}"
    stem.parent.mkdir(parents=True, exist_ok=True)
    checkpoint, predictions = f"{stem}.npz", f"{stem}-predictions.npy"
    with written_atomically(Path(checkpoint)) as file:
        np.savez(file, *training.variables)
    with written_atomically(Path(predictions)) as file:
        np.save(file, np.asarray(training.predictions))
    return checkpoint, predictions


def _save(task: TrialTask, core: Any, path: str) -> None:
    from skautonas.export.keras_model import assemble_model, save_model

    study = read_study(task.study)
    model = assemble_model(study.encoder, core, study.targets, study.source.plain)
    save_model(model, Path(path))
