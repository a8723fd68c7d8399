"""Hyperband: brackets of successive halving."""

import copy
import math
from typing import Any

from skautonas.strategy.rungs import RungOracle


class HyperbandOracle(RungOracle):
    """Many short trainings, of which the best third goes on, three times as long.

    A bracket begins with random configurations on its shortest rung; as its members
    finish, the best of them are promoted to the next one, where they go on from their
    checkpoint. A bracket that starts on a longer rung follows, and the last one trains
    all its configurations in full; then it begins again. A member that fails counts as
    one that is not promoted, so that the next rung is filled or closed without it.

    Parameters
    ----------
    max_epochs : int, default=None
        Epochs of the longest rung. None leaves them to the recipe: the rungs are then
        shares of it, which ``tuner/epochs`` counts in units of the shortest.
    factor : int, default=3
        How many times longer the next rung is, and how many of its members the
        previous one has for each of its own.
    rungs : int, default=2
        Number of rungs of the longest bracket; fewer where ``max_epochs`` is small.
    fidelity : {"epochs", "rows"}, default="epochs"
        What a lower rung has less of: training, which a promoted trial goes on with,
        or training rows, on which it starts anew.
    **options
        As for `keras_tuner.Oracle`.

    Raises
    ------
    ValueError
        Where an option is out of its range.

    References
    ----------
    .. [1] Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar (2018), Hyperband: a novel
       bandit-based approach to hyperparameter optimization.
    """

    def forget(self) -> None:
        """Forget what was begun."""
        self._n_brackets = 0
        self._brackets: list[dict[str, Any]] = []

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` "RUNNING" and ``values``, with ``tuner/epochs``,
            ``tuner/initial_epoch`` and, of a promoted trial, ``tuner/trial_id``; "IDLE"
            where only running trials can bring more, and "STOPPED" at the end.
        """
        self._brackets = [b for b in self._brackets if not self._is_done(b)]
        response = self._promote(trial_id) or self._begin(trial_id)
        if response is None:
            # Nothing new is left: the members that are there are all there will be.
            for bracket in self._brackets:
                bracket["exhausted"] = True
            response = self._promote(trial_id)
        if response is None:
            status = "IDLE" if self.ongoing_trials else "STOPPED"
            return {"status": status, "values": None}
        return response

    def resumable(self) -> set[str]:
        """Return the finished trials that may still be promoted.

        Returns
        -------
        set of str
            Their identifiers: what must not be forgotten of them is their checkpoint.
        """
        return {
            trial.trial_id
            for bracket in self._brackets
            for rung in range(len(bracket["rungs"]) - 1)
            for trial in self._candidates(bracket, rung)[
                : self._missing(bracket, rung + 1)
            ]
        }

    def get_state(self) -> dict[str, Any]:
        """Return what `set_state` needs.

        Returns
        -------
        dict
            Plain data.
        """
        return super().get_state() | {
            "n_brackets": self._n_brackets,
            "brackets": self._brackets,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Parameters
        ----------
        state : dict
            From `get_state`.
        """
        super().set_state(state)
        self._n_brackets = state["n_brackets"]
        self._brackets = copy.deepcopy(state["brackets"])

    def _start_bracket(self) -> dict[str, Any]:
        """Start the next bracket: the most aggressive first, then over again."""
        n_rungs = self.rungs - self._n_brackets % self.rungs
        self._n_brackets += 1
        # Identifiers: the members of each rung, and those of them that went on.
        bracket = {
            "rungs": [[] for _ in range(n_rungs)],
            "promoted": [],
            "exhausted": False,
        }
        self._brackets.append(bracket)
        return bracket

    def _size(self, bracket: dict[str, Any], rung: int) -> int:
        """Return how many members a rung may have: brackets cost about the same."""
        n_rungs = len(bracket["rungs"])
        members = self.rungs / n_rungs * self.factor ** (n_rungs - 1)
        return math.ceil(members - 1e-9) // self.factor**rung

    def _missing(self, bracket: dict[str, Any], rung: int) -> int:
        return self._size(bracket, rung) - len(bracket["rungs"][rung])

    def _candidates(self, bracket: dict[str, Any], rung: int) -> list[Any]:
        """Return the finished members that were not promoted, best first."""
        members = [self.trials.get(i) for i in bracket["rungs"][rung]]
        finished = [
            trial
            for trial in members
            if trial is not None
            and trial.status == "COMPLETED"
            and trial.trial_id not in bracket["promoted"]
        ]
        return sorted(finished, key=self.gain, reverse=True)

    def _n_lost(self, bracket: dict[str, Any], rung: int) -> int:
        """Return how many members failed."""
        members = [self.trials.get(i) for i in bracket["rungs"][rung]]
        return sum(t is not None and t.status == "FAILED" for t in members)

    def _is_closed(self, bracket: dict[str, Any], rung: int) -> bool:
        """Tell whether a rung gets no further members."""
        if self._missing(bracket, rung) <= 0:
            return True
        if rung == 0:
            return bracket["exhausted"]
        below = rung - 1
        waits = self._n_running(bracket, below) or self._candidates(bracket, below)
        return self._is_closed(bracket, below) and not waits

    def _n_running(self, bracket: dict[str, Any], rung: int) -> int:
        members = [self.trials.get(i) for i in bracket["rungs"][rung]]
        # One that is to be tried again runs, too.
        return sum(t is None or t.status in ("RUNNING", "INVALID") for t in members)

    def _is_done(self, bracket: dict[str, Any]) -> bool:
        return self._is_closed(bracket, len(bracket["rungs"]) - 1)

    def _promote(self, trial_id: str) -> dict[str, Any] | None:
        """Promote a member that is sure enough to be among the best of its rung."""
        for bracket in self._brackets:
            n_rungs = len(bracket["rungs"])
            for rung in reversed(range(n_rungs - 1)):
                if self._may_promote(bracket, rung):
                    best = self._candidates(bracket, rung)[0]
                    bracket["promoted"].append(best.trial_id)
                    bracket["rungs"][rung + 1].append(trial_id)
                    return self.promote(best, n_rungs - 2 - rung)
        return None

    def _may_promote(self, bracket: dict[str, Any], rung: int) -> bool:
        candidates = self._candidates(bracket, rung)
        if not candidates or self._missing(bracket, rung + 1) <= 0:
            return False
        if self._is_closed(bracket, rung) and not self._n_running(bracket, rung):
            return True
        # Before all have finished: when more are there than will be dropped.
        dropped = self._size(bracket, rung) - self._size(bracket, rung + 1)
        return len(candidates) + self._n_lost(bracket, rung) > dropped

    def _begin(self, trial_id: str) -> dict[str, Any] | None:
        """Begin a new configuration on the shortest rung of a bracket."""
        values = self.draw(self.generator())
        if values is None:
            return None
        unfilled = (b for b in self._brackets if not self._is_closed(b, 0))
        bracket = next(unfilled, None) or self._start_bracket()
        bracket["rungs"][0].append(trial_id)
        return self.begin(values, len(bracket["rungs"]) - 1)
