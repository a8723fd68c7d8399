"""Reinforcement learning of a controller."""

import math
from typing import Any

import numpy as np

from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.controller import Controller, Decision
from skautonas.strategy.options import check_least

# Chosen on a space of eight choices, where lower rates learned later, and higher ones
# worse; the decay is that of NATS-Bench's script.
LEARNING_RATE, ENTROPY_WEIGHT, BASELINE_DECAY = 0.02, 0.1, 0.9
# Half the units of NNI's controller (`PolicyBasedRL`); values of a range. Not tuned.
N_UNITS, LEVELS = 32, 8
# Draws of the controller before a configuration is drawn at random that was not tried.
MAX_DRAWS = 30
# An advantage is cut at so many standard deviations.
MOST_ADVANTAGE = 3.0


class ReinforceOracle(SearchOracle):
    """An LSTM that draws configurations, and is rewarded by their scores.

    The controller takes one hyperparameter after the other, and maximises the expected
    score J(θ) = E[R] by the policy gradient [1]_, with a moving average of the scores
    as baseline, their moving deviation as scale, and a bonus for entropy [2]_. What was
    tried already is drawn again.

    Parameters
    ----------
    learning_rate : float, default=0.02
        Of Adam.
    entropy_weight : float, default=0.1
        Of the bonus.
    baseline_decay : float, default=0.9
        Of the moving averages, corrected for their start.
    n_units : int, default=32
        Units of the LSTM.
    levels : int, default=8
        How many values of a range there are to choose from.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ValueError
        Where an option is out of its range.

    References
    ----------
    .. [1] Zoph and Le (2017), Neural architecture search with reinforcement learning.
    .. [2] Pham, Guan, Zoph, Le and Dean (2018), Efficient neural architecture search
       via parameter sharing.
    """

    def __init__(
        self,
        learning_rate: float = LEARNING_RATE,
        entropy_weight: float = ENTROPY_WEIGHT,
        baseline_decay: float = BASELINE_DECAY,
        n_units: int = N_UNITS,
        levels: int = LEVELS,
        **options: Any,
    ) -> None:
        for name, value, is_right, range_ in (
            ("learning_rate", learning_rate, learning_rate > 0, "above 0"),
            ("entropy_weight", entropy_weight, entropy_weight >= 0, "of 0 or more"),
            ("baseline_decay", baseline_decay, 0 <= baseline_decay < 1, "in [0, 1)"),
        ):
            if not (is_right and math.isfinite(value)):
                raise ValueError(f"Expected {name} {range_}; received {value}.")
        check_least(1, n_units=n_units)
        check_least(2, levels=levels)
        self.learning_rate = learning_rate
        self.entropy_weight = entropy_weight
        self.baseline_decay = baseline_decay
        self.n_units = n_units
        self.levels = levels
        super().__init__(**options)

    def forget(self) -> None:
        """Forget what was learned."""
        self._controller: Any = None
        self._numbers: list[np.ndarray] = []
        # Weight of the moving averages, average, and average of squared deviations.
        self._weight, self._baseline, self._variance = 0.0, 0.0, 0.0
        self._worst = math.inf

    def learn(self, trial: Any) -> None:
        """Reward the decisions of a trial; one that failed counts as the worst.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        self._prepare(self._n_learned - 1)
        self._reward(trial)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` "RUNNING" and ``values``; "STOPPED" where all was tried.
        """
        rng = self.generator()
        self._prepare(self._n_learned)
        for _ in range(MAX_DRAWS):
            values = self._drawn(rng)
            if self.is_new(values):
                return self.propose(values)
        return self.propose(self.draw_new(rng))

    def _prepare(self, n_learned: int) -> None:
        """Make the controller for the space; one for a grown space learns again."""
        space = self.configurations
        if self._controller is not None and len(self._numbers) == len(space.dials):
            return
        self.forget()
        self._numbers = space.levels(self.levels)
        sizes = [len(numbers) for numbers in self._numbers]
        rng = np.random.default_rng([self.seed, 0])
        self._controller = Controller(sizes, self.n_units, rng)
        for trial_id in self.end_order[:n_learned]:
            self._reward(self.trials[trial_id])

    def _reward(self, trial: Any) -> None:
        reward = self._worst
        if trial.status == "COMPLETED":
            reward = self.gain(trial)
        if not math.isfinite(reward):
            return
        self._worst = min(self._worst, reward)
        advantage = self._advantage(reward)
        decisions = self._decisions(self.row(trial))
        self._controller.update(
            decisions, advantage, self.entropy_weight, self.learning_rate
        )

    def _drawn(self, rng: np.random.Generator) -> Configuration:
        episode, space = self._controller.start(), self.configurations
        row = np.full(len(space.dials), np.nan)
        for column, numbers in enumerate(self._numbers):
            if space.is_active(column, row):
                chances = episode.chances(column)
                option = int(rng.choice(len(chances), p=chances))
                episode.take(option)
                row[column] = numbers[option]
        return space.values(row)

    def _decisions(self, row: np.ndarray) -> list[Decision]:
        """Return which options a configuration stands for, the nearest of a range."""
        return [
            (int(column), int(np.abs(self._numbers[column] - row[column]).argmin()))
            for column in np.flatnonzero(~np.isnan(row))
        ]

    def _advantage(self, reward: float) -> float:
        """Return a reward less the baseline, in deviations; move both."""
        before = self._baseline / self._weight if self._weight else reward
        deviation = reward - before
        decay = self.baseline_decay
        self._weight = decay * self._weight + (1 - decay)
        self._baseline = decay * self._baseline + (1 - decay) * reward
        self._variance = decay * self._variance + (1 - decay) * deviation**2
        scale = math.sqrt(self._variance / self._weight)
        if not scale:
            return 0.0
        return max(-MOST_ADVANTAGE, min(MOST_ADVANTAGE, deviation / scale))
