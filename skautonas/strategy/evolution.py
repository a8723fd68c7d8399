"""Regularised evolution."""

from collections import deque
from typing import Any

import numpy as np

from skautonas.strategy.base import SearchOracle
from skautonas.strategy.options import check_least, check_share

# Population and tournament are between the 10 and 3 of NATS-Bench's script and the 30
# and 10 of naszilla. These and the share of children with two parents were not tuned.
POPULATION_SIZE, TOURNAMENT_SIZE, CROSSOVER = 20, 6, 0.2
# A child that was tried already is mutated anew so often, by more changes at the end.
CHANGES = (1, 1, 1, 1, 2, 2, 3, 4)


class EvolutionOracle(SearchOracle):
    """Mutations of the best of a sample, in a population whose oldest member dies.

    After random trials, each further one is the child of the winner of a tournament:
    with a hyperparameter changed and, at times, some of them from a second winner. The
    child takes the place of the oldest, not of the worst, so that a score that was luck
    does not stay.

    Parameters
    ----------
    population_size : int, default=20
        Members, and random trials at the start.
    tournament_size : int, default=6
        How many of them are drawn for a tournament.
    crossover : float, default=0.2
        Share of children with two parents.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ValueError
        Where an option is out of its range.

    References
    ----------
    .. [1] Real, Aggarwal, Huang and Le (2019), Regularized evolution for image
       classifier architecture search.
    """

    def __init__(
        self,
        population_size: int = POPULATION_SIZE,
        tournament_size: int = TOURNAMENT_SIZE,
        crossover: float = CROSSOVER,
        **options: Any,
    ) -> None:
        check_least(1, population_size=population_size, tournament_size=tournament_size)
        if tournament_size > population_size:
            raise ValueError(
                "Expected a tournament_size of at most population_size="
                f"{population_size}; received {tournament_size}."
            )
        check_share(crossover=crossover)
        self.population_size = population_size
        self.tournament_size = tournament_size
        self.crossover = crossover
        super().__init__(**options)

    def forget(self) -> None:
        """Forget what was learned."""
        self._population: deque[Any] = deque(maxlen=self.population_size)

    def learn(self, trial: Any) -> None:
        """Let a completed trial into the population.

        Parameters
        ----------
        trial : keras_tuner.engine.trial.Trial
            Completed or failed.
        """
        if trial.status == "COMPLETED":
            self._population.append(trial)

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
        rng, space = self.generator(), self.configurations
        is_young = len(self.trials) < self.population_size
        if is_young or len(self._population) < self.tournament_size:
            return self.propose(self.draw_new(rng))
        for changes in CHANGES:
            child = self._winner(rng)
            if rng.random() < self.crossover:
                child = space.cross(child, self._winner(rng), rng)
            values = space.values(space.mutate(child[None], rng, changes)[0])
            if self.is_new(values):
                return self.propose(values)
        return self.propose(self.draw_new(rng))

    def _winner(self, rng: np.random.Generator) -> np.ndarray:
        drawn = rng.permutation(len(self._population))[: self.tournament_size]
        return self.row(max((self._population[i] for i in drawn), key=self.gain))
