"""Train and score one configuration; runs in a worker."""

import time
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skautonas.estimation.calibration import fit_temperature
from skautonas.estimation.checkpoint import read_state, write_arrays, write_state
from skautonas.estimation.compiled import forget_compiled, forget_models
from skautonas.estimation.folds import combine
from skautonas.estimation.plan import Plan
from skautonas.estimation.prepare import Prepared, prepare
from skautonas.estimation.scoring import score_predictions
from skautonas.estimation.study import Fold, read_examples, read_labels, read_study
from skautonas.estimation.task import WRITE_SECONDS, Seconds, TrialOutcome, TrialTask
from skautonas.estimation.training import Training, TrainingState
from skautonas.exceptions import DamagedFileError


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What training on one fold gave; ``seconds`` is wall time by part."""

    training: Training
    seconds: Seconds
    n_parameters: int
    full_epochs: float
    restore_best_epoch: bool


def evaluate(task: TrialTask) -> TrialOutcome:
    """Train one configuration on each fold and score it on the fold's other rows.

    Whatever goes wrong is told as a failed outcome, never raised.
    """
    start, cpu_start = time.monotonic(), time.process_time()
    try:
        outcome = _evaluate(task, start)
        outcome.seconds.total = time.monotonic() - start
        outcome.seconds.cpu = time.process_time() - cpu_start
        return outcome
    except Exception as error:
        forget_compiled()  # it may have been their memory that was short
        return TrialOutcome(
            "failed",
            seconds=Seconds(total=time.monotonic() - start),
            error=_describe(error),
            traceback=traceback.format_exc(),
        )
    finally:
        forget_models(all_of_keras=_is_foreign(task))


def _is_foreign(task: TrialTask) -> bool:
    """Tell whether the code of a user built the models of a task."""
    try:
        return not read_study(task.study).whole.source.standard
    except Exception:  # which the outcome tells
        return True


def _describe(error: Exception) -> str:
    """Return type and message of an error; say where memory was short."""
    name = type(error).__name__
    if isinstance(error, MemoryError) or name == "ResourceExhaustedError":
        return f"{name}: out of memory. {str(error)[:200]}"
    return f"{name}: {error}"


def _evaluate(task: TrialTask, start: float) -> TrialOutcome:
    study = read_study(task.study)
    folds = study.fresh if task.fresh else study.folds
    results: list[FoldResult] = []
    states: list[str] = []
    checkpoint, outputs_file = task.path("variables.npz"), task.path("outputs.npz")
    before: Prepared | None = None
    for index, fold in enumerate(folds):
        left = seconds_left(task, start)
        share = None if left is None else left / (len(folds) - index)
        fold_began = time.monotonic()
        result, before = _train_fold(task, index, fold, study.scorer, share, before)
        began = time.monotonic()
        if task.share < 1.0:
            training = result.training
            spent = began - fold_began - training.seconds.validate
            state = before.trainer.state(training, training.earlier_seconds + spent)
            path = task.path(f"state{index}.npz")
            write_state(path, state)
            states.append(path.name)
        if index:
            # Where there is no refit, the model is that of the first fold.
            result.training.variables = []
        result.seconds.write = time.monotonic() - began
        results.append(result)
        if result.training.hopeless:
            break
    trainings = [result.training for result in results]
    began = time.monotonic()
    outputs = [outputs for training in trainings for outputs in training.outputs]
    if not task.fresh:
        write_arrays(checkpoint, trainings[0].variables)
        write_arrays(outputs_file, outputs)
    results[0].seconds.write += time.monotonic() - began
    validated = combine(trainings, results[0].restore_best_epoch)
    temperature, gains = _calibrate(study.scorer, folds, outputs)
    scores = tuple(a + b for a, b in zip(validated.scores, gains, strict=True))
    return TrialOutcome(
        "stopped" if trainings[-1].hopeless else "completed",
        score=float(np.mean(scores)),
        scores=scores,
        curve=validated.curve,
        best_epoch=validated.best_epoch,
        epochs=_mean(trainings, "epochs"),
        planned_epochs=_mean(trainings, "planned_epochs"),
        full_epochs=results[0].full_epochs,
        start_epoch=_mean(trainings, "start_epoch"),
        earlier_seconds=sum(training.earlier_seconds for training in trainings),
        seconds=_add_up([result.seconds for result in results]),
        temperature=temperature,
        n_parameters=results[0].n_parameters,
        checkpoint=None if task.fresh else checkpoint.name,
        outputs=None if task.fresh else outputs_file.name,
        # What was stopped as hopeless does not go on: promoted, it starts anew.
        states=() if trainings[-1].hopeless else tuple(states),
    )


def _calibrate(
    scorer: Any, folds: tuple[Fold, ...], outputs: list[np.ndarray]
) -> tuple[float, tuple[float, ...]]:
    """Return the temperature, and by how much it changes the score of each fold.

    It is that for the validation rows of all folds that were trained.
    """
    folds = folds[: len(outputs)]
    # Without the inputs, which numbered rows would be copied of.
    read = [replace(read_examples(fold.folder), x={}) for fold in folds]
    rows = [part.part(fold.validates) for part, fold in zip(read, folds, strict=True)]
    weights = None
    if folds[0].weighs_validation:
        weights = np.concatenate([part.weights for part in rows])
    y = np.concatenate([part.y for part in rows])
    targets = folds[0].targets
    temperature = fit_temperature(targets, np.concatenate(outputs), y, weights)
    if temperature == 1.0:
        return 1.0, (0.0,) * len(folds)
    gains = []
    for fold, part, raw in zip(folds, rows, outputs, strict=True):
        weighed = part.weights if fold.weighs_validation else None
        before, after = (
            score_predictions(
                scorer,
                fold.targets,
                read_labels(fold),
                fold.targets.predictions(scaled),
                weighed,
            )
            for scaled in (raw, raw / temperature)
        )
        gains.append(after - before)
    return temperature, tuple(gains)


def _train_fold(
    task: TrialTask,
    index: int,
    fold: Fold,
    scorer: Any,
    seconds: float | None,
    before: Prepared | None,
) -> tuple[FoldResult, Prepared]:
    """Train on the rows of a fold that train, and keep the best validated epoch."""
    start = time.monotonic()
    examples = read_examples(fold.folder)
    validation = examples.part(fold.validates)
    labels = read_labels(fold)
    weights = validation.weights if fold.weighs_validation else None
    train = examples.part(_training_rows(task, fold))
    state = _read_state(task, index)
    loaded = time.monotonic()
    prepared = prepare(task, fold, train, before)
    compiled, recipe = prepared.compiled, prepared.recipe
    x = fold.source.arrange(validation.x)
    built = time.monotonic()
    with suppress(OSError):  # as where the disk is full: it seems to be still building
        task.built.touch()

    def validate() -> tuple[float, np.ndarray]:
        outputs = compiled.predict(x)
        predictions = fold.targets.predictions(outputs)
        score = score_predictions(scorer, fold.targets, labels, predictions, weights)
        return score, outputs

    epochs = recipe.epochs
    if task.max_epochs is not None:
        epochs = min(epochs, task.max_epochs)
    if seconds is not None:
        seconds -= time.monotonic() - start
    # A constant rate has no course: less time is fewer epochs of it.
    has_course = recipe.schedule != "constant"
    least = task.least_share if has_course and state is None else 0.0
    plan = Plan(
        epochs,
        task.share,
        seconds,
        floors=task.floors,
        least_share=least,
        validation_rows=len(labels),
    )
    training = prepared.trainer.fit(plan, validate, state)
    seconds_by_part = replace(
        training.seconds, load=loaded - start, build=built - loaded
    )
    result = FoldResult(
        training,
        seconds_by_part,
        compiled.model.count_params(),
        epochs if has_course else training.planned_epochs,
        recipe.restore_best_epoch,
    )
    return result, prepared


def _read_state(task: TrialTask, index: int) -> TrainingState | None:
    """Return where the trial goes on from; None where it starts anew.

    So it does where that was damaged: it takes longer, and comes to the same.
    """
    if not task.states:
        return None
    try:
        return read_state(Path(task.folder) / task.states[index])
    except DamagedFileError:
        return None


def _training_rows(task: TrialTask, fold: Fold) -> slice | np.ndarray:
    """Return those of a fold's rows that a trial trains on; fewer are part of more."""
    if task.rows == 1.0:
        return fold.trains
    order = np.random.default_rng(fold.n_rows).permutation(fold.n_rows)
    chosen = np.sort(order[: max(1, round(task.rows * fold.n_rows))])
    return chosen if fold.order is None else fold.order[chosen]


def seconds_left(task: TrialTask, start: float) -> float | None:
    """Return the training time that is left of a task that began at ``start``."""
    if task.seconds is None:
        return None
    begun = start if task.asked_at is None else task.asked_at
    return task.seconds - (time.monotonic() - begun) - WRITE_SECONDS


def _add_up(folds: list[Seconds]) -> Seconds:
    parts = [asdict(seconds) for seconds in folds]
    return Seconds(**{name: sum(part[name] for part in parts) for name in parts[0]})


def _mean(trainings: list[Training], name: str) -> float:
    return float(np.mean([getattr(training, name) for training in trainings]))
