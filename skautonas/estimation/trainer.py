"""Training in compiled loops over arrays in memory.

An epoch of `keras.Model.fit` spends most of its time outside of TensorFlow where
the model is small. Here a whole chunk of steps is one call of a `tf.function` that
loops over `model.train_step` (benchmarks/trainer.py compares the two).
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from skautonas.data.encode import row_bytes
from skautonas.estimation.compiled import CompiledModel
from skautonas.estimation.pace import Pace
from skautonas.estimation.plan import Plan, Progress
from skautonas.estimation.schedule import rate_factor
from skautonas.estimation.steps import row_batches
from skautonas.estimation.training import Training, TrainingState
from skautonas.exceptions import NotFiniteError, NoTimeError
from skautonas.space.recipe import Recipe

# Returns the score of the validation rows, and what the model put out for them.
Validate = Callable[[], tuple[float, np.ndarray]]

# Tiny data sets are validated after this many steps rather than at every epoch.
MIN_STEPS_BETWEEN_VALIDATIONS = 24
# Of the rows that one call of the compiled loop takes along.
CHUNK_BYTES = 64_000_000


class Trainer:
    """One model and the arrays that train it.

    Parameters
    ----------
    compiled : CompiledModel
        Model, with the steps that train it.
    data : tuple
        Inputs as the model takes them, an array or a dict of arrays; targets of shape
        (n,) or (n, targets); where rows have them, their weights in the loss, (n,). The
        arrays may be mapped from files.
    recipe : Recipe
        Schedule, patience.
    seed : int
        Gives the order of the rows.
    clock : callable
        Returns seconds; monotonic.
    """

    def __init__(
        self,
        compiled: CompiledModel,
        data: Any,
        recipe: Recipe,
        seed: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = compiled.model
        self.recipe = recipe
        self.seed = seed
        self.clock = clock
        self.progress = Progress(0)
        import tensorflow as tf

        self.n_rows = len(data[1])
        self.batch = compiled.batch
        self.steps_per_epoch = max(1, self.n_rows // self.batch)
        self._rows: Iterator[np.ndarray] = iter(())
        self._data = data
        self._run = compiled.run
        self._averaged = compiled.averaged
        step_bytes = self.batch * row_bytes(tf.nest.flatten(self._data))
        self._most_steps = max(1, CHUNK_BYTES // step_bytes)
        # The greatest score, and the epoch that it is of.
        self._best, self._best_at = -math.inf, 0.0
        # What is known before a validation that a longer training would not do.
        self._known: dict[str, Any] = {}

    def fit(
        self,
        plan: Plan,
        validate: Validate | None = None,
        state: TrainingState | None = None,
    ) -> Training:
        """Train as planned, and keep the best validated epoch.

        Parameters
        ----------
        plan : Plan
            Length and time limit.
        validate : callable, optional
            Returns the score of the validation rows, greater is better, and what the
            model put out for them. Without it the last weights are kept.
        state : TrainingState, optional
            Where an earlier training stopped, for this one to go on.

        Raises
        ------
        NotFiniteError
            Where the loss is NaN or infinite before any epoch was validated.
        NoTimeError
            Where there was no time for one step.
        """
        start = self.clock()
        if plan.seconds is not None and plan.seconds <= 0:
            raise NoTimeError(
                "The time was up before the first step. Raise time_budget."
            )
        result = Training(variables=[])
        self.progress = progress = Progress(plan.epochs * self.steps_per_epoch)
        if state is not None:
            self.progress = progress = self._go_on(result, state)
        self._rows = row_batches(self.n_rows, self.batch, self.seed, progress.done)
        interval = self._steps_between_validations()
        steps_per_epoch, batch = self.steps_per_epoch, self.batch
        pace = Pace(plan, progress, start, steps_per_epoch, interval, batch)
        while progress.done < pace.limit and not self._is_out_of_patience():
            next_validation = (progress.done // interval + 1) * interval
            loss = self._advance(plan, pace, next_validation)
            if not math.isfinite(loss):
                if not result.variables:
                    raise NotFiniteError(
                        f"Expected a finite training loss; it is {loss}. Check the "
                        "scale of inputs and targets, or lower the learning rates."
                    )
                break
            epoch = progress.done / self.steps_per_epoch
            self._known = self._records(result) if progress.done % interval else {}
            score = self._record(result, pace, epoch, loss, validate)
            if score > self._best:
                self._best, self._best_at = score, epoch
            share = progress.done / progress.total
            if progress.done >= pace.limit:
                break  # what has trained as long as it should is not stopped
            below_floor = plan.is_hopeless(share, self._best)
            result.hopeless = bool(pace.is_too_slow) or below_floor
            if result.hopeless or pace.left(self.clock()) <= 0:
                break
            pace.fit_schedule(self.clock())
        if not result.variables:
            # It had stopped here already, between two validations.
            epoch = progress.done / self.steps_per_epoch
            self._known = self._records(result)
            self._record(result, pace, epoch, math.nan, validate)
        result.epochs = progress.done / self.steps_per_epoch
        result.planned_epochs = progress.total / self.steps_per_epoch
        result.seconds = pace.seconds
        return result

    def state(self, result: Training, seconds: float) -> TrainingState:
        """Return where the training stopped that gave ``result``, in so many seconds.

        The validation at its end does not count, where a training that had not stopped
        there would not have had it.
        """
        known = self._known or self._records(result)
        return TrainingState(
            variables=[np.array(v) for v in self.model.variables],
            optimizer=[np.array(v) for v in self.model.optimizer.variables],
            done=self.progress.done,
            total=self.progress.total,
            anchor=self.progress.to_go_on(),
            seconds=seconds,
            **known,
        )

    def _records(self, result: Training) -> dict[str, Any]:
        """Return what validation has told so far."""
        return {
            "kept": result.variables,
            "outputs": result.outputs,
            "score": -math.inf if result.score is None else result.score,
            "best_epoch": result.best_epoch,
            "best": self._best,
            "best_at": self._best_at,
            "curve": list(result.curve),
        }

    def _go_on(self, result: Training, state: TrainingState) -> Progress:
        """Put model, optimizer and records where an earlier training stopped."""
        for variables, values in (
            (self.model.variables, state.variables),
            (self.model.optimizer.variables, state.optimizer),
        ):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        self._best, self._best_at = state.best, state.best_at
        result.variables = state.kept
        result.outputs = state.outputs
        result.score = state.score if state.kept else None
        result.best_epoch, result.curve = state.best_epoch, list(state.curve)
        result.start_epoch = state.done / self.steps_per_epoch
        result.earlier_seconds = state.seconds
        return Progress(state.total, state.done, state.anchor)

    def _is_out_of_patience(self) -> bool:
        epoch = self.progress.done / self.steps_per_epoch
        return epoch - self._best_at >= self.recipe.patience

    def _steps_between_validations(self) -> int:
        epochs = math.ceil(MIN_STEPS_BETWEEN_VALIDATIONS / self.steps_per_epoch)
        return epochs * self.steps_per_epoch

    def _advance(self, plan: Plan, pace: Pace, stop: int) -> float:
        """Train until step ``stop``, the last one or the time's end.

        Returns the mean loss.
        """
        import tensorflow as tf

        self.model.reset_metrics()
        progress, loss = self.progress, math.nan
        is_first = progress.done == progress.start
        while progress.done < min(stop, pace.limit):
            now = self.clock()
            left = pace.left(now)
            if left <= 0 and progress.done > progress.start:
                break
            if is_first:
                pace.fit_first_epoch(now)
                if pace.is_too_slow:
                    break
            last = min(stop, pace.limit)
            steps = min(last - progress.done, progress.chunk(left), self._most_steps)
            factors = np.minimum(
                rate_factor(self.recipe.schedule, progress.of_next(steps)),
                plan.rate_limit((progress.done + np.arange(steps)) / pace.limit),
            )
            rates = self.recipe.learning_rate * factors
            rows = np.stack([next(self._rows) for _ in range(steps)])
            batches = tf.nest.map_structure(
                lambda array, rows=rows: tf.constant(array[rows]), self._data
            )
            loss = float(self._run(batches, tf.constant(rates, tf.float32)))
            done = self.clock()
            pace.trained(steps, done - now, done)
        return loss

    def _record(
        self,
        result: Training,
        pace: Pace,
        epoch: float,
        loss: float,
        validate: Validate | None,
    ) -> float:
        """Validate, and keep this epoch if it is to be kept; return its score.

        Without validation each epoch counts as better than the one before.
        """
        if validate is None:
            result.curve.append((epoch, loss, None))
            with self._averaged():
                result.variables = [np.array(v) for v in self.model.variables]
            result.best_epoch = epoch
            return epoch
        start = self.clock()
        with self._averaged():
            score, outputs = validate()
            better = result.score is None or score >= result.score
            if better or not self.recipe.restore_best_epoch:
                result.variables = [np.array(v) for v in self.model.variables]
                result.outputs = [outputs]
                result.best_epoch = epoch
                result.score = score
        pace.validated(self.clock() - start)
        result.curve.append((epoch, loss, score))
        return score
