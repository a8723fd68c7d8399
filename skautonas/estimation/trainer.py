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
from skautonas.estimation.plan import PROBE_STEPS, Plan, Progress
from skautonas.estimation.schedule import rate_factor
from skautonas.estimation.steps import row_batches
from skautonas.estimation.task import Seconds
from skautonas.estimation.training import Training, TrainingState
from skautonas.exceptions import NotFiniteError, NoTimeError
from skautonas.space.recipe import Recipe

# Returns the score of the validation rows, and what the model put out for them.
Validate = Callable[[], tuple[float, np.ndarray]]

# Tiny data sets are validated after this many steps rather than at every epoch.
MIN_STEPS_BETWEEN_VALIDATIONS = 24
# Of the rows that one call of the compiled loop takes along.
CHUNK_BYTES = 64_000_000
# Share of the time left that the schedule of a training may fill.
PLAN_SHARE = 0.95
# Steps that tell how long a training takes: the first one traces, the next few are the
# first that were timed.
TOLD_STEPS = 1 + 2 * PROBE_STEPS
# Of a training step, the share that is the forward pass: the backward one is two such.
FORWARD_SHARE = 1 / 3


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
        self.seconds = Seconds()
        self.progress = Progress(0)
        # The step after which to stop.
        self._limit = 0
        # The step, and when it was done, from which on steps are timed: the last
        # validation, or where the first steps, which are slower, were behind.
        self._timed_from: tuple[int, float] | None = None
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
        # Seconds of each validation; the first one traces.
        self._validations: list[float] = []
        # Most seconds to leave for the first one.
        self._longest_reserve = math.inf
        # Whether there is no time for as much as is planned at least; None where that
        # is not known yet.
        self._is_too_slow: bool | None = None
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
        end = math.inf if plan.seconds is None else start + plan.seconds
        if start >= end:
            raise NoTimeError(
                "The time was up before the first step. Raise time_budget."
            )
        result = Training(variables=[])
        self.progress = progress = Progress(plan.epochs * self.steps_per_epoch)
        if state is not None:
            self.progress = progress = self._go_on(result, state)
        self._rows = row_batches(self.n_rows, self.batch, self.seed, progress.done)
        self._limit = max(1, round(plan.share * progress.total))
        interval = self._steps_between_validations()
        while progress.done < self._limit and not self._is_out_of_patience():
            next_validation = (progress.done // interval + 1) * interval
            loss = self._advance(plan, next_validation, end)
            if not math.isfinite(loss):
                if not result.variables:
                    raise NotFiniteError(
                        f"Expected a finite training loss; it is {loss}. Check the "
                        "scale of inputs and targets, or lower the learning rates."
                    )
                break
            epoch = progress.done / self.steps_per_epoch
            self._known = self._records(result) if progress.done % interval else {}
            score = self._record(result, epoch, loss, validate)
            if score > self._best:
                self._best, self._best_at = score, epoch
            share = progress.done / progress.total
            if progress.done >= self._limit:
                break  # what has trained as long as it should is not stopped
            result.hopeless = bool(self._is_too_slow) or plan.is_hopeless(
                share, self._best
            )
            if result.hopeless or self.clock() >= end - self._reserve(plan):
                break
            if progress.per_step:  # how long a step takes is known
                now = self.clock()
                self._resize(plan, self._possible_steps(plan, now, end))
                self._timed_from = progress.done, now
        if not result.variables:
            # It had stopped here already, between two validations.
            epoch = progress.done / self.steps_per_epoch
            self._known = self._records(result)
            self._record(result, epoch, math.nan, validate)
        result.epochs = progress.done / self.steps_per_epoch
        result.planned_epochs = progress.total / self.steps_per_epoch
        result.seconds = self.seconds
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

    def _possible_steps(self, plan: Plan, now: float, end: float) -> float:
        """Return the step at which the time will be up; at least the next one."""
        if math.isinf(end):
            return math.inf
        done, per_step = self.progress.done, self.progress.per_step
        if self._timed_from is None:
            self._timed_from = done, now
        first, start = self._timed_from
        if done > first:
            validation = self._validations[-1] if self._validations else 0.0
            per_step = (now - start - validation) / (done - first)
        reserve = self._reserve(plan)
        usual = reserve if self._validations else self._forward_seconds(plan)
        per_step += usual / self._steps_between_validations()
        left = PLAN_SHARE * (end - now - reserve)
        return done + max(1, int(left / max(per_step, 1e-9)))

    def _resize(self, plan: Plan, possible: float) -> None:
        """Fit the schedule, as a whole, to the steps for which there is the time."""
        planned = max(1.0, plan.epochs * self.steps_per_epoch)
        total = min(possible / plan.share, planned)
        self.progress.resize(round(total), plan.share)
        self._limit = round(plan.share * self.progress.total)

    def _advance(self, plan: Plan, stop: int, end: float) -> float:
        """Train until step ``stop``, the last one or the time's end.

        Returns the mean loss.
        """
        import tensorflow as tf

        self.model.reset_metrics()
        progress, loss = self.progress, math.nan
        is_first = progress.done == progress.start
        while progress.done < min(stop, self._limit):
            now = self.clock()
            left = end - now - self._reserve(plan)
            if left <= 0 and progress.done > progress.start:
                break
            is_told = progress.done - progress.start >= TOLD_STEPS
            if is_told and is_first:
                possible = self._possible_steps(plan, now, end)
                if self._is_too_slow is None:
                    wanted = plan.share * plan.epochs * self.steps_per_epoch
                    self._is_too_slow = possible < plan.least_share * wanted
                if self._is_too_slow:
                    break
                self._resize(plan, possible)
            last = min(stop, self._limit)
            steps = min(last - progress.done, progress.chunk(left), self._most_steps)
            factors = np.minimum(
                rate_factor(self.recipe.schedule, progress.of_next(steps)),
                plan.rate_limit((progress.done + np.arange(steps)) / self._limit),
            )
            rates = self.recipe.learning_rate * factors
            rows = np.stack([next(self._rows) for _ in range(steps)])
            batches = tf.nest.map_structure(
                lambda array, rows=rows: tf.constant(array[rows]), self._data
            )
            loss = float(self._run(batches, tf.constant(rates, tf.float32)))
            seconds = self.clock() - now
            if progress.done > progress.start:
                self.seconds.steps += seconds
            else:
                self.seconds.trace += seconds
                self._longest_reserve = (end - self.clock()) / 2
            progress.advance(steps, seconds)
        return loss

    def _record(
        self,
        result: Training,
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
        self._validations.append(self.clock() - start)
        self.seconds.validate += self._validations[-1]
        result.curve.append((epoch, loss, score))
        return score

    def _forward_seconds(self, plan: Plan) -> float:
        """Return what predicting the validation rows takes, by the steps so far."""
        steps = plan.validation_rows / self.batch
        return FORWARD_SHARE * steps * self.progress.per_step

    def _reserve(self, plan: Plan) -> float:
        """Return the seconds to leave for the next validation.

        The first one is taken to add to its forward passes what the first step took,
        but no more than half of the time that was left then.
        """
        if len(self._validations) > 1:
            return self._validations[-1]
        forward = self._forward_seconds(plan)
        if self._validations:
            return max(forward, self._validations[0] - self.seconds.trace)
        if not plan.validation_rows:
            return 0.0
        return min(self.seconds.trace + forward, self._longest_reserve)
