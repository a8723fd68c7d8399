"""The contract between the data of a user and the arrays of a search."""

from collections.abc import Sequence
from typing import Any, Protocol, Self

import numpy as np

from skautonas.data.facts import Facts, Task

Arrays = dict[str, np.ndarray]


class Encoder(Protocol):
    """Turns the X of one modality into arrays; fitted on training rows only.

    An encoder is plain numpy and pickles. What it does to raw inputs is a Keras
    model, so that one definition serves the search and the exported model.
    """

    def fit(self, X: Any) -> Self:
        """Learn vocabularies and statistics from the training rows."""

    def with_room_for(self, others: Sequence[Self]) -> Self:
        """Return this encoder with room for what the encoders of other splits know.

        All of them then offer the same hyperparameters, and models of the same sizes.
        """

    def facts(self, *, task: Task, n_outputs: int, n_rows: int) -> Facts:
        """Return what a search space must know of the encoded arrays."""

    def to_inputs(self, X: Any) -> Arrays:
        """Return the raw input tensors for X, by input name, as the model takes them.

        Raises
        ------
        ValueError
            Where X does not look like what was fitted.
        """

    def preprocessing(self) -> Any:
        """Return the Keras model from raw inputs to encoded arrays, both dicts."""

    def snippet(self) -> str:
        """Return Python source that defines ``to_inputs(X)`` with numpy alone."""
