"""Training in compiled loops over arrays in memory.

An epoch of `keras.Model.fit` spends most of its time outside of TensorFlow where
the model is small. Here a whole chunk of steps is one call of a `tf.function` that
loops over `model.train_step` (benchmarks/trainer.py compares the two).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skautonas.data.encode import row_bytes
from skautonas.estimation.plan import Plan, Progress
from skautonas.estimation.schedule import rate_factor
from skautonas.estimation.steps import compile_steps, row_batches
from skautonas.estimation.task import Seconds
from skautonas.exceptions import NotFiniteError, NoTimeError
from skautonas.space.recipe import Recipe

# Tiny data sets are validated after this many steps rather than at every epoch.
MIN_STEPS_BETWEEN_VALIDATIONS = 24
# Of the rows that one call of the compiled loop takes along.
CHUNK_BYTES = 64_000_000
# Share of the time left that the plan of a training may fill.
PLAN_SHARE = 0.95


@dataclass(slots=True)
class Training:
    """What a training did; ``variables`` are those of the kept epoch."""

    variables: list[np.ndarray]
    score: float | None = None
    best_epoch: float = 0.0
    epochs: float = 0.0
    planned_epochs: float = 0.0
    curve: list[tuple[float, float, float | None]] = field(default_factory=list)
    seconds: Seconds = field(default_factory=Seconds)


class Trainer:
    """One model and the arrays that train it.

    Parameters
    ----------
    model : keras.Model
        Compiled model.
    x : ndarray, or dict of str to ndarray
        Training inputs as the model takes them; may be mapped from a file.
    y : ndarray of shape (n,) or (n, targets)
        Training targets.
    recipe : Recipe
        Batch size, schedule, patience.
    rng : numpy.random.Generator
        Draws the order of the rows.
    weights : ndarray of shape (n,), optional
        How much each row counts in the loss.
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
        weights: Any = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.recipe = recipe
        self.clock = clock
        self.seconds = Seconds()
        import tensorflow as tf

        n_rows = len(y)
        self.batch = min(recipe.batch_size, n_rows)
        self.steps_per_epoch = max(1, n_rows // self.batch)
        self._rows = row_batches(n_rows, self.batch, rng)
        self._data = (x, y) if weights is None else (x, y, weights)
        self._run = compile_steps(model, self._data, self.batch)
        step_bytes = self.batch * row_bytes(tf.nest.flatten(self._data))
        self._most_steps = max(1, CHUNK_BYTES // step_bytes)

    def fit(
        self,
        plan: Plan,
        validate: Callable[[], float] | None = None,
    ) -> Training:
        """Train as planned, and keep the best validated epoch.

        Parameters
        ----------
        plan : Plan
            Length and time limit.
        validate : callable, optional
            Returns the score of the validation rows, greater is better. Without it
            the last weights are kept.

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
            raise NoTimeError(
                "The time was up before the first step. Raise time_budget."
            )
        progress = Progress(plan.epochs * self.steps_per_epoch)
        limit = progress.total
        if plan.stop_epoch is not None:
            limit = max(1, round(plan.stop_epoch * self.steps_per_epoch))
        interval = self._steps_between_validations()
        result = Training(variables=[])
        waited, best = 0.0, -math.inf
        while progress.done < progress.total:
            stop = min(progress.done + interval, progress.total, limit)
            loss = self._advance(progress, stop, end)
            if not math.isfinite(loss):
                if not result.variables:
                    raise NotFiniteError(
                        f"Expected a finite training loss; it is {loss}. Check the "
                        "scale of inputs and targets, or lower the learning rates."
                    )
                break
            epoch = progress.done / self.steps_per_epoch
            score = self._record(result, epoch, loss, validate)
            waited = 0.0 if score > best else waited + interval / self.steps_per_epoch
            best = max(best, score)
            late = self.clock() >= end
            if late or progress.done >= limit or waited >= self.recipe.patience:
                break
            possible = self._possible_steps(progress, start, end)
            if possible < limit:
                # The schedule shrinks as a whole: it is where it would have been.
                progress.shrink(round(possible * progress.total / limit))
                limit = int(possible)
        result.epochs = progress.done / self.steps_per_epoch
        result.planned_epochs = progress.total / self.steps_per_epoch
        result.seconds = self.seconds
        return result

    def _steps_between_validations(self) -> int:
        epochs = math.ceil(MIN_STEPS_BETWEEN_VALIDATIONS / self.steps_per_epoch)
        return epochs * self.steps_per_epoch

    def _advance(self, progress: Progress, stop: int, end: float) -> float:
        """Train until step ``stop`` or the time's end; return the mean loss."""
        import tensorflow as tf

        self.model.reset_metrics()
        loss = math.nan
        while progress.done < stop:
            now = self.clock()
            if now >= end and progress.done:
                break
            steps = min(
                stop - progress.done, progress.chunk(end - now), self._most_steps
            )
            rates = self.recipe.learning_rate * rate_factor(
                self.recipe.schedule, progress.of_next(steps)
            )
            rows = np.stack([next(self._rows) for _ in range(steps)])
            batches = tf.nest.map_structure(
                lambda array, rows=rows: tf.constant(array[rows]), self._data
            )
            loss = float(self._run(batches, tf.constant(rates, tf.float32)))
            seconds = self.clock() - now
            if progress.done:
                self.seconds.steps += seconds
            else:
                self.seconds.trace += seconds
            progress.advance(steps, seconds)
        return loss

    def _record(
        self,
        result: Training,
        epoch: float,
        loss: float,
        validate: Callable[[], float] | None,
    ) -> float:
        """Validate, and keep this epoch if it is to be kept; return its score.

        Without validation each epoch counts as better than the one before.
        """
        if validate is None:
            result.curve.append((epoch, loss, None))
            result.variables = [np.array(v) for v in self.model.variables]
            result.best_epoch = epoch
            return epoch
        start = self.clock()
        score = validate()
        self.seconds.validate += self.clock() - start
        result.curve.append((epoch, loss, score))
        better = result.score is None or score >= result.score
        if better or not self.recipe.restore_best_epoch:
            result.variables = [np.array(v) for v in self.model.variables]
            result.best_epoch = epoch
            result.score = score
        return score

    def _possible_steps(self, progress: Progress, start: float, end: float) -> float:
        """Return the step at which the time will be up; at least the next one."""
        if math.isinf(end):
            return math.inf
        now = self.clock()
        spent = now - start - self.seconds.trace
        per_step = spent / max(1, progress.done - 1)
        possible = progress.done + int(PLAN_SHARE * (end - now) / max(per_step, 1e-9))
        return max(possible, progress.done + 1)
