"""Training in compiled loops over arrays in memory.

An epoch of `keras.Model.fit` spends most of its time outside of TensorFlow where
the model is small. Here a whole chunk of steps is one call of a `tf.function` that
loops over `model.train_step` (benchmarks/trainer.py compares the two).
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skautonas.estimation.schedule import rate_factor
from skautonas.space.recipe import Recipe

# A call of the compiled loop lasts about this long: long enough to hide its cost
# (about a millisecond), short enough to end a trial on time.
CHUNK_SECONDS = 0.2
# Tiny data sets are validated after this many steps rather than at every epoch.
MIN_STEPS_BETWEEN_VALIDATIONS = 24
# Rows of one call in prediction; the last batch is padded, so that a row's
# prediction does not depend on its neighbours.
PREDICT_ROWS = 256
# Share of the time left that the plan of a training may fill.
PLAN_SHARE = 0.95


class NotFiniteError(ArithmeticError):
    """The training loss became NaN or infinite."""


class NoTimeError(TimeoutError):
    """The time was up before a first step."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to train.

    Parameters
    ----------
    epochs : float
        Length of the learning rate's schedule.
    stop_epoch : float or None
        Epoch after which to stop, where that is before the schedule's end.
    seconds : float or None
        Time that may be spent; the schedule shrinks so that it fits.
    """

    epochs: float
    stop_epoch: float | None = None
    seconds: float | None = None


@dataclass(slots=True)
class Training:
    """What a training did; ``variables`` are those of the kept epoch."""

    variables: list[np.ndarray]
    predictions: np.ndarray | None = None
    score: float | None = None
    best_epoch: float = 0.0
    epochs: float = 0.0
    planned_epochs: float = 0.0
    curve: list[tuple[float, float, float | None]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


class Trainer:
    """One model and the arrays that train it.

    Parameters
    ----------
    model : keras.Model
        Compiled model.
    x : tensor, or dict of str to tensor
        Training inputs as the model takes them; all rows in memory.
    y : tensor of shape (n,) or (n, targets)
        Training targets.
    recipe : Recipe
        Batch size, schedule, patience.
    rng : numpy.random.Generator
        Draws the order of the rows.
    clock : callable
        Returns seconds; monotonic.
    """

    def __init__(
        self,
        model: Any,
        x: Any,
        y: Any,
        recipe: Recipe,
        rng: np.random.Generator,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.recipe = recipe
        self.clock = clock
        self.seconds = dict.fromkeys(("trace", "steps", "validate"), 0.0)
        n_rows = int(y.shape[0])
        self.batch = min(recipe.batch_size, n_rows)
        self.steps_per_epoch = max(1, n_rows // self.batch)
        self._rows = _row_batches(n_rows, self.batch, rng)
        self._run = _compile_steps(model, x, y, self.batch)

    def fit(
        self,
        plan: Plan,
        validate: Callable[[], tuple[np.ndarray, float]] | None = None,
    ) -> Training:
        """Train as planned, and keep the best validated epoch.

        Parameters
        ----------
        plan : Plan
            Length and time limit.
        validate : callable, optional
            Returns predictions for the validation rows and their score, greater
            is better. Without it the last weights are kept.

        Raises
        ------
        NotFiniteError
            Where the loss is NaN or infinite before any epoch was validated.
        NoTimeError
            Where there was no time for one step.
        """
        start = self.clock()
        end = math.inf if plan.seconds is None else start + plan.seconds
        if start >= end:
            raise NoTimeError("The time was up before the first step.")
        progress = _Progress(plan.epochs * self.steps_per_epoch)
        limit = progress.total
        if plan.stop_epoch is not None:
            limit = max(1, round(plan.stop_epoch * self.steps_per_epoch))
        interval = self._steps_between_validations()
        result = Training(variables=[])
        waited = 0.0
        while progress.done < progress.total:
            stop = min(progress.done + interval, progress.total, limit)
            loss = self._advance(progress, stop, end)
            if not math.isfinite(loss):
                if not result.variables:
                    raise NotFiniteError(f"The training loss is {loss}.")
                break
            epoch = progress.done / self.steps_per_epoch
            improved = self._record(result, epoch, loss, validate)
            waited = 0.0 if improved else waited + interval / self.steps_per_epoch
            late = self.clock() >= end
            if late or progress.done >= limit or waited >= self.recipe.patience:
                break
            self._fit_plan_to_time(progress, start, end)
        result.epochs = progress.done / self.steps_per_epoch
        result.planned_epochs = progress.total / self.steps_per_epoch
        result.seconds = self.seconds
        return result

    def _steps_between_validations(self) -> int:
        epochs = math.ceil(MIN_STEPS_BETWEEN_VALIDATIONS / self.steps_per_epoch)
        return epochs * self.steps_per_epoch

    def _advance(self, progress: "_Progress", stop: int, end: float) -> float:
        """Train until step ``stop`` or the time's end; return the mean loss."""
        import tensorflow as tf

        self.model.reset_metrics()
        loss = math.nan
        while progress.done < stop:
            now = self.clock()
            if now >= end and progress.done:
                break
            steps = min(stop - progress.done, progress.chunk(end - now))
            rates = self.recipe.learning_rate * rate_factor(
                self.recipe.schedule, progress.of_next(steps)
            )
            rows = np.stack([next(self._rows) for _ in range(steps)])
            loss = float(self._run(tf.constant(rows), tf.constant(rates, tf.float32)))
            seconds = self.clock() - now
            self.seconds["steps" if progress.done else "trace"] += seconds
            progress.advance(steps, seconds)
        return loss

    def _record(
        self,
        result: Training,
        epoch: float,
        loss: float,
        validate: Callable[[], tuple[np.ndarray, float]] | None,
    ) -> bool:
        """Validate, and keep this epoch if it is to be kept; tell if it is better."""
        score = None
        if validate is not None:
            start = self.clock()
            predictions, score = validate()
            self.seconds["validate"] += self.clock() - start
        result.curve.append((epoch, loss, score))
        if score is None:
            better = True
        else:
            better = result.score is None or score >= result.score
        improved = result.score is None or (score or 0.0) > result.score
        if better or not self.recipe.restore_best_epoch:
            result.variables = [np.array(v) for v in self.model.variables]
            result.best_epoch = epoch
            if score is not None:
                result.predictions, result.score = predictions, score
        return improved

    def _fit_plan_to_time(
        self, progress: "_Progress", start: float, end: float
    ) -> None:
        if math.isinf(end):
            return
        now = self.clock()
        spent = now - start - self.seconds["trace"]
        per_step = spent / max(1, progress.done - 1)
        possible = progress.done + int(PLAN_SHARE * (end - now) / max(per_step, 1e-9))
        progress.shrink(max(possible, progress.done + 1))


class _Progress:
    """Where a training stands between its first and its last step."""

    def __init__(self, total: float) -> None:
        self.done = 0
        self.total = max(1, round(total))
        self._anchor = (0, 0.0)
        self._per_step = 0.0

    def of_next(self, steps: int) -> np.ndarray:
        """Return the progress, between 0 and 1, before each of the next steps."""
        step, share = self._anchor
        ahead = np.arange(self.done, self.done + steps) - step
        return share + (1 - share) * ahead / max(1, self.total - step)

    def chunk(self, seconds_left: float) -> int:
        """Return how many steps the next call may take."""
        if self.done == 0 or self._per_step == 0.0:
            return 1 if self.done == 0 else 4
        return max(1, int(min(CHUNK_SECONDS, seconds_left) / self._per_step))

    def advance(self, steps: int, seconds: float) -> None:
        """Record a finished call."""
        if self.done:
            self._per_step = seconds / steps
        self.done += steps

    def shrink(self, total: int) -> None:
        """Plan fewer steps; the schedule runs faster from here on."""
        if total >= self.total:
            return
        self._anchor = (self.done, float(self.of_next(1)[0]))
        self.total = total


def _row_batches(
    n_rows: int, batch: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield batches of row numbers for ever: each epoch shuffled, its rest dropped."""
    while True:
        order = rng.permutation(n_rows).astype("int32")
        for start in range(0, n_rows - batch + 1, batch):
            yield order[start : start + batch]


def _compile_steps(model: Any, x: Any, y: Any, batch: int) -> Callable:
    import tensorflow as tf

    model.optimizer.build(model.trainable_variables)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, batch], tf.int32),
            tf.TensorSpec([None], tf.float32),
        ]
    )
    def run(rows: Any, rates: Any) -> Any:
        loss = tf.constant(math.nan)
        for step in tf.range(tf.shape(rates)[0]):
            model.optimizer.learning_rate.assign(rates[step])
            chosen = rows[step]
            logs = model.train_step(_gather((x, y), chosen))
            loss = tf.cast(logs["loss"], tf.float32)
        return loss

    # A concrete function: TensorFlow warns of retracing where many functions share
    # their source line, as those of one trial after another do.
    return run.get_concrete_function()


def compile_predict(model: Any, x: Any) -> Callable[[], np.ndarray]:
    """Return a function that predicts all rows of ``x``, in padded batches."""
    import tensorflow as tf

    n_rows = int(tf.nest.flatten(x)[0].shape[0])
    rows = padded_rows(n_rows, PREDICT_ROWS)

    @tf.function(input_signature=[tf.TensorSpec([PREDICT_ROWS], tf.int32)])
    def forward(chosen: Any) -> Any:
        return model(_gather(x, chosen), training=False)

    call = forward.get_concrete_function()

    def predict() -> np.ndarray:
        outputs = [call(tf.constant(chosen)).numpy() for chosen in rows]
        return np.concatenate(outputs)[:n_rows]

    return predict


def padded_rows(n_rows: int, size: int) -> list[np.ndarray]:
    """Return the row numbers 0 to ``n_rows`` - 1 in batches of one size.

    Examples
    --------
    >>> padded_rows(3, 2)
    [array([0, 1], dtype=int32), array([2, 0], dtype=int32)]
    """
    n_batches = math.ceil(n_rows / size)
    rows = np.zeros(n_batches * size, dtype="int32")
    rows[:n_rows] = np.arange(n_rows)
    return list(rows.reshape(n_batches, size))


def _gather(arrays: Any, rows: Any) -> Any:
    import tensorflow as tf

    return tf.nest.map_structure(lambda array: tf.gather(array, rows), arrays)
