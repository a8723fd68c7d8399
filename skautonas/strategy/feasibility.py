"""A wrapper that leaves out what cannot be used."""

from collections.abc import Callable, Mapping
from typing import Any

import keras_tuner

from skautonas.space.base import Configuration
from skautonas.strategy.base import SearchOracle
from skautonas.strategy.own_values import PARENT, split_values
from skautonas.strategy.wrapper import WrapperOracle, innermost

# Proposals in a row that are not feasible, before one is drawn.
MAX_ASKS = 100


class FeasibilityFilter(WrapperOracle):
    """Tries feasible configurations only.

    For what is known before training, such as a width times a depth. Our strategies
    propose no others; another oracle is told that they failed, and where it proposes no
    feasible one in a hundred, one is drawn at random. Where hardly one in a thousand is
    feasible, the search may end before all of them were tried.

    Parameters
    ----------
    oracle : keras_tuner.Oracle
        The one to ask.
    is_feasible : callable
        ``is_feasible(values)`` tells whether to try a configuration, a dict of the
        active hyperparameters by name: those of other branches are not in it. A
        suggestion calls it up to some 20 000 times.

    Raises
    ------
    TypeError
        Where it is no function.
    """

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        is_feasible: Callable[[Mapping[str, Any]], bool],
    ) -> None:
        super().__init__(oracle)
        if not callable(is_feasible):
            raise TypeError(
                "Expected is_feasible to be a function of a configuration, a dict; "
                f"received {is_feasible!r}."
            )
        self.is_feasible = is_feasible
        within = innermost(oracle)
        if isinstance(within, SearchOracle):
            within.constraints.append(self.is_met)

    def is_met(self, values: Mapping[str, Any]) -> bool:
        """Return what the function says of a configuration.

        Parameters
        ----------
        values : mapping of str to value
            Active hyperparameters by name.

        Returns
        -------
        bool
            Whether to try it.

        Raises
        ------
        TypeError
            Where the function returns None.
        """
        feasible = self.is_feasible(values)
        if feasible is None:
            raise TypeError(
                "Expected is_feasible to return True or False; received None. Add a "
                "return to it."
            )
        return bool(feasible)

    def accepts(self, values: Configuration) -> bool:
        """Tell whether a configuration is feasible, here and within.

        Parameters
        ----------
        values : dict of str to value
            Active hyperparameters by name.

        Returns
        -------
        bool
            Whether it is.
        """
        return self.is_met(values) and super().accepts(values)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the next feasible proposal.

        Parameters
        ----------
        trial_id : str
            The trial's identifier.

        Returns
        -------
        dict
            ``status`` and ``values``; where nothing feasible is found "IDLE" while
            trials run, else "STOPPED".
        """
        for _ in range(MAX_ASKS):
            inner = self.inner_trials.ask()
            values, own = split_values(inner.hyperparameters.values)
            # What goes on was a start, where it is not feasible.
            if inner.status != "RUNNING" or PARENT in own or self.is_met(values):
                return self.pass_on(trial_id, inner)
            self.inner_trials.tell(inner.trial_id, None)
        return self.draw_instead()
