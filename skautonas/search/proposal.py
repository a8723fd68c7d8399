"""What a strategy asks to be evaluated."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an oracle asks to be evaluated.

    ``values`` holds the active hyperparameters; ``epochs`` is the rung's fidelity,
    None for full.
    """

    handle: Any
    values: dict[str, Any]
    epochs: int | None
